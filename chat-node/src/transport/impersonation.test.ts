import { createServer as createHttpServer } from 'node:http';
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  CLOCK_TOLERANCE_MS,
  encodeFrame,
  encodeWireFrame,
  FRAME_KIND,
  FrameDecoder,
  type HelloFrame,
  MAX_BATCHES_IN_FLIGHT,
  MAX_CERTIFICATE_BYTES,
  MAX_SEGMENTS_PER_FRAME,
  MAX_WANTED_SEGMENTS,
  type PeerEntry,
  signAnnouncement,
  type WireFrame,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Chat } from '../core/chat.js';
import type { Message } from '../core/conversations/message.js';
import type { Identity } from '../profile/keystore.js';
import { MemoryDisk, MemoryStore } from '../storage/memory/memory-store.js';
import { testAppModule } from '../testing/app-module.js';
import { chainedCertificate, oddCertificate } from '../testing/certificates.js';
import { testClock, testConversation, TestFeed } from '../testing/feeds.js';
import { testIdentity } from '../testing/identities.js';
import type { LogRecord } from '../testing/recording-logger.js';
import { tlsOptions } from './tls-options.js';

/*
 * Mallory plays every part here that is not Alice or Bob, over real sockets.
 * Each test is a row of docs/security.md.
 */

const LOCALHOST = '127.0.0.1';
let alice: Identity, bob: Identity, mallory: Identity;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  [alice, bob, mallory] = (await Promise.all(['Alice', 'Bob', 'Mallory'].map(testIdentity))) as [
    Identity,
    Identity,
    Identity,
  ];
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

interface TestNode {
  chat: Chat;
  port: number;
  disk: MemoryDisk;
  records: readonly LogRecord[];
  send: (peer: Identity, body: string) => Promise<Message[]>;
  history: (peer: Identity) => Promise<Message[]>;
}

async function start(
  identity: Identity,
  user: string,
  settings: { discovery?: string; peers?: string } = {},
): Promise<TestNode> {
  const disk = new MemoryDisk();
  const { module, records } = await testAppModule(user, {
    identity,
    store: new MemoryStore(disk),
    env: {
      P2P_CHAT_HOST: LOCALHOST,
      P2P_CHAT_PORT: '0',
      P2P_CHAT_MDNS: 'off',
      P2P_CHAT_SAME_MACHINE: 'off',
      DISCOVERY_URLS: settings.discovery ?? '',
      P2P_CHAT_PEERS: settings.peers ?? '',
    },
  });
  await module.init();
  cleanUp.push(() => module.close());
  const chat = module.get(Chat);
  const conversation = (peer: Identity): string => chat.conversations.direct(peer.peerId).id;
  return {
    chat,
    port: chat.port,
    disk,
    records,
    send: (peer, body) => chat.messages.send(conversation(peer), [body]),
    history: (peer) => chat.messages.history(conversation(peer), { limit: 100 }),
  };
}

const bodyOf = ({ content }: Message): string => (content.kind === 'text' ? content.body : content.kind);
const states = (messages: readonly Message[]) =>
  messages.map((message) => `${bodyOf(message)}: ${message.state}`);
const helloOf = (user: string): HelloFrame => ({
  type: 'hello',
  protocol: 1,
  user,
  agent: 'x/1',
  instance: String(Math.random()),
  port: 0,
});

/** A link of Mallory's own, by hand: says hello as whoever she likes and shows what she gets. */
async function malloryLinks(
  port: number,
  user: string,
  credentials: { keyPem: string; certificatePem: string } = mallory,
): Promise<{ socket: TLSSocket; received: WireFrame[]; batches: () => number; closed: () => boolean }> {
  const socket = connectTls({ ...tlsOptions(credentials), host: LOCALHOST, port });
  const decoder = new FrameDecoder();
  const received: WireFrame[] = [];
  let [isClosed, batches] = [false, 0];
  socket.on('error', () => undefined).on('close', () => (isClosed = true));
  socket.on('data', (chunk: Buffer) => {
    for (const { kind, payload } of decoder.push(chunk)) {
      if (kind === FRAME_KIND.json) received.push(JSON.parse(payload.toString()) as WireFrame);
      else batches += 1;
    }
  });
  cleanUp.push(() => socket.destroy());
  socket.on('secureConnect', () => socket.write(encodeWireFrame(helloOf(user))));
  await vi.waitFor(() => expect(isClosed || received.length > 0).toBe(true), { timeout: 5_000 });
  return { socket, received, batches: () => batches, closed: () => isClosed };
}

const batchFrame = (bytes: Uint8Array): Uint8Array => encodeFrame(FRAME_KIND.batch, bytes);

/** Whether somebody's batches were acknowledged. */
const acknowledged = (received: readonly WireFrame[], author: Identity): boolean =>
  received.some(
    (frame) =>
      frame.type === 'state' &&
      frame.feeds.some((feed) => feed.author === author.peerId && (feed.tips?.length ?? 0) > 0),
  );

/** A batch with one byte of its text changed. */
function altered(bytes: Uint8Array): Uint8Array {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf('from Bob');
  changed.write('F', at);
  return changed;
}

/** Passes bytes both ways and keeps them; `change` may forge what comes from the dialler. */
async function relay(
  to: number,
  change: (chunk: Buffer, index: number) => Buffer = (chunk) => chunk,
): Promise<{ port: number; toTarget: Buffer[]; toDialler: Buffer[]; hungUp: () => number }> {
  let hungUp = 0;
  const toTarget: Buffer[] = [];
  const toDialler: Buffer[] = [];
  const server = createTcpServer((dialler) => {
    const target = connectTcp(to, LOCALHOST);
    let index = 0;
    dialler.on('data', (chunk) => {
      toTarget.push(chunk);
      target.write(change(chunk, index));
      index += 1;
    });
    target.on('data', (chunk) => {
      toDialler.push(chunk);
      dialler.write(chunk);
    });
    target.on('close', () => {
      if (!dialler.destroyed) hungUp += 1;
    });
    for (const [one, other] of [
      [dialler, target],
      [target, dialler],
    ] as const)
      one.on('error', () => undefined).on('close', () => other.destroy());
    cleanUp.push(() => dialler.destroy());
  }).listen(0, LOCALHOST);
  cleanUp.push(() => server.close());
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    toTarget,
    toDialler,
    /** How many connections the target ended. */
    hungUp: () => hungUp,
  };
}

/** Answers every registration with the entries that it is given. */
async function rogueService(): Promise<{ url: string; entries: PeerEntry[]; asked: () => number }> {
  const entries: PeerEntry[] = [];
  let asked = 0;
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      if (request.method !== 'PUT') return response.writeHead(404).end();
      asked += 1;
      response.writeHead(200, { 'content-type': 'application/json', 'x-renew-after': '1' });
      response.end(JSON.stringify(entries));
    });
  }).listen(0, LOCALHOST);
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { url: `http://${LOCALHOST}:${port}`, entries, asked: () => asked };
}

/** A port that counts who comes. */
async function trap(): Promise<{ port: number; visitors: Socket[] }> {
  const visitors: Socket[] = [];
  const server = createTcpServer((socket) => {
    visitors.push(socket.on('error', () => undefined));
    cleanUp.push(() => socket.destroy());
  }).listen(0, LOCALHOST);
  cleanUp.push(() => server.close());
  await once(server, 'listening');
  return { port: (server.address() as { port: number }).port, visitors };
}

const announce = (
  name: string,
  port: number,
  change: { user?: string; seq?: number; expires?: number } = {},
) =>
  signAnnouncement(
    {
      host: LOCALHOST,
      port,
      user: change.user ?? name,
      addresses: [],
      instance: 'i',
      seq: change.seq ?? 1,
      expires: change.expires ?? Date.now() + ANNOUNCEMENT_VALIDITY_MS,
    },
    testKeys(name),
  );

describe('in between', () => {
  it('a relay that only listens sees neither names nor messages', async () => {
    const b = await start(bob, 'Bob');
    const { port, toTarget, toDialler } = await relay(b.port);
    const a = await start(alice, 'Alice', { peers: `${LOCALHOST}:${port}` });
    await vi.waitFor(() => expect(a.chat.peers.links).toBe(1));
    await a.send(bob, 'the secret recipe');
    await vi.waitFor(async () => expect(await b.history(alice)).toHaveLength(1));
    const seen = Buffer.concat([...toTarget, ...toDialler]).toString('latin1');
    expect(seen.length).toBeGreaterThan(1_000);
    for (const word of ['secret', 'Alice', 'Bob', 'hello', 'digests'])
      expect(seen.includes(word)).toBe(false);
  });

  it('a relay that changes one byte breaks the link, and nothing of it is taken', async () => {
    const b = await start(bob, 'Bob');
    const forge = { on: false };
    const { port, hungUp } = await relay(b.port, (chunk) => {
      if (!forge.on) return chunk;
      const changed = Buffer.from(chunk);
      changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
      return changed;
    });
    const a = await start(alice, 'Alice', { peers: `${LOCALHOST}:${port}` });
    await vi.waitFor(() => expect(b.chat.peers.links).toBe(1));
    forge.on = true;
    await a.send(bob, 'forged?');
    // Bob may find another way to Alice at once: what counts is the link of the relay.
    await vi.waitFor(() => expect(hungUp()).toBeGreaterThan(0), { timeout: 5_000 });
    forge.on = false;
    await vi.waitFor(async () => expect(states(await b.history(alice))).toEqual(['forged?: delivered']), {
      timeout: 8_000,
    });
  }, 15_000);

  it('a man in the middle with his own certificate gets no byte of a message', async () => {
    const b = await start(bob, 'Bob');
    const plain: Buffer[] = [];
    // Shows Alice his own certificate and is ready to pass on to Bob what he reads.
    const server = createTlsServer(tlsOptions(mallory), (toAlice) => {
      const toBob = connectTls({ ...tlsOptions(mallory), host: LOCALHOST, port: b.port });
      toAlice.on('data', (chunk: Buffer) => plain.push(chunk));
      toAlice.pipe(toBob).pipe(toAlice);
      for (const socket of [toAlice, toBob]) socket.on('error', () => undefined);
      cleanUp.push(() => [toAlice, toBob].forEach((socket) => socket.destroy()));
    }).listen(0, LOCALHOST);
    cleanUp.push(() => server.close());
    await once(server, 'listening');
    const service = await rogueService();
    service.entries.push(announce('Bob', (server.address() as { port: number }).port));
    const a = await start(alice, 'Alice', { discovery: service.url });
    await vi.waitFor(() => expect(a.chat.peers.list(false)).toHaveLength(1), { timeout: 5_000 });
    const met = once(server, 'connection');
    await a.send(bob, 'for Bob alone');
    await met;
    await vi.waitFor(() =>
      expect(a.records.map(({ fields }) => fields['code'])).toContain('peer-identity-wrong'),
    );
    expect(Buffer.concat(plain)).toHaveLength(0);
    expect(states(await a.history(bob))).toEqual(['for Bob alone: queued']);

    service.entries.splice(0, 1, announce('Bob', b.port, { seq: 2 }));
    await vi.waitFor(async () => expect(await b.history(alice)).toHaveLength(1), { timeout: 10_000 });
    expect(Buffer.concat(plain)).toHaveLength(0);
  }, 20_000);

  it('a stream that was recorded cannot be played again', async () => {
    const b = await start(bob, 'Bob');
    const { port, toTarget } = await relay(b.port);
    const a = await start(alice, 'Alice', { peers: `${LOCALHOST}:${port}` });
    await vi.waitFor(() => expect(a.chat.peers.links).toBe(1));
    await a.send(bob, 'once');
    await vi.waitFor(async () => expect(await b.history(alice)).toHaveLength(1));
    await a.chat.stop();
    await vi.waitFor(() => expect(b.chat.peers.links).toBe(0));

    const replay = connectTcp(b.port, LOCALHOST);
    replay.on('error', () => undefined).resume();
    for (const chunk of toTarget) replay.write(chunk);
    await new Promise<void>((resolve) => replay.on('close', () => resolve()));
    expect(b.chat.peers.links).toBe(0);
    expect(await b.history(alice)).toHaveLength(1);
    expect(b.records.map(({ fields }) => fields['code'])).toContain('tls-failed');
  });
});

describe('a certificate', () => {
  async function refuses(credentials: { keyPem: string; certificatePem: string }): Promise<void> {
    const b = await start(bob, 'Bob');
    const { received, closed } = await malloryLinks(b.port, 'Bob', credentials);
    await vi.waitFor(() => expect(closed()).toBe(true));
    expect(received).toEqual([]);
    expect(b.chat.peers.links).toBe(0);
    expect(b.records.map(({ fields }) => fields['code'])).toEqual(['tls-failed']);
  }

  it('that has expired is refused', async () => {
    await refuses(await oddCertificate('Mallory', { notAfter: new Date(Date.now() - 1_000) }));
  });

  it('that somebody else issued is refused, with and without its chain', async () => {
    const { keyPem, leafPem, chainPem } = await chainedCertificate('Mallory', 'authority');
    await refuses({ keyPem, certificatePem: leafPem });
    await refuses({ keyPem, certificatePem: chainPem });
  });

  it(`of ${MAX_CERTIFICATE_BYTES} bytes is taken, one byte more is refused`, async () => {
    const small = await oddCertificate('Mallory', { padding: 1_000 });
    const atLimit = await oddCertificate('Mallory', { padding: 1_000 + MAX_CERTIFICATE_BYTES - small.bytes });
    expect(atLimit.bytes).toBe(MAX_CERTIFICATE_BYTES);
    const b = await start(bob, 'Bob');
    const { received } = await malloryLinks(b.port, 'Mallory', atLimit);
    expect(received[0]?.type).toBe('hello');
    await refuses(await oddCertificate('Mallory', { padding: 1_001 + MAX_CERTIFICATE_BYTES - small.bytes }));
  });

  it('cannot be shown without its key', () => {
    expect(() =>
      connectTls({ ...tlsOptions({ keyPem: mallory.keyPem, certificatePem: bob.certificatePem }), port: 1 }),
    ).toThrow(/key values mismatch/);
  });
});

describe('on a link', () => {
  it('the protocol cannot be negotiated anew', async () => {
    const b = await start(bob, 'Bob');
    const { socket } = await malloryLinks(b.port, 'Mallory');
    expect(socket.alpnProtocol).toBe('p2p-chat/1');
    const outcome = await new Promise<unknown>((resolve) => {
      if (socket.renegotiate({}, resolve) === false) resolve('refused');
    }).catch((error: unknown) => error);
    expect(outcome).not.toBe(null);
    expect(socket.alpnProtocol).toBe('p2p-chat/1');
  });

  it('a name changes nothing about who wrote it, and nobody writes in the place of another', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob', { peers: `${LOCALHOST}:${a.port}` });
    await vi.waitFor(() => expect(a.chat.peers.links).toBe(1));
    await b.send(alice, 'from Bob');
    await vi.waitFor(async () => expect(await a.history(bob)).toHaveLength(1));
    const bobs = a.disk.rows.find(({ batch }) => batch.author === bob.peerId)?.batch;

    const { socket, received } = await malloryLinks(a.port, 'Bob');
    const own = new TestFeed('Mallory', testConversation('Alice', 'Mallory'));
    socket.write(batchFrame(own.batch(['from Bob, really'], { clock: testClock(1) }).bytes));
    await vi.waitFor(() => expect(acknowledged(received, mallory)).toBe(true));
    expect((await a.history(bob)).map(bodyOf)).toEqual(['from Bob']);
    expect((await a.history(mallory)).map((one) => [one.author, bodyOf(one)])).toEqual([
      [mallory.peerId, 'from Bob, really'],
    ]);
    expect(a.chat.peers.resolve(mallory.peerId).ambiguous).toBe(true);
    expect(() => a.chat.peers.resolve('Bob')).toThrow(expect.objectContaining({ code: 'peer-ambiguous' }));

    const forged = new TestFeed('Mallory', testConversation('Alice', 'Bob'));
    for (const [bytes, code] of [
      // Bob's own, over Mallory's link.
      [bobs?.bytes, 'batch-malformed'],
      // Mallory's, in the conversation with Bob.
      [forged.batch(['x'], { clock: testClock(2) }).bytes, 'batch-malformed'],
      // Bob's, with another text under his signature.
      [altered(bobs?.bytes ?? new Uint8Array()), 'signature-wrong'],
    ] as const) {
      const link = await malloryLinks(a.port, 'Mallory');
      link.socket.write(batchFrame(bytes ?? new Uint8Array()));
      await vi.waitFor(() => expect(link.closed()).toBe(true));
      expect(link.received).toContainEqual(expect.objectContaining({ type: 'error', code }));
    }
    expect((await a.history(bob)).map(bodyOf)).toEqual(['from Bob']);
    expect(await a.history(mallory)).toHaveLength(1);
  });

  it('who acknowledges nothing is sent no more batches than may be in flight', async () => {
    const node = await start(alice, 'Alice');
    for (let n = 0; n < MAX_BATCHES_IN_FLIGHT + 10; n += 1) await node.send(mallory, `message ${n}`);
    const { socket, received, batches } = await malloryLinks(node.port, 'Mallory');
    const conversation = testConversation('Alice', 'Mallory');
    const feeds = [{ author: alice.peerId, tips: [] }];
    socket.write(encodeWireFrame({ type: 'state', conversation, feeds }));
    await vi.waitFor(() => expect(batches()).toBe(MAX_BATCHES_IN_FLIGHT), { timeout: 5_000 });
    const pongs = received.filter(({ type }) => type === 'pong').length;
    // What is sent before the answer to a ping has arrived with it.
    socket.write(encodeWireFrame({ type: 'ping' }));
    await vi.waitFor(() => expect(received.filter(({ type }) => type === 'pong').length).toBe(pongs + 1));
    expect(batches()).toBe(MAX_BATCHES_IN_FLIGHT);
  });

  it('who wants more segments than a feed ever has is told so, and gets nothing', async () => {
    const node = await start(alice, 'Alice');
    const { socket, received, closed } = await malloryLinks(node.port, 'Mallory');
    const conversation = testConversation('Alice', 'Mallory');
    for (let sent = 0; sent <= MAX_WANTED_SEGMENTS; sent += MAX_SEGMENTS_PER_FRAME) {
      const segments = Array.from({ length: MAX_SEGMENTS_PER_FRAME }, (_, nth): [string, number] => [
        (sent + nth).toString(16).padStart(32, '0'),
        1,
      ]);
      socket.write(
        encodeWireFrame({ type: 'want', conversation, author: alice.peerId, segments, more: true }),
      );
    }
    await vi.waitFor(() => expect(closed()).toBe(true), { timeout: 5_000 });
    expect(received.at(-1)).toMatchObject({ type: 'error', code: 'frame-malformed' });
  });

  it('what somebody says of the feeds of others does nothing', async () => {
    const b = await start(bob, 'Bob');
    const a = await start(alice, 'Alice', { peers: `${LOCALHOST}:${b.port}` });
    await vi.waitFor(() => expect(a.chat.peers.links).toBe(1));
    await a.send(bob, 'arrived');
    await vi.waitFor(async () => expect(states(await a.history(bob))).toEqual(['arrived: delivered']));
    await b.chat.stop();
    await vi.waitFor(() => expect(a.chat.peers.links).toBe(0));
    await a.send(bob, 'on its way');
    const before = await a.history(bob);

    const { socket, received } = await malloryLinks(a.port, 'Mallory');
    const withBob = a.chat.conversations.direct(bob.peerId);
    const tips = withBob.tips(alice.peerId);
    const read = tips.map(({ segment, seq }) => ({ segment, seq }));
    for (const conversation of [withBob.id, testConversation('Alice', 'Mallory')]) {
      for (const author of [alice.peerId, bob.peerId]) {
        socket.write(
          encodeWireFrame({ type: 'state', conversation, feeds: [{ author, tips: [...tips], read }] }),
        );
        socket.write(encodeWireFrame({ type: 'want', conversation, author, segments: [], more: false }));
      }
    }
    // Frames are dealt with in order, so when the batch is acknowledged all of that was, too.
    const own = new TestFeed('Mallory', testConversation('Alice', 'Mallory'));
    socket.write(batchFrame(own.batch(['x'], { clock: testClock(1) }).bytes));
    await vi.waitFor(() => expect(acknowledged(received, mallory)).toBe(true));
    expect(await a.history(bob)).toEqual(before);
    expect(states(before)).toEqual(['arrived: delivered', 'on its way: queued']);
  });
});

describe('a rogue discovery service', () => {
  it('cannot swap a key, a host, a port or a name under a signature', async () => {
    const service = await rogueService();
    const { port, visitors } = await trap();
    const real = announce('Bob', 1);
    const malloryKey = announce('Mallory', port).KEY;
    service.entries.push(
      { ...real, KEY: malloryKey },
      { ...real, PORT: port },
      { ...real, HOST: '127.0.0.2' },
      { ...real, USER: 'Bobby' },
      { ...real, SEQ: 99 },
      { ...real, ADDRESSES: [LOCALHOST] },
      { ...announce('Mallory', port), PEER_ID: bob.peerId },
      announce('Bob', port, { expires: Date.now() - CLOCK_TOLERANCE_MS - 1_000 }),
    );
    const a = await start(alice, 'Alice', { discovery: service.url });
    await vi.waitFor(() => expect(service.asked()).toBeGreaterThan(0));
    service.entries.push(announce('Carol', 1));
    await vi.waitFor(() => expect(a.chat.peers.list(false).map(({ user }) => user)).toEqual(['Carol']), {
      timeout: 5_000,
    });
    expect(() => a.chat.peers.resolve(bob.peerId)).toThrow(expect.objectContaining({ code: 'peer-unknown' }));
    expect(visitors).toEqual([]);
  });

  it('cannot bring back an older announcement', async () => {
    const service = await rogueService();
    service.entries.push(announce('Bob', 2_222, { seq: 7 }));
    const a = await start(alice, 'Alice', { discovery: service.url });
    const portOfBob = () => a.chat.peers.get(bob.peerId)?.addresses[0]?.port;
    await vi.waitFor(() => expect(portOfBob()).toBe(2_222), { timeout: 5_000 });
    service.entries.splice(0, 1, announce('Bob', 1_111, { seq: 6 }), announce('Carol', 1));
    await vi.waitFor(() => expect(a.chat.peers.list(false).map(({ user }) => user)).toContain('Carol'), {
      timeout: 5_000,
    });
    expect(portOfBob()).not.toBe(1_111);
  });

  it('that leads to another one gets no message; another key under a name is another person', async () => {
    const service = await rogueService();
    const m = await start(mallory, 'Bob');
    // Bob's own word, for an address that is Mallory's by now; and Mallory under Bob's name.
    service.entries.push(
      announce('Bob', m.port, { user: 'Bob' }),
      announce('Mallory', m.port, { user: 'Bob' }),
    );
    const a = await start(alice, 'Alice', { discovery: service.url });
    await vi.waitFor(() => expect(a.chat.peers.list(false)).toHaveLength(2), { timeout: 5_000 });
    expect(a.chat.peers.list(false).map(({ ambiguous }) => ambiguous)).toEqual([true, true]);
    await a.send(bob, 'for Bob alone');
    // Dialled twice at least: whoever answers there is still not Bob.
    await vi.waitFor(
      () =>
        expect(
          a.records.filter(({ fields }) => fields['code'] === 'peer-identity-wrong').length,
        ).toBeGreaterThan(0),
      { timeout: 5_000 },
    );
    expect(states(await a.history(bob))).toEqual(['for Bob alone: queued']);
    expect(await m.history(alice)).toEqual([]);
    expect(m.chat.peers.links).toBe(0);
  });
});
