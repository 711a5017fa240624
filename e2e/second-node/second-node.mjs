/*
 * A second node, written from docs/protocol.md alone: nothing of the product,
 * and of Node only its sockets and its hashes. It keeps nothing but a key.
 *
 *     node second-node.mjs KEY REGISTRY-URL NAME
 *
 * KEY is a file; it is made where there is none. Each line of stdin is a
 * command, and each line of stdout an event, in JSON:
 *
 *     send PEER-ID TEXT     read PEER-ID     frame PEER-ID JSON     dial     end
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setInterval } from 'node:timers';
import { connect, createServer } from 'node:tls';

const [keyFile, registry, user] = process.argv.slice(2);
const tell = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const sha256 = (...parts) =>
  createHash('sha256')
    .update(Buffer.concat(parts.map(Buffer.from)))
    .digest();

/* Section 1: identity */

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.replace(/.{1,5}/g, (five) => ALPHABET[parseInt(five.padEnd(5, '0'), 2)]);
}
function unbase32(text) {
  const bits = [...text].map((one) => ALPHABET.indexOf(one).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}
const spkiOf = (key) => key.export({ type: 'spki', format: 'der' });
const peerIdOf = (key) => base32(sha256(spkiOf(key)));

if (!existsSync(keyFile)) {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}
const privateKey = createPrivateKey(readFileSync(keyFile));
const publicKey = createPublicKey(privateKey);
const self = peerIdOf(publicKey);
const instance = randomBytes(8).toString('hex');

/* Section 2: the channel */

// X.509 in DER, by hand: what it says besides the key means nothing.
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
const SEQUENCE = 0x30;
const ed25519 = der(SEQUENCE, der(0x06, Buffer.from([0x2b, 0x65, 0x70])));
const commonName = der(SEQUENCE, der(0x06, Buffer.from([0x55, 4, 3])), der(0x0c, Buffer.from('second')));
const name = der(SEQUENCE, der(0x31, commonName));
const time = (text) => der(0x18, Buffer.from(text));
const toSign = der(
  SEQUENCE,
  der(0x02, Buffer.from([1])),
  ed25519,
  name,
  der(SEQUENCE, time('20000101000000Z'), time('99991231235959Z')),
  name,
  spkiOf(publicKey),
);
const certificate = der(
  SEQUENCE,
  toSign,
  ed25519,
  der(0x03, Buffer.from([0]), sign(null, toSign, privateKey)),
);
const tls = {
  key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  sigalgs: 'ed25519',
  ALPNProtocols: ['p2p-chat/1'],
  requestCert: true,
  rejectUnauthorized: false,
};

/* Section 3: frames */

function encode(kind, payload) {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(payload.length + 1);
  header[4] = kind;
  return Buffer.concat([header, payload]);
}
/** Open links by peer, the newest last: for a moment there may be two. */
const links = new Map();
const linkTo = (peerId) => links.get(peerId)?.at(-1);
const send = (link, frame) => link.socket.write(encode(1, Buffer.from(JSON.stringify(frame))));

function open(socket, wanted) {
  const certificateOfPeer = socket.getPeerX509Certificate();
  const peerId = peerIdOf(certificateOfPeer.publicKey);
  if (socket.alpnProtocol !== 'p2p-chat/1' || (wanted && wanted !== peerId)) return socket.destroy();
  const link = { socket, peerId, key: certificateOfPeer.publicKey, greeted: false };
  let rest = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    leave(link);
    tell('closed', { peerId });
  });
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 5 && rest.length >= 4 + rest.readUInt32BE()) {
      const end = 4 + rest.readUInt32BE();
      const [kind, payload] = [rest[4], rest.subarray(5, end)];
      rest = rest.subarray(end);
      if (kind === 2) tookBatch(link, payload);
      else tookFrame(link, JSON.parse(payload.toString('utf8')));
    }
  });
  send(link, { type: 'hello', protocol: 1, user, agent: 'second/1', instance, port });
}

/** Counts a link no more; what was sent over it and not acknowledged goes over the other one, where there is one. */
function leave(link) {
  const { peerId } = link;
  const open = links.get(peerId) ?? [];
  if (!open.includes(link)) return;
  links.set(
    peerId,
    open.filter((one) => one !== link),
  );
  if (linkTo(peerId) !== undefined) state(linkTo(peerId), [self]);
}

/* Section 4: what the frames say */

function tookFrame(link, frame) {
  switch (frame.type) {
    case 'hello': {
      links.set(link.peerId, [...(links.get(link.peerId) ?? []), link]);
      const { id } = conversationWith(link.peerId);
      send(link, { type: 'digests', conversations: [[id, digest(link.peerId)]] });
      send(link, { type: 'presence', state: 'online', status: '', user });
      return tell('linked', { peerId: link.peerId, user: frame.user });
    }
    case 'digests':
      return tookDigests(link, frame);
    case 'state':
      return tookState(link, frame);
    case 'want':
      return tookWant(link, frame);
    case 'ping':
      return send(link, { type: 'pong' });
    case 'bye':
    case 'error':
      leave(link);
      tell(frame.type, { peerId: link.peerId, reason: frame.reason ?? frame.code });
      return link.socket.end();
  }
}

/* Section 5: conversations, feeds, batches */

const segment = randomBytes(16).toString('hex');
const conversations = new Map();
function conversationWith(peerId) {
  let one = conversations.get(peerId);
  if (one === undefined) {
    const [lower, higher] = [self, peerId].sort();
    const hash = sha256('p2p-chat/direct/1', unbase32(lower), unbase32(higher));
    // By author: the batches in their order. And what each end has read of the other.
    one = {
      id: base32(hash),
      hash,
      clock: 0n,
      feeds: { [self]: [], [peerId]: [] },
      read: { [self]: [], [peerId]: [] },
    };
    conversations.set(peerId, one);
  }
  return one;
}

const number = (bytes, value) =>
  Buffer.from(
    BigInt(value)
      .toString(16)
      .padStart(2 * bytes, '0'),
    'hex',
  );
const h = (text) => Buffer.from(text, 'hex');

/** Tips that no other batch of the feed follows, in the order of their segments. */
function tipsOf(batches) {
  const followed = new Set(batches.flatMap(({ follows }) => follows.map((tip) => tip.hash)));
  return batches
    .filter(({ hash }) => !followed.has(hash))
    .map(({ segment, first, entries, hash }) => ({
      segment,
      seq: first + entries.length - 1,
      clock: entries.at(-1).clock,
      hash,
    }))
    .sort((a, b) => (a.segment < b.segment ? -1 : 1));
}

/** Makes, signs and keeps a batch with one text. */
function write(peerId, body) {
  const conversation = conversationWith(peerId);
  const feed = conversation.feeds[self];
  const tips = tipsOf(feed);
  tips.sort((a, b) => (b.segment === segment) - (a.segment === segment));
  const now = BigInt(Date.now()) << 16n;
  conversation.clock = now > conversation.clock ? now : conversation.clock + 1n;
  const first = feed.filter((batch) => batch.segment === segment).length + 1;
  const content = Buffer.from(JSON.stringify({ kind: 'text', body }));
  const rest = [number(8, Date.now()), randomBytes(8), number(4, content.length), content];
  const clock = number(8, conversation.clock);
  const head = [
    conversation.hash,
    unbase32(self),
    h(segment),
    number(8, first),
    number(2, 1),
    number(1, tips.length),
    ...tips.flatMap((tip) => [h(tip.segment), number(8, tip.seq), h(tip.clock), h(tip.hash)]),
  ];
  const hash = sha256('p2p-chat/batch/1', ...head, clock, sha256(...rest));
  const signature = sign(null, Buffer.concat([Buffer.from('p2p-chat/batch-signature/1'), hash]), privateKey);
  return read(Buffer.concat([...head, clock, ...rest, signature]));
}

/** Reads a batch. */
function read(bytes) {
  let at = 0;
  const take = (length) => bytes.subarray(at, (at += length));
  const int = (length) => Number(BigInt(`0x${take(length).toString('hex')}`));
  const batch = {
    bytes,
    conversation: take(32),
    author: base32(take(32)),
    segment: take(16).toString('hex'),
  };
  batch.first = int(8);
  const [count, tips] = [int(2), int(1)];
  batch.follows = Array.from({ length: tips }, () => ({
    segment: take(16).toString('hex'),
    seq: int(8),
    clock: take(8).toString('hex'),
    hash: take(32).toString('hex'),
  }));
  const head = bytes.subarray(0, at);
  const leaves = [];
  batch.entries = Array.from({ length: count }, () => {
    const clock = take(8);
    const from = at;
    take(16);
    const content = take(int(4));
    leaves.push(clock, sha256(bytes.subarray(from, at)));
    return { clock: clock.toString('hex'), content: content.toString('utf8') };
  });
  const hash = sha256('p2p-chat/batch/1', head, ...leaves);
  batch.hash = hash.toString('hex');
  batch.isSignedBy = (key) =>
    bytes.length === at + 64 &&
    verify(null, Buffer.concat([Buffer.from('p2p-chat/batch-signature/1'), hash]), key, bytes.subarray(at));
  return batch;
}

/* Section 6: delivery */

function digest(peerId) {
  const { hash, feeds, read } = conversationWith(peerId);
  const members = [self, peerId].sort((a, b) => Buffer.compare(unbase32(a), unbase32(b)));
  const told = members.flatMap((author) => {
    const tips = tipsOf(feeds[author]);
    const each = tips.flatMap((tip) => [h(tip.segment), number(8, tip.seq), h(tip.hash)]);
    return tips.length === 0 ? [] : [unbase32(author), number(2, tips.length), ...each];
  });
  const marks = members.flatMap((member) => {
    const author = member === self ? peerId : self;
    const each = read[member].flatMap((mark) => [h(mark.segment), number(8, mark.seq)]);
    return each.length === 0
      ? []
      : [unbase32(member), unbase32(author), number(2, read[member].length), ...each];
  });
  return sha256('p2p-chat/digest/1', hash, Buffer.alloc(32), ...told, ...marks).toString('hex', 0, 16);
}

/** `state`: the tips held of these feeds. */
function state(link, authors, more = []) {
  const { id, feeds } = conversationWith(link.peerId);
  const held = authors.map((author) => ({ author, tips: tipsOf(feeds[author]) }));
  send(link, { type: 'state', conversation: id, feeds: [...held, ...more] });
}

function tookDigests(link, frame) {
  const { id, read } = conversationWith(link.peerId);
  const theirs = frame.conversations.find(([one]) => one === id)?.[1];
  if (theirs === digest(link.peerId)) return tell('same', { peerId: link.peerId });
  state(link, [self], [{ author: link.peerId, read: read[self] }]);
}

function tookState(link, frame) {
  const conversation = conversationWith(link.peerId);
  if (frame.conversation !== conversation.id) return;
  for (const { author, tips, read: marks } of frame.feeds) {
    if (tips !== undefined && author === link.peerId) {
      state(link, [author]);
      if (tips.some((tip) => !holds(conversation.feeds[author], tip))) want(link, author);
    }
    if (tips !== undefined && author === self) {
      const feed = conversation.feeds[self];
      if (tips.some((tip) => !holds(feed, tip))) want(link, self);
      else sendBeyond(link, self, (batch) => tips.some((tip) => isAtOrBefore(feed, batch, tip)));
      if (feed.length > 0 && tips.some(({ hash }) => hash === feed.at(-1).hash))
        tell('delivered', { peerId: link.peerId });
    }
    if (marks !== undefined && author === self) {
      conversation.read[link.peerId] = marks;
      tell('read', { peerId: link.peerId, marks });
    }
  }
}

const holds = (feed, tip) => feed.some(({ hash }) => hash === tip.hash);
/** Whether a tip stands for the batch: it is it, or follows it. */
function isAtOrBefore(feed, batch, tip) {
  if (batch.hash === tip.hash) return true;
  const at = feed.find(({ hash }) => hash === tip.hash);
  return at.follows.some((one) => isAtOrBefore(feed, batch, one));
}

function sendBeyond(link, author, isHeld) {
  for (const batch of conversationWith(link.peerId).feeds[author])
    if (!isHeld(batch)) link.socket.write(encode(2, batch.bytes));
}

function want(link, author) {
  const { id, feeds } = conversationWith(link.peerId);
  const segments = new Map(
    feeds[author].map(({ segment, first, entries }) => [segment, first + entries.length - 1]),
  );
  send(link, { type: 'want', conversation: id, author, segments: [...segments], more: false });
}

function tookWant(link, { author, segments }) {
  const theirs = new Map(segments);
  sendBeyond(link, author, ({ segment, first }) => first <= (theirs.get(segment) ?? 0));
}

function tookBatch(link, payload) {
  const batch = read(payload);
  const conversation = conversationWith(link.peerId);
  const feed = conversation.feeds[batch.author];
  const key = batch.author === self ? publicKey : link.key;
  if (feed === undefined || !batch.conversation.equals(conversation.hash) || !batch.isSignedBy(key)) {
    send(link, { type: 'error', code: 'batch-malformed', detail: 'not of this conversation' });
    return link.socket.end();
  }
  if (batch.follows.some((tip) => !holds(feed, tip))) return want(link, batch.author);
  if (!holds(feed, batch)) {
    feed.push(batch);
    const clock = BigInt(`0x${batch.entries.at(-1).clock}`);
    if (clock > conversation.clock) conversation.clock = clock;
    for (const { content } of batch.entries)
      tell('message', { peerId: link.peerId, mine: batch.author === self, ...JSON.parse(content) });
  }
  state(link, [batch.author]);
}

/* Section 8: the registry */

function announcement() {
  const entry = {
    HOST: '127.0.0.1',
    PORT: port,
    USER: user,
    PEER_ID: self,
    INSTANCE: instance,
    SEQ: Date.now(),
  };
  entry.EXPIRES = Date.now() + 600_000;
  entry.KEY = spkiOf(publicKey).toString('base64');
  const texts = [self, user, entry.HOST, port, '', instance, entry.SEQ, entry.EXPIRES];
  entry.SIGNATURE = sign(null, canonical('p2p-chat/announcement/1', ...texts), privateKey).toString('base64');
  return entry;
}
function canonical(...texts) {
  return Buffer.concat(
    texts.map((text) => Buffer.from(String(text))).flatMap((bytes) => [number(4, bytes.length), bytes]),
  );
}
/** Whether a node may be dialled on the word of this entry. */
function isGenuine({
  HOST,
  SIGNED_HOST,
  PORT,
  USER,
  PEER_ID,
  KEY,
  INSTANCE,
  SEQ,
  EXPIRES,
  ADDRESSES,
  SIGNATURE,
}) {
  if (KEY === undefined) return false;
  const key = createPublicKey({ key: Buffer.from(KEY, 'base64'), type: 'spki', format: 'der' });
  const texts = [
    PEER_ID,
    USER,
    SIGNED_HOST ?? HOST,
    PORT,
    (ADDRESSES ?? []).join(','),
    INSTANCE,
    SEQ,
    EXPIRES,
  ];
  const bytes = canonical('p2p-chat/announcement/1', ...texts);
  return peerIdOf(key) === PEER_ID && verify(null, bytes, key, Buffer.from(SIGNATURE, 'base64'));
}

const headers = { 'content-type': 'application/json' };
const announced = () => JSON.stringify((latest = announcement()));
let latest;
let renewal;

async function register() {
  const response = await fetch(registry, { method: 'PUT', headers, body: announced() });
  if (!response.ok) return tell('refused', await response.json());
  const peers = (await response.json()).filter(isGenuine);
  const renewAfter = Number(response.headers.get('x-renew-after'));
  tell('list', { peers: peers.map(({ PEER_ID }) => PEER_ID), renewAfter });
  renewal ??= setInterval(renew, renewAfter * 1_000).unref();
  for (const { HOST, PORT, PEER_ID } of peers) {
    if (PEER_ID === self || linkTo(PEER_ID)) continue;
    const socket = connect({ host: HOST, port: PORT, ...tls }, () => open(socket, PEER_ID));
    socket.on('error', () => undefined);
  }
}

// The very same bytes renew the lease for as long as their signature is valid.
async function renew() {
  const body = latest.EXPIRES > Date.now() + 60_000 ? JSON.stringify(latest) : announced();
  await fetch(registry, { method: 'PUT', headers: { ...headers, prefer: 'return=minimal' }, body });
}

async function withdraw() {
  const fields = { KEY: spkiOf(publicKey).toString('base64'), INSTANCE: instance, SEQ: Date.now() };
  const bytes = canonical('p2p-chat/withdrawal/1', self, instance, fields.SEQ);
  fields.SIGNATURE = sign(null, bytes, privateKey).toString('base64');
  const url = new URL(`/peers/${self}`, registry);
  return (await fetch(url, { method: 'DELETE', headers, body: JSON.stringify(fields) })).status;
}

/* The commands */

const server = createServer(tls, (socket) => open(socket, null));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
tell('ready', { peerId: self, port });
await register();

for await (const line of createInterface({ input: process.stdin })) {
  const [command, peerId, ...words] = line.split(' ');
  const link = linkTo(peerId);
  if (command === 'end') break;
  if (command === 'dial') await register();
  if (command === 'frame') send(link, JSON.parse(words.join(' ')));
  if (command === 'send') {
    const batch = write(peerId, words.join(' '));
    conversationWith(peerId).feeds[self].push(batch);
    link.socket.write(encode(2, batch.bytes));
  }
  if (command === 'read') {
    const { feeds, read: marks } = conversationWith(peerId);
    marks[self] = tipsOf(feeds[peerId]).map(({ segment, seq }) => ({ segment, seq }));
    state(link, [], [{ author: peerId, read: marks[self] }]);
  }
}
const status = await withdraw();
tell('withdrawn', { status });
for (const link of [...links.values()].flat()) {
  send(link, { type: 'bye', reason: 'logout' });
  link.socket.end();
}
server.close();
process.stdin.destroy();
