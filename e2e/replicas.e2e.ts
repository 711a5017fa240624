import { spawn } from 'node:child_process';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  type DiscoveryHealth,
  type PeerChanges,
  type PeerEntry,
  peerIdOfKey,
  signAnnouncement,
  type SignedEntry,
  signWithdrawal,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { baseEnvironment, DISCOVERY_MAIN, RunningProcess, waitFor, World } from './support/processes.js';
import { mongoPlace, type Place } from './support/places.js';
import { Relay } from './support/relay.js';

type Service = Awaited<ReturnType<World['discovery']>>;

const server = process.env['MONGODB_URI_TEST'];
const anna = testKeys('anna');
const annaId = peerIdOfKey(anna.publicKey);
const LEASE_SECONDS = 3;
const RENEWAL_MS = 500;

async function put({ url }: Service, body: object): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) })).status;
}

async function listed({ url }: Service): Promise<string> {
  const entries = (await (await fetch(url)).json()) as PeerEntry[];
  return entries
    .map(({ USER }) => USER)
    .sort()
    .join(' ');
}

async function storeOf({ url }: Service): Promise<DiscoveryHealth['store']> {
  return ((await (await fetch(`${url}/health`)).json()) as DiscoveryHealth).store;
}

function signed(seq: number, user: string): SignedEntry {
  const fields = { host: '192.0.2.9', port: 7780, addresses: [], instance: 'i' };
  return signAnnouncement({ ...fields, user, seq, expires: Date.now() + ANNOUNCEMENT_VALIDITY_MS }, anna);
}

describe('DISCOVERY_STORE', () => {
  it.each(['redis://db.example', 'mongodb://anna:secret@db.example:none/discovery'])(
    'stops the service at start for %s, and says what it takes',
    async (value) => {
      const child = spawn(process.execPath, [DISCOVERY_MAIN], {
        env: { ...baseEnvironment(), DISCOVERY_PORT: '0', DISCOVERY_STORE: value },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const run = new RunningProcess('discovery', child);
      expect(await run.exited).toBe(2);
      expect(run.stderr).toMatch(/^DISCOVERY_STORE is ".+"; it takes memory, or .*mongodb:\/\//);
      expect(run.stderr).not.toContain('secret');
    },
  );
});

describe.skipIf(server === undefined)('replicas on MongoDB (set MONGODB_URI_TEST to run these)', () => {
  let world: World;
  let place: Place;
  let database: Relay;
  let one: Service;
  let other: Service;

  const replica = (leaseSeconds: number, port?: number): Promise<Service> => {
    const { pathname } = new URL(place.target);
    const env = {
      DISCOVERY_STORE: `mongodb://127.0.0.1:${database.port}${pathname}?directConnection=true`,
      DISCOVERY_LEASE_SECONDS: String(leaseSeconds),
    };
    return world.discovery({ env, ...(port === undefined ? {} : { port }) });
  };
  const both = (what: string, holds: (service: Service) => Promise<boolean>): Promise<boolean> =>
    waitFor(what, async () => (await holds(one)) && (await holds(other)));

  beforeEach(async () => {
    world = new World();
    place = await mongoPlace(server!);
    const { hostname, port } = new URL(place.target);
    database = await Relay.before(hostname, Number(port || 27_017));
  });
  afterEach(async () => {
    await world.close();
    await database.close();
    await place.dispose();
  });
  const start = async (leaseSeconds: number): Promise<void> => {
    [one, other] = await Promise.all([replica(leaseSeconds), replica(leaseSeconds)]);
    await both('the database', async (service) => (await storeOf(service))?.state === 'ok');
  };

  it('list at one what was registered at the other, and refuse there what was withdrawn', async () => {
    await start(30);
    expect(await put(one, { HOST: '192.0.2.1', PORT: 7001, USER: 'Plain' })).toBe(200);
    expect(await put(other, signed(5, 'Anna'))).toBe(200);
    await both('both entries', async (service) => (await listed(service)) === 'Anna Plain');
    const withdrawn = await fetch(`${one.url}/peers/${annaId}`, {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(signWithdrawal({ instance: 'i', seq: 6 }, anna)),
    });
    expect(withdrawn.status).toBe(204);
    await waitFor('the withdrawal', async () => (await listed(other)) === 'Plain');
    expect(await put(other, signed(6, 'Anna'))).toBe(409);
    expect(await put(other, signed(7, 'Anna'))).toBe(200);
  });

  it('give a client that moves to the other one the whole list, and then changes', async () => {
    await start(30);
    await put(one, { HOST: '192.0.2.1', PORT: 7001, USER: 'Ben' });
    await waitFor('the entry', async () => (await listed(other)) === 'Ben');
    const cursor = (await fetch(one.url)).headers.get('x-list-cursor')!;
    const moved = (await (await fetch(`${other.url}/?since=${cursor}`)).json()) as PeerChanges;
    expect(moved).toMatchObject({ reset: true, joined: [{ USER: 'Ben' }] });

    const stream = await fetch(`${other.url}/events`, { headers: { 'last-event-id': cursor } });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const read = async (event: RegExp): Promise<void> => {
      while (!event.test(text)) text += (await reader.read()).value ?? '';
    };
    await read(/^event: list\ndata: \[\{.*"USER":"Ben".*\]$/m);
    await put(one, { HOST: '192.0.2.1', PORT: 7002, USER: 'Cleo' });
    await read(/^event: join\ndata: \{.*"USER":"Cleo".*\}$/m);
    await reader.cancel();
    const delta = (await (await fetch(`${other.url}/?since=${moved.cursor}`)).json()) as PeerChanges;
    expect(delta).toMatchObject({ reset: false, joined: [{ USER: 'Cleo' }], left: [] });
  });

  it('let people who use different ones find each other, and go on when one is killed', async () => {
    await start(30);
    const urls = [one.url, other.url];
    await world.daemon({ user: 'Alice', discovery: [one.url] });
    const bob = await world.daemon({ user: 'Bob', discovery: urls });
    const sees = async (daemon: typeof bob, user: string): Promise<boolean> =>
      (await daemon.json<{ user: string; online: boolean }>(['peers'])).some((peer) => peer.user === user);
    await waitFor('Alice at Bob', () => sees(bob, 'Alice'));
    await both('both listed', async (service) => (await listed(service)) === 'Alice Bob');
    await one.kill();
    const carol = await world.daemon({ user: 'Carol', discovery: [other.url] });
    await waitFor(
      'Alice and Bob at Carol',
      async () => (await sees(carol, 'Alice')) && (await sees(carol, 'Bob')),
    );
    one = await replica(30, one.port);
    await both('everybody', async (service) => (await listed(service)) === 'Alice Bob Carol');
  });

  it('keep everybody listed while the database is away for longer than a lease', async () => {
    await start(LEASE_SECONDS);
    const renew = async (): Promise<void> => {
      expect(await put(one, { HOST: '192.0.2.1', PORT: 7001, USER: 'Anna' })).toBe(200);
      expect(await put(other, { HOST: '192.0.2.1', PORT: 7002, USER: 'Ben' })).toBe(200);
    };
    const stay = async (): Promise<void> => {
      await renew();
      for (const service of [one, other]) expect(await listed(service)).toMatch(/^Anna Ben/);
      await new Promise((resolve) => setTimeout(resolve, RENEWAL_MS));
    };
    await renew();
    await both('both entries', async (service) => (await listed(service)) === 'Anna Ben');

    database.cut();
    await both('the outage', async (service) => {
      await renew();
      return (await storeOf(service))?.state === 'away';
    });
    for (let ms = 0; ms <= LEASE_SECONDS * 1_000; ms += RENEWAL_MS) await stay();
    expect(await (await fetch(`${one.url}/metrics`)).text()).toContain(
      'p2p_chat_discovery_store_up{kind="shared"} 0',
    );
    await put(one, { HOST: '192.0.2.1', PORT: 7003, USER: 'Cleo' });
    // Renewals alone may have been written just before; she was not. While a
    // write is tried, what it carries is not counted.
    await waitFor('what is not saved', async () => ((await storeOf(one))?.unsaved ?? 0) > 0);

    database.heal();
    await waitFor('who came meanwhile', async () => {
      await stay();
      return (await listed(other)) === 'Anna Ben Cleo';
    });
    // She never renews.
    await both('the end of one lease', async (service) => {
      await stay();
      return (await listed(service)) === 'Anna Ben';
    });
    await both('the end of all leases', async (service) => (await listed(service)) === '');
  });
});
