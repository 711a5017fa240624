import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANNOUNCEMENT_VALIDITY_MS, type PeerEntry, peerIdOfKey, signAnnouncement } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_CONCURRENT_DIALS, MIN_DIAL_GAP_MS } from '../chat-node/dist/core/sessions/connector.js';
import { MAX_DIALLED_ADDRESSES } from '../chat-node/dist/core/peers/peer.js';
import { controlOf } from './support/control.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

/** How long the dials are counted. */
const COUNTING_MS = 2_000;

const world = new World();
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
  await world.close();
});

/** Listens at every loopback address and notes who comes where. */
class Trap {
  readonly addresses: string[] = [];
  readonly open = new Set<Socket>();
  mostAtOnce = 0;
  port = 0;

  /** @param answers closes each connection at once; otherwise it never says anything */
  static async set(answers: 'at once' | 'never'): Promise<Trap> {
    const trap = new Trap();
    const server = createTcpServer((socket) => {
      trap.addresses.push(socket.localAddress ?? '');
      trap.open.add(socket.on('error', () => undefined).on('close', () => trap.open.delete(socket)));
      trap.mostAtOnce = Math.max(trap.mostAtOnce, trap.open.size);
      if (answers === 'at once') socket.destroy();
    }).listen(0, '0.0.0.0');
    cleanUp.push(() => {
      for (const socket of trap.open) socket.destroy();
      server.close();
    });
    await once(server, 'listening');
    trap.port = (server.address() as { port: number }).port;
    return trap;
  }
}

/** A discovery service that says what it is told to, over lists and events. */
class RogueService {
  entries: PeerEntry[] = [];
  readonly streams = new Set<ServerResponse>();
  asked = 0;
  url = '';

  static async start(): Promise<RogueService> {
    const rogue = new RogueService();
    const server = createHttpServer((request, response) => {
      request.resume().on('end', () => rogue.#answer(request.method ?? '', response));
    }).listen(0, '127.0.0.1');
    cleanUp.push(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    rogue.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    return rogue;
  }

  #answer(method: string, response: ServerResponse): void {
    if (method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': listening\n\n');
      this.streams.add(response.on('close', () => this.streams.delete(response)));
      return;
    }
    this.asked += 1;
    const headers = { 'content-type': 'application/json', 'x-renew-after': '1', 'x-list-cursor': 'x-1' };
    response.writeHead(200, headers).end(JSON.stringify(this.entries));
  }

  push(event: 'join' | 'leave' | 'list', data: unknown): void {
    for (const stream of this.streams) {
      stream.write(`id: x-1\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  }
}

function announce(
  keys: { privateKey: KeyObject; publicKey: KeyObject },
  fields: { host: string; port: number; user: string; addresses?: string[]; seq?: number },
): PeerEntry {
  const { host, port, user, addresses = [], seq = 1 } = fields;
  const expires = Date.now() + ANNOUNCEMENT_VALIDITY_MS;
  return signAnnouncement({ host, port, user, addresses, instance: `i${seq}`, seq, expires }, keys);
}

const mallory = testKeys('mallory');
const malloryId = peerIdOfKey(mallory.publicKey);
const loopback = (n: number): string => `127.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;

async function aliceAt(service: RogueService): Promise<RunningDaemon> {
  const alice = await world.daemon({ user: 'Alice', discovery: [service.url] });
  await waitFor('her registration', () => service.asked > 0 && service.streams.size > 0);
  return alice;
}

async function knows(alice: RunningDaemon, count: number): Promise<void> {
  await waitFor(`${count} peers`, async () => (await controlOf(alice).peers(false)).length === count, 60_000);
}

describe('a rogue discovery service', () => {
  it('that lists 10,000 hosts of one peer gets few dials for it', async () => {
    const trap = await Trap.set('at once');
    const service = await RogueService.start();
    // Signed with the host left open, so that the service may put any there.
    const open = announce(mallory, {
      host: '',
      port: trap.port,
      user: 'Mallory',
      addresses: Array.from({ length: 8 }, (_, n) => loopback(20_000 + n)),
    });
    const at = (n: number): PeerEntry => ({ ...open, HOST: loopback(n), SIGNED_HOST: '' });
    service.entries = Array.from({ length: 10_000 }, (_, n) => at(n));
    const alice = await aliceAt(service);
    await knows(alice, 1);
    await alice.json(['send', malloryId, 'are you there?']);
    await waitFor('a dial', () => trap.addresses.length > 0);
    trap.addresses.length = 0;
    await sleep(COUNTING_MS);
    expect(new Set(trap.addresses).size).toBeLessThanOrEqual(MAX_DIALLED_ADDRESSES);
    const rounds = 1 + COUNTING_MS / MIN_DIAL_GAP_MS;
    expect(trap.addresses.length).toBeLessThanOrEqual(rounds * MAX_DIALLED_ADDRESSES);
  });

  it('that makes a peer come and go all the time cannot make others storm its address', async () => {
    const trap = await Trap.set('at once');
    const service = await RogueService.start();
    const entry = (seq: number): PeerEntry =>
      announce(mallory, { host: '127.0.0.9', port: trap.port, user: 'Mallory', seq });
    service.entries = [entry(1)];
    const alice = await aliceAt(service);
    await knows(alice, 1);
    await alice.json(['send', malloryId, 'are you there?']);
    await waitFor('a dial', () => trap.addresses.length > 0);
    trap.addresses.length = 0;
    const end = performance.now() + COUNTING_MS;
    for (let seq = 2; performance.now() < end; seq += 1) {
      service.push('leave', { PEER_ID: malloryId });
      await sleep(5);
      service.push('join', entry(seq));
      await sleep(5);
    }
    const passed = COUNTING_MS + (performance.now() - end);
    expect(trap.addresses.length).toBeGreaterThan(0);
    expect(trap.addresses.length).toBeLessThanOrEqual(1 + passed / MIN_DIAL_GAP_MS);
  });

  it('that lists 10,000 peers gets a dial for none that nobody wrote to, and few at once for the others', async () => {
    const trap = await Trap.set('never');
    const service = await RogueService.start();
    const crowd = Array.from({ length: 10_000 }, (_, n) => testKeys(`stranger ${n}`));
    service.entries = crowd.map((keys, n) =>
      announce(keys, { host: loopback(n), port: trap.port, user: `Stranger ${n}` }),
    );
    const alice = await aliceAt(service);
    await knows(alice, 10_000);
    expect(trap.addresses).toEqual([]);
    const client = controlOf(alice);
    for (const { publicKey } of crowd.slice(0, 10 * MAX_CONCURRENT_DIALS)) {
      await client.send(peerIdOfKey(publicKey), 'hello');
    }
    await waitFor('the dials', () => trap.open.size >= MAX_CONCURRENT_DIALS);
    await sleep(COUNTING_MS);
    // Those that are given up are still seen here when the next ones come.
    expect(trap.mostAtOnce).toBeLessThanOrEqual(2 * MAX_CONCURRENT_DIALS);
  });
});
