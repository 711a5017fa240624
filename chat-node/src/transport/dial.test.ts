import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { SystemClock } from '@p2p-chat/shared';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PeerAddress } from '../core/peers/peer.js';
import type { Identity } from '../profile/keystore.js';
import { testIdentity } from '../testing/identities.js';
import { RecordingHandler } from '../testing/recording-handler.js';
import { recordingLogger } from '../testing/recording-logger.js';
import { PeerGateway } from './peer-gateway.js';

const hasIpv6 = Object.values(networkInterfaces()).some((infos) =>
  infos?.some(({ address }) => address === '::1'),
);

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

async function node(identity: Identity, host: string): Promise<{ gateway: PeerGateway; port: number }> {
  const gateway = new PeerGateway({
    identity,
    host,
    port: 0,
    portMayMove: false,
    user: 'user',
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

/** Takes connections and never says a word. */
async function blackHole(): Promise<{ port: number; server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, server, sockets };
}

async function reached(addresses: readonly PeerAddress[], from = '127.0.0.1'): Promise<string | undefined> {
  const { gateway } = await node(alice, from);
  return (await gateway.dial(bob.peerId, addresses, new AbortController().signal)).address?.host;
}

describe('PeerGateway.dial', () => {
  it('does not wait for an address that takes the connection and is silent, and drops it', async () => {
    const hole = await blackHole();
    const { port } = await node(bob, '127.0.0.1');
    const silent = { host: '127.0.0.1', port: hole.port };
    expect(await reached([silent, { host: '127.0.0.1', port }])).toBe('127.0.0.1');
    expect(hole.sockets).toHaveLength(1);
    const [socket] = hole.sockets;
    if (socket?.destroyed === false) await once(socket, 'close');
  });

  it('passes by an address where somebody else answers', async () => {
    const other = await node(eve, '127.0.0.1');
    const { port } = await node(bob, '127.0.0.1');
    const addresses = [other, { port }].map(({ port: at }) => ({ host: '127.0.0.1', port: at }));
    expect(await reached(addresses)).toBe('127.0.0.1');
  });

  it.skipIf(!hasIpv6)('reaches a peer that has IPv6 alone', async () => {
    const { port } = await node(bob, '::1');
    expect(await reached([{ host: '::1', port }])).toBe('::1');
    const both = ['127.0.0.1', '::1'].map((host) => ({ host, port }));
    expect(await reached(both)).toBe('::1');
  });

  it.skipIf(!hasIpv6)('takes IPv6 first of a peer that has both', async () => {
    const { port } = await node(bob, '::');
    const addresses = ['127.0.0.1', '::1'].map((host) => ({ host, port }));
    expect(await reached(addresses)).toBe('::1');
  });
});
