import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import {
  encodeWireFrame,
  type HelloFrame,
  MAX_UNAUTHENTICATED_PER_ADDRESS,
  peerIdOfKey,
  type StateFrame,
  SystemClock,
} from '@p2p-chat/shared';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Identity } from '../profile/keystore.js';
import { testIdentity } from '../testing/identities.js';
import { testClock, TestFeed } from '../testing/feeds.js';
import { RecordingHandler } from '../testing/recording-handler.js';
import { type LogRecord, recordingLogger } from '../testing/recording-logger.js';
import { PeerGateway } from './peer-gateway.js';
import { tlsOptions } from './tls-options.js';

const LOCALHOST = '127.0.0.1';
const BATCH = new TestFeed('Alice', 'a'.repeat(52)).batch(['hello'], { clock: testClock(1) });
const HELLO: HelloFrame = {
  type: 'hello',
  protocol: 1,
  user: 'Eve',
  agent: 'x/1',
  instance: 'e',
  port: 0,
};

interface Node {
  gateway: PeerGateway;
  handler: RecordingHandler;
  port: number;
  identity: Identity;
  records: LogRecord[];
  /** Peer ids of the keys that it was told. */
  identified: string[];
}

let alice: Identity, bob: Identity, eve: Identity;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  [alice, bob, eve] = (await Promise.all(['alice', 'bob', 'eve'].map(testIdentity))) as [
    Identity,
    Identity,
    Identity,
  ];
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(
  identity: Identity,
  user: string,
  options: { port?: number; portMayMove?: boolean } = {},
): Promise<Node> {
  const { logger, records } = recordingLogger();
  const identified: string[] = [];
  const gateway = new PeerGateway({
    identity,
    host: LOCALHOST,
    port: options.port ?? 0,
    portMayMove: options.portMayMove ?? false,
    user,
    agent: 'test/1',
    instance: `${user} ${Math.random()}`,
    clock: new SystemClock(),
    logger,
    onIdentified: (key) => void identified.push(peerIdOfKey(key)),
    onGone: () => undefined,
  });
  const handler = new RecordingHandler();
  cleanUp.push(() => gateway.stop('logout'));
  return { gateway, handler, port: await gateway.listen(handler), identity, records, identified };
}

const at = (node: { port: number }) => [{ host: LOCALHOST, port: node.port }];
const never = new AbortController().signal;

describe('PeerGateway', () => {
  it('carries batches and statements between two nodes that prove who they are', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    const peer = await a.gateway.dial(bob.peerId, at(b), never);
    expect(peer).toMatchObject({
      peerId: bob.peerId,
      user: 'Bob',
      address: { host: LOCALHOST, port: b.port },
    });
    await b.handler.until(() => b.handler.opened.length === 1);
    expect(b.handler.opened[0]?.peer).toMatchObject({
      peerId: alice.peerId,
      user: 'Alice',
      address: { port: a.port },
    });

    const state: StateFrame = { type: 'state', conversation: BATCH.conversation, feeds: [] };
    a.handler.opened[0]?.sendBatch(BATCH);
    await b.handler.until(() => b.handler.frames.length === 1);
    expect(b.handler.frames[0]).toEqual({ type: 'batch', bytes: new Uint8Array(BATCH.bytes) });
    b.handler.opened[0]?.send(state);
    await a.handler.until(() => a.handler.frames.length === 1);
    expect(a.handler.frames[0]).toEqual(state);
    expect([a.identified, b.identified]).toEqual([[bob.peerId], [alice.peerId]]);
  });

  it('gives the link that is there to who dials again', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    await a.gateway.dial(bob.peerId, at(b), never);
    await a.gateway.dial(bob.peerId, at(b), never);
    expect(a.handler.opened).toHaveLength(1);
  });

  it('says bye, with the reason, when it stops', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    await a.gateway.dial(bob.peerId, at(b), never);
    await a.gateway.stop('logout');
    await b.handler.until(() => b.handler.closed.length === 1);
    expect(b.handler.closed[0]?.reason).toBe('logout');
  });

  it('keeps one link, the same on both sides, when both dial at once', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    const dials = [a.gateway.dial(bob.peerId, at(b), never), b.gateway.dial(alice.peerId, at(a), never)];
    await Promise.allSettled(dials);
    await a.handler.until(() => a.handler.open.length === 1);
    await b.handler.until(() => b.handler.open.length === 1);
    a.handler.open[0]?.sendBatch(BATCH);
    await b.handler.until(() => b.handler.frames.length === 1);
  });

  it('takes the link of a peer that started anew in the place of the old one', async () => {
    const b = await start(bob, 'Bob');
    const first = await start(alice, 'Alice');
    await b.gateway.dial(alice.peerId, at(first), never);
    const second = await start(alice, 'Alice');
    await second.gateway.dial(bob.peerId, at(b), never);
    await b.handler.until(() => b.handler.opened.length === 2);
    expect(b.handler.open).toEqual([b.handler.opened[1]]);
  });

  it('sends nothing to a peer with another key than the one it wants', async () => {
    const a = await start(alice, 'Alice');
    const e = await start(eve, 'Bob');
    await expect(a.gateway.dial(bob.peerId, at(e), never)).rejects.toMatchObject({
      code: 'peer-identity-wrong',
    });
    expect(e.handler.opened).toHaveLength(0);
    expect(a.handler.opened).toHaveLength(0);
  });

  it('reaches the right peer behind a wrong and a dead address', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    const e = await start(eve, 'Bob');
    const dead = { host: LOCALHOST, port: 1 };
    const peer = await a.gateway.dial(bob.peerId, [...at(e), dead, ...at(b)], never);
    expect(peer.peerId).toBe(bob.peerId);
  });

  it('reports the most telling fault of several addresses', async () => {
    const a = await start(alice, 'Alice');
    const e = await start(eve, 'Bob');
    const dead = { host: LOCALHOST, port: 1 };
    await expect(a.gateway.dial(bob.peerId, [dead, ...at(e)], never)).rejects.toMatchObject({
      code: 'peer-identity-wrong',
    });
    await expect(a.gateway.dial(bob.peerId, [dead], never)).rejects.toMatchObject({
      code: 'peer-unreachable',
    });
    await expect(a.gateway.dial(bob.peerId, [], never)).rejects.toMatchObject({ code: 'peer-unreachable' });
  });

  it('tells a stranger why it has no link, where only contacts have one, and dials whom it wants', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    b.handler.refused.add(alice.peerId);
    await expect(a.gateway.dial(bob.peerId, at(b), never)).rejects.toMatchObject({
      code: 'peer-refused',
      message: expect.stringContaining('contacts only') as string,
    });
    expect(b.handler.opened).toEqual([]);
    expect(b.records.map(({ fields }) => fields['code'])).toEqual(['stranger-refused']);
    expect(await b.gateway.dial(alice.peerId, at(a), never)).toMatchObject({ peerId: alice.peerId });
  });

  it('does not link to itself', async () => {
    const a = await start(alice, 'Alice');
    await expect(a.gateway.dial(null, at(a), never)).rejects.toMatchObject({ code: 'peer-is-self' });
  });

  it('moves to the next free port where it may, and says that the port is taken where not', async () => {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob', { port: a.port, portMayMove: true });
    expect(b.port).not.toBe(a.port);
    await expect(start(eve, 'Eve', { port: a.port })).rejects.toMatchObject({ code: 'port-taken' });
  });

  it('gives up a dial when it is told to', async () => {
    const a = await start(alice, 'Alice');
    const silent = await silentServer();
    const abort = new AbortController();
    const dial = a.gateway.dial(bob.peerId, at(silent), abort.signal);
    await silent.accepted;
    abort.abort();
    await expect(dial).rejects.toMatchObject({ code: 'aborted' });
  });

  it('refuses what answers in plain text', async () => {
    const a = await start(alice, 'Alice');
    const plain = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      LOCALHOST,
    );
    cleanUp.push(() => plain.close());
    await once(plain, 'listening');
    const address = plain.address() as { port: number };
    await expect(a.gateway.dial(bob.peerId, at(address), never)).rejects.toMatchObject({
      code: 'tls-failed',
    });
  });
});

describe('a stranger who knocks', () => {
  /** Runs an attack while two others are linked; they must not notice. */
  async function attack(
    knock: (port: number) => Promise<void>,
  ): Promise<{ node: Node; warnings: LogRecord[] }> {
    const a = await start(alice, 'Alice');
    const b = await start(bob, 'Bob');
    await a.gateway.dial(bob.peerId, at(b), never);
    // Until both hellos are in, that link takes a place among the unauthenticated.
    await b.handler.until(() => b.handler.opened.length === 1);
    await knock(b.port);
    a.handler.opened[0]?.sendBatch(BATCH);
    await b.handler.until(() => b.handler.frames.length === 1);
    expect(a.handler.closed).toHaveLength(0);
    expect(b.handler.opened).toHaveLength(1);
    return { node: b, warnings: b.records.filter(({ level }) => level === 'warn') };
  }

  // Not once(): the error of a refused connection is what these tests are after.
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      socket.on('error', () => undefined).on('close', () => resolve());
      if (socket.closed) resolve();
    });

  async function knockTls(port: number, change: object, send?: (socket: TLSSocket) => void): Promise<Buffer> {
    const socket = connectTls({ ...tlsOptions(eve), host: LOCALHOST, port, ...change });
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('secureConnect', () => send?.(socket));
    await closed(socket);
    return Buffer.concat(received);
  }

  it('in plain text is refused and logged once', async () => {
    const { warnings } = await attack(async (port) => {
      for (let count = 0; count < 3; count += 1) {
        const socket = connectTcp(port, LOCALHOST, () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
        await closed(socket);
      }
    });
    expect(warnings.map(({ fields }) => fields['code'])).toEqual(['tls-failed']);
  });

  it('with TLS 1.2 is refused and logged once', async () => {
    const { warnings } = await attack((port) =>
      knockTls(port, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', sigalgs: undefined }).then(
        () => undefined,
      ),
    );
    expect(warnings.map(({ fields }) => fields['code'])).toEqual(['tls-failed']);
  });

  it.each([
    ['without a certificate', { key: undefined, cert: undefined }],
    ['without our protocol', { ALPNProtocols: undefined }],
    ['with another protocol', { ALPNProtocols: ['h2'] }],
  ])('%s is refused and logged once', async (_what, change) => {
    const { warnings } = await attack((port) => knockTls(port, change).then(() => undefined));
    expect(warnings.map(({ fields }) => fields['code'])).toEqual(['tls-failed']);
  });

  it('with another version of the protocol is told so', async () => {
    let answer = '';
    const { warnings } = await attack(async (port) => {
      answer = (
        await knockTls(port, {}, (socket) => socket.write(encodeWireFrame({ ...HELLO, protocol: 2 })))
      ).toString();
    });
    expect(answer).toContain('"type":"error","code":"version-mismatch"');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toContain('version 1');
  });

  it.each([
    ['a frame before the hello', encodeWireFrame({ type: 'typing' }), 'hello-expected'],
    ['malformed JSON', Buffer.from('00000002017b', 'hex'), 'frame-malformed'],
    ['a frame of 4 GiB', Buffer.from('ffffffff01', 'hex'), 'frame-too-large'],
    ['an unknown kind', Buffer.from('0000000109', 'hex'), 'frame-kind-unknown'],
  ])('that sends %s gets a typed error', async (_what, bytes, code) => {
    let answer = '';
    await attack(async (port) => {
      answer = (await knockTls(port, {}, (socket) => socket.write(bytes))).toString();
    });
    expect(answer).toContain(`"type":"error","code":"${code}"`);
  });

  it('takes no more places than one address has, and gives them back', async () => {
    const sockets: Socket[] = [];
    const { node } = await attack(async (port) => {
      for (let count = 0; count < MAX_UNAUTHENTICATED_PER_ADDRESS; count += 1) {
        const socket = connectTcp(port, LOCALHOST);
        sockets.push(socket);
        await once(socket, 'connect');
      }
      // One more is closed at once; those within the limit stay.
      await closed(connectTcp(port, LOCALHOST));
      expect(sockets.every((socket) => !socket.closed)).toBe(true);
    });
    await Promise.all(sockets.map((socket) => closed(socket.destroy())));
    const friend = await start(eve, 'Eve');
    // The node learns of the closed connections when it reads them, some time after.
    const dial = () => friend.gateway.dial(node.identity.peerId, at(node), never);
    const peer = await vi.waitFor(dial, { timeout: 5_000 });
    expect(peer.user).toBe('Bob');
  });
});

describe('a certificate that is none of ours', () => {
  it('with an RSA key is refused', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const a = await start(alice, 'Alice');
    const server = createTlsServer({
      ...tlsOptions(eve),
      sigalgs: undefined,
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      cert: await rsaCertificate(privateKey),
    }).listen(0, LOCALHOST);
    cleanUp.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await expect(a.gateway.dial(null, at({ port }), never)).rejects.toMatchObject({ code: 'tls-failed' });
  });
});

async function rsaCertificate(
  privateKey: ReturnType<typeof generateKeyPairSync>['privateKey'],
): Promise<string> {
  const { createPublicKey } = await import('node:crypto');
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=p2p-chat',
    notBefore: new Date('2000-01-01'),
    notAfter: new Date('2100-01-01'),
    signingAlgorithm: algorithm,
    keys: {
      privateKey: privateKey.toCryptoKey(algorithm, true, ['sign']),
      publicKey: createPublicKey(privateKey).toCryptoKey(algorithm, true, ['verify']),
    },
  });
  return certificate.toString('pem');
}

async function silentServer(): Promise<{ port: number; accepted: Promise<void> }> {
  let accept!: () => void;
  const accepted = new Promise<void>((resolve) => (accept = resolve));
  const server = createServer((socket) => {
    accept();
    cleanUp.push(() => socket.destroy());
  }).listen(0, LOCALHOST);
  cleanUp.push(() => server.close());
  await once(server, 'listening');
  return { port: (server.address() as { port: number }).port, accepted };
}
