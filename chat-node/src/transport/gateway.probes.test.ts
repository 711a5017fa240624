import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { shortPeerId, SystemClock } from '@p2p-chat/shared';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Identity } from '../profile/keystore.js';
import { testIdentity } from '../testing/identities.js';
import { RecordingHandler } from '../testing/recording-handler.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { type Walked, walkProbe } from '../testing/walk-probes.js';
import { TlsAddressProbes } from './address.probes.js';
import { GatewayProbes } from './gateway.probes.js';
import { PeerGateway } from './peer-gateway.js';
import { tlsOptions } from './tls-options.js';

const HOST = '127.0.0.1';

let alice: Identity, bob: Identity, eve: Identity;
const cleanUp: (() => unknown)[] = [];

beforeAll(async () => {
  alice = await testIdentity('alice');
  bob = await testIdentity('bob');
  eve = await testIdentity('eve');
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(identity: Identity): Promise<{ gateway: PeerGateway; port: number }> {
  const gateway = new PeerGateway({
    identity,
    host: HOST,
    port: 0,
    portMayMove: false,
    user: () => 'Somebody',
    agent: 'test/1',
    instance: `${Math.random()}`,
    clock: new SystemClock(),
    logger: recordingLogger().logger,
    onIdentified: () => undefined,
    onGone: () => undefined,
  });
  cleanUp.push(() => gateway.stop('logout'));
  return { gateway, port: await gateway.listen(new RecordingHandler()) };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, 'listening');
  cleanUp.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A port that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  return port;
}

describe('the own gateway', () => {
  const walk = async (port: number, more: { wishedPort?: number; host?: string } = {}): Promise<Walked[]> => {
    const { host = HOST, wishedPort = port } = more;
    const probes = new GatewayProbes({
      identity: alice,
      host,
      wishedPort,
      port: () => port,
      addresses: () => [HOST],
    });
    return (await Promise.all(probes.list().map((probe) => walkProbe(probe)))).flat();
  };

  it('says where the machine has lost the address that it listens on', async () => {
    const port = await closedPort();
    const [gateway] = new GatewayProbes({
      identity: alice,
      host: '192.0.2.7',
      wishedPort: port,
      port: () => port,
      addresses: () => [],
    }).list();
    const [found] = await walkProbe(gateway!);
    expect(found).toMatchObject({
      hop: 'gateway',
      state: 'failed',
      detail: 'P2P_CHAT_HOST is 192.0.2.7, which is no address of this machine any more.',
      advice: expect.stringContaining('unset P2P_CHAT_HOST') as string,
    });
  });

  it('is well where the node reaches itself', async () => {
    const { port } = await start(alice);
    const found = [
      { hop: 'gateway', subject: `port ${port}`, state: 'ok', detail: 'listening' },
      { hop: 'gateway-address', subject: `${HOST}:${port}`, state: 'ok', detail: 'answers with the own key' },
    ];
    expect(await walk(port)).toEqual(found);
    expect(await walk(port, { host: '' })).toEqual(found);
  });

  it('says which port was taken', async () => {
    const { port } = await start(alice);
    const [gateway] = await walk(port, { wishedPort: 7780 });
    expect(gateway).toMatchObject({ state: 'ok', detail: 'listening, since 7780 was taken' });
    expect((await walk(port, { wishedPort: 0 }))[0]).toMatchObject({ detail: 'listening' });
  });

  it('fails where nobody listens', async () => {
    const port = await closedPort();
    expect(await walk(port)).toMatchObject([
      {
        state: 'failed',
        detail: `The own port ${port} does not answer (ECONNREFUSED).`,
        advice: expect.stringContaining(`let TCP port ${port} pass`) as string,
      },
      { state: 'failed', detail: expect.stringContaining('This node does not reach itself') as string },
    ]);
  });

  it('fails where somebody else answers', async () => {
    const { port } = await start(eve);
    expect((await walk(port))[1]).toMatchObject({
      hop: 'gateway-address',
      state: 'failed',
      detail: `${HOST}:${port} answers as ${shortPeerId(eve.peerId)}, not as ${shortPeerId(alice.peerId)}.`,
    });
  });
});

describe('the way to an address', () => {
  async function walk(port: number, linked = false): Promise<Walked[]> {
    const { gateway } = await start(alice);
    return walkProbe(new TlsAddressProbes(alice, gateway).toward(bob.peerId, { host: HOST, port }, linked));
  }

  it.each([
    [false, 'test/1 said hello'],
    [true, 'the link is open'],
  ])('is well up to the hello (linked: %s)', async (linked, last) => {
    const { port } = await start(bob);
    const subject = `${HOST}:${port}`;
    expect(await walk(port, linked)).toEqual([
      { hop: 'peer-connect', subject, state: 'ok', detail: 'connected' },
      { hop: 'peer-tls', subject, state: 'ok', detail: 'TLS 1.3' },
      { hop: 'peer-identity', subject, state: 'ok', detail: `proves to be ${shortPeerId(bob.peerId)}` },
      { hop: 'peer-protocol', subject, state: 'ok', detail: last },
    ]);
  });

  it('ends where the connection is refused', async () => {
    const port = await closedPort();
    expect(await walk(port)).toMatchObject([
      {
        hop: 'peer-connect',
        state: 'failed',
        detail: `The connection is refused at ${HOST}:${port} (ECONNREFUSED).`,
        advice: expect.stringContaining('does not run there, or a firewall') as string,
      },
    ]);
  });

  it('ends at a web server', async () => {
    const port = await listen(createHttpServer((_request, response) => void response.end('hello')));
    expect((await walk(port)).slice(1)).toMatchObject([
      {
        hop: 'peer-tls',
        state: 'failed',
        detail: expect.stringMatching(/^What listens at .* is no p2p-chat node \(.+\)\.$/) as string,
        advice: expect.stringContaining('Another program has that port') as string,
      },
    ]);
  });

  it('ends at a program that takes the connection and says nothing', async () => {
    const server = createServer((socket) => cleanUp.push(() => socket.destroy()));
    expect((await walk(await listen(server))).slice(1)).toMatchObject([
      {
        hop: 'peer-tls',
        state: 'failed',
        detail: expect.stringContaining('takes the connection and says nothing') as string,
      },
    ]);
  }, 15_000);

  it('ends at another key', async () => {
    const { port } = await start(eve);
    expect((await walk(port)).slice(2)).toMatchObject([
      {
        hop: 'peer-identity',
        state: 'failed',
        detail: `${HOST}:${port} answers with the key of ${shortPeerId(eve.peerId)}, not with that of ${shortPeerId(bob.peerId)}.`,
        advice: expect.stringContaining('nothing was sent') as string,
      },
    ]);
  });

  it('ends at a node that speaks another protocol', async () => {
    const server = createTlsServer(tlsOptions(bob), (socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    expect((await walk(await listen(server))).slice(3)).toMatchObject([
      {
        hop: 'peer-protocol',
        state: 'failed',
        detail: expect.stringMatching(/ has the right key, and no link comes about: ./) as string,
        advice: expect.stringContaining('Update p2p-chat') as string,
      },
    ]);
  });
});
