import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  type AnnouncementFields,
  type PeerEntry,
  peerIdOfKey,
  type SignedEntry,
  signAnnouncement,
  verifyAnnouncement,
  verifyWithdrawal,
  type Withdrawal,
} from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DiscoverySink, Sighting } from '../core/ports/peer-discovery.js';
import { HttpRegistryDiscovery, type HttpRegistryOptions } from './http-registry.discovery.js';
import { RegistryFailure } from './registry-failure.js';

const anna = testKeys('anna');
const ben = testKeys('ben');
const annaId = peerIdOfKey(anna.publicKey);
const self = { user: 'Anna', port: 7780, host: '', instance: 'i' };
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const eth0 = (...addresses: string[]): NonNullable<HttpRegistryOptions['interfaces']> => {
  const info = { family: 'IPv4', internal: false, netmask: '', mac: '', cidr: null } as const;
  return () => ({ eth0: addresses.map((address) => ({ ...info, address })) });
};

/** Lets sockets and promises go on until it is so. */
async function until(what: string, check: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Asked {
  method: string;
  url: string;
  body: unknown;
}

/** A discovery service that says what the test wants, over a real socket. */
class ScriptedRegistry {
  readonly asked: Asked[] = [];
  entries: PeerEntry[] = [];
  answer: (asked: Asked, response: ServerResponse) => void = (_asked, response) => this.list(response);
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get announcements(): SignedEntry[] {
    return this.asked.filter(({ method }) => method === 'PUT').map(({ body }) => body as SignedEntry);
  }

  async open(): Promise<void> {
    this.#server = createServer((request, response) => void this.#take(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  list(response: ServerResponse): void {
    response.end(JSON.stringify(this.entries));
  }
  problem(
    response: ServerResponse,
    status: number,
    problem: object,
    headers: Record<string, string> = {},
  ): void {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
    response.end(JSON.stringify(problem));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const asked = { method: request.method ?? '', url: request.url ?? '', body: parse(text) };
    this.asked.push(asked);
    this.answer(asked, response);
  }
}

function parse(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text);
}

class Sightings implements DiscoverySink {
  readonly all: { source: string; sightings: readonly Sighting[] }[] = [];
  replace(source: string, sightings: readonly Sighting[]): void {
    this.all.push({ source, sightings });
  }
  get last(): string[] | undefined {
    return this.all.at(-1)?.sightings.map(({ user }) => user);
  }
}

describe('HttpRegistryDiscovery', () => {
  let clock: ManualClock;
  let registry: ScriptedRegistry;
  let sink: Sightings;
  let discovery: HttpRegistryDiscovery;

  beforeEach(async () => {
    clock = new ManualClock();
    registry = new ScriptedRegistry();
    sink = new Sightings();
    await registry.open();
    discovery = make();
  });
  afterEach(async () => {
    await discovery.stop(AbortSignal.abort());
    await registry.close();
  });

  function make(options: Partial<HttpRegistryOptions> = {}): HttpRegistryDiscovery {
    return new HttpRegistryDiscovery({
      url: registry.url,
      keys: anna,
      clock,
      random: () => 0.5,
      logger: silent,
      interfaces: eth0('192.0.2.5'),
      ...options,
    });
  }
  const bens = (): PeerEntry =>
    signAnnouncement(
      {
        host: '192.0.2.9',
        port: 7781,
        user: 'Ben',
        addresses: [],
        instance: 'b',
        seq: 1,
        expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS,
      },
      ben,
    );
  const state = (): string => discovery.health()[0]!.state;
  const detail = (): string => discovery.health()[0]!.detail;
  /** The loop sleeps when the lease's timer and its own are set; while it fails, only its own is. */
  const asked = async (times: number, timers = 2): Promise<void> => {
    await until(`${times} requests`, () => registry.announcements.length >= times);
    await until('the pause after it', () => clock.timers === timers);
    expect(registry.announcements).toHaveLength(times);
  };

  it('registers, passes on who is there, and renews with the same bytes', async () => {
    registry.entries = [bens(), { HOST: '192.0.2.77', PORT: 1, USER: 'Plain' }];
    expect(state()).toBe('off');
    discovery.start(self, sink);
    expect(state()).toBe('starting');
    await asked(1);
    expect(sink.all).toMatchObject([
      {
        source: registry.url,
        sightings: [{ source: registry.url, user: 'Ben', addresses: [{ host: '192.0.2.9', port: 7781 }] }],
      },
    ]);
    expect([state(), detail()]).toEqual(['ok', '1 other listed']);
    const [own] = registry.announcements;
    expect(verifyAnnouncement(own!, clock.now())).toMatchObject({ peerId: annaId, user: 'Anna', port: 7780 });

    await clock.advance(9_999);
    expect(registry.announcements).toHaveLength(1);
    await clock.advance(1);
    await asked(2);
    expect(registry.announcements[1]).toEqual(own);
  });

  it.each([
    [0, 8_000],
    [1, 12_000],
  ])('spreads renewals: with chance %i after %i ms', async (chance, ms) => {
    discovery = make({ random: () => chance });
    discovery.start(self, sink);
    await asked(1);
    await clock.advance(ms - 1);
    expect(registry.announcements).toHaveLength(1);
    await clock.advance(1);
    await asked(2);
  });

  it('renews when the service wants it', async () => {
    registry.answer = (_asked, response) => registry.list(response.setHeader('x-renew-after', '3'));
    discovery.start(self, sink);
    await asked(1);
    await clock.advance(3_000);
    await asked(2);
  });

  it('signs anew when half of the validity is over', async () => {
    discovery.start(self, sink);
    await asked(1);
    for (let i = 2; i <= 31; i++) {
      await clock.advance(10_000);
      await asked(i);
    }
    const seqs = new Set(registry.announcements.map(({ SEQ }) => SEQ));
    expect(seqs.size).toBe(2);
  });

  it('announces the address toward the service, and the others of the machine', async () => {
    let route = '198.51.100.5';
    discovery = make({ route: () => Promise.resolve(route), interfaces: eth0('192.0.2.5', '198.51.100.5') });
    discovery.start(self, sink);
    await asked(1);
    expect(registry.announcements[0]).toMatchObject({ HOST: '198.51.100.5', ADDRESSES: ['192.0.2.5'] });
    route = '192.0.2.5';
    await clock.advance(10_000);
    await asked(2);
    expect(registry.announcements[1]).toMatchObject({ HOST: '192.0.2.5', ADDRESSES: ['198.51.100.5'] });
    expect(registry.announcements[1]!.SEQ).toBeGreaterThan(registry.announcements[0]!.SEQ);
  });

  it.each<[string, Partial<HttpRegistryOptions>, string, object]>([
    ['its own address where the service is on this machine', {}, '', { HOST: '192.0.2.5' }],
    ['loopback where there is no network', { interfaces: () => ({}) }, '', { HOST: '127.0.0.1' }],
    ['the host that was set', {}, '203.0.113.1', { HOST: '203.0.113.1' }],
  ])('announces %s', async (_name, options, host, expected) => {
    discovery = make(options);
    discovery.start({ ...self, host }, sink);
    await asked(1);
    expect(registry.announcements[0]).toMatchObject(expected);
    expect(registry.announcements[0]).not.toHaveProperty('ADDRESSES');
  });

  it('announces no more addresses than fit', async () => {
    const many = Array.from({ length: 12 }, (_, i) => `192.0.2.${i + 1}`);
    discovery = make({ interfaces: eth0(...many) });
    discovery.start(self, sink);
    await asked(1);
    expect(registry.announcements[0]!.ADDRESSES).toEqual(many.slice(1, 9));
  });

  it('takes loopback addresses from a service on this machine, not from another', async () => {
    const here = signAnnouncement({ ...fieldsOf(bens()), host: '127.0.0.1' }, ben);
    registry.entries = [here];
    let route: string | null = '127.0.0.1';
    discovery = make({ route: () => Promise.resolve(route) });
    discovery.start(self, sink);
    await asked(1);
    expect(sink.last).toEqual(['Ben']);
    route = '192.0.2.5';
    await clock.advance(10_000);
    await asked(2);
    expect(sink.last).toEqual([]);
  });

  it('keeps whom it saw while the service is away, until a lease would be over', async () => {
    registry.entries = [bens()];
    discovery.start(self, sink);
    await asked(1);
    await registry.close();
    await clock.advance(10_000);
    await until('the failure', () => state() === 'failing' && clock.timers === 2);
    expect(detail()).toBe(`connection refused at ${registry.url}: is the discovery service running there?`);
    await clock.advance(19_999);
    expect(sink.last).toEqual(['Ben']);
    await clock.advance(1);
    expect(sink.last).toEqual([]);
  });

  it('backs off while the service fails, and is back when it works', async () => {
    registry.answer = (_asked, response) => response.writeHead(500).end();
    discovery.start(self, sink);
    await asked(1, 1);
    expect([state(), detail()]).toEqual([
      'failing',
      `${registry.url} answered 500: is it a discovery service?`,
    ]);
    // Three quarters of 2, 4, 8 and 10 s, and never less than the gap that every service is left.
    const waits = [1_000, 1_500, 3_000, 6_000, 7_500, 7_500];
    for (const [index, ms] of waits.entries()) {
      await clock.advance(ms - 1);
      expect(registry.announcements).toHaveLength(index + 1);
      await clock.advance(1);
      await asked(index + 2, 1);
    }
    registry.answer = (_asked, response) => registry.list(response);
    await clock.advance(7_500);
    await asked(waits.length + 2);
    expect([state(), sink.last]).toEqual(['ok', []]);
    registry.answer = (_asked, response) => response.writeHead(500).end();
    await clock.advance(10_000);
    await asked(waits.length + 3);
    await clock.advance(1_000);
    await asked(waits.length + 4);
  });

  it('is off, and no fault, where nobody asked for it and nobody is there, and on once somebody is', async () => {
    await registry.close();
    discovery = make({ optional: true });
    discovery.start(self, sink);
    await until('the first try', () => clock.timers === 1);
    expect([state(), detail()]).toEqual([
      'off',
      'no discovery service runs on this machine, and none was asked for',
    ]);
    await registry.open();
    await clock.advance(1_000);
    await asked(1);
    expect(state()).toBe('ok');
    registry.answer = (_asked, response) => response.writeHead(500).end();
    await clock.advance(10_000);
    await asked(2);
    expect(state()).toBe('failing');
  });

  it('renews on demand, with the same bytes and without the list', async () => {
    await expect(discovery.announce(new AbortController().signal)).rejects.toBeInstanceOf(RegistryFailure);
    discovery.start(self, sink);
    await asked(1);
    await discovery.announce(new AbortController().signal);
    expect(registry.announcements[1]).toEqual(registry.announcements[0]);
    registry.answer = (_asked, response) => registry.problem(response, 403, { code: 'signature-required' });
    await expect(discovery.announce(new AbortController().signal)).rejects.toMatchObject({
      code: 'registry-refused',
      problem: { code: 'signature-required' },
    });
    expect(state()).toBe('ok');
  });

  it('comes back no sooner than the service said', async () => {
    registry.answer = (_asked, response) =>
      registry.problem(
        response,
        429,
        { code: 'too-many-requests', detail: 'Too many.' },
        { 'retry-after': '20' },
      );
    discovery.start(self, sink);
    await asked(1, 1);
    discovery.refresh();
    await clock.advance(19_999);
    expect(registry.announcements).toHaveLength(1);
    await clock.advance(1);
    await asked(2, 1);
    expect(detail()).toBe(`${registry.url} answered 429: Too many.`);
  });

  it('goes above a SEQ that the service knows, at once', async () => {
    const seq = clock.now() + 3_600_000;
    registry.answer = ({ body }, response) => {
      if ((body as SignedEntry).SEQ > seq) registry.list(response);
      else registry.problem(response, 409, { code: 'announcement-stale', detail: 'stale', seq });
    };
    discovery.start(self, sink);
    await asked(2);
    expect(registry.announcements[1]!.SEQ).toBe(seq + 1);
    expect(state()).toBe('ok');
  });

  it("goes by the service's clock where its own is wrong, for others' signatures, too", async () => {
    const now = clock.now() + 86_400_000;
    const others = signAnnouncement({ ...fieldsOf(bens()), expires: now + ANNOUNCEMENT_VALIDITY_MS }, ben);
    registry.entries = [others];
    registry.answer = ({ body }, response) => {
      if ((body as SignedEntry).EXPIRES > now) registry.list(response);
      else registry.problem(response, 400, { code: 'announcement-expired', detail: 'expired', now });
    };
    discovery.start(self, sink);
    await asked(2);
    expect(sink.last).toEqual(['Ben']);
    expect(detail()).toBe("1 other listed; this machine's clock is 1440 min behind");
  });

  it('does not argue with a service that is never content', async () => {
    registry.answer = ({ body }, response) =>
      registry.problem(response, 409, {
        code: 'announcement-stale',
        detail: 'stale',
        seq: (body as SignedEntry).SEQ,
      });
    discovery.start(self, sink);
    await asked(2, 1);
    expect(state()).toBe('failing');
  });

  it('asks at once on demand, but not more often than every second', async () => {
    discovery.start(self, sink);
    await asked(1);
    await clock.advance(5_000);
    discovery.refresh();
    await asked(2);
    for (let i = 0; i < 5; i++) discovery.refresh();
    await clock.advance(999);
    expect(registry.announcements).toHaveLength(2);
    await clock.advance(1);
    await asked(3);
  });

  it('asks again where it is asked to in the middle of a request', async () => {
    registry.answer = (_asked, response) => {
      if (registry.announcements.length === 1) discovery.refresh();
      registry.list(response);
    };
    discovery.start(self, sink);
    await asked(1);
    await clock.advance(1_000);
    await asked(2);
  });

  it('withdraws at the end, and tells nothing more', async () => {
    registry.entries = [bens()];
    discovery.start(self, sink);
    await asked(1);
    await discovery.stop(AbortSignal.timeout(5_000));
    const last = registry.asked.at(-1)!;
    expect([last.method, last.url]).toEqual(['DELETE', `/peers/${annaId}`]);
    const withdrawal = last.body as Withdrawal;
    expect(() => verifyWithdrawal(annaId, withdrawal)).not.toThrow();
    expect(withdrawal.SEQ).toBeGreaterThanOrEqual(registry.announcements[0]!.SEQ);
    expect([state(), clock.timers]).toEqual(['off', 0]);
    await clock.advance(60_000);
    expect(sink.all).toHaveLength(1);
    expect(registry.asked).toHaveLength(2);
  });

  it('never rejects at the end: not started, twice, in the middle of a request, without a service', async () => {
    await discovery.stop(AbortSignal.timeout(5_000));
    registry.answer = () => undefined;
    discovery.start(self, sink);
    await until('a request', () => registry.asked.length === 1);
    const late = new AbortController();
    const stopped = discovery.stop(late.signal);
    await until('the withdrawal', () => registry.asked.length === 2);
    late.abort();
    await stopped;
    await discovery.stop(AbortSignal.timeout(5_000));
    await registry.close();
    discovery.start(self, sink);
    await until('the failure', () => state() === 'failing');
    await discovery.stop(AbortSignal.timeout(5_000));
    expect([state(), sink.all]).toEqual(['off', []]);
  });

  it('can be started anew, with a greater SEQ', async () => {
    discovery.start(self, sink);
    await asked(1);
    await discovery.stop(AbortSignal.timeout(5_000));
    discovery.start(self, sink);
    await asked(2);
    const [first, second] = registry.announcements;
    expect(second!.SEQ).toBeGreaterThan(first!.SEQ);
  });

  describe('with a service that pushes', () => {
    let stream: ServerResponse | undefined;
    const entry = (user: string, keys = ben, seq = 1): SignedEntry =>
      signAnnouncement(
        {
          host: '192.0.2.9',
          port: 7780,
          user,
          addresses: [],
          instance: 'i',
          seq,
          expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS,
        },
        keys,
      );
    const puts = (): string[] =>
      registry.asked.filter(({ method }) => method === 'PUT').map(({ url }) => url);
    const sees = (...users: string[]): Promise<void> =>
      until(`sight of ${users.join()}`, () => sink.last?.join() === users.join());
    const listen = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': listening\n\n');
      stream = response;
    };
    const send = (id: string, event: string, data: unknown): void => {
      stream!.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };

    beforeEach(() => {
      stream = undefined;
      registry.answer = ({ url, method }, response) => {
        if (url === '/events') listen(response);
        else if (method !== 'PUT' || stream !== undefined) response.writeHead(204).end();
        else {
          response.setHeader('x-list-cursor', 'c-1');
          registry.list(response);
        }
      };
    });

    it('passes on joins, changes and leaves, and renews without the list', async () => {
      discovery.start(self, sink);
      await until('the stream', () => stream !== undefined);
      send('c-2', 'join', entry('Ben'));
      await sees('Ben');
      send('c-3', 'change', entry('Benno', ben, 2));
      await sees('Benno');
      send('c-4', 'join', { ...entry('Mallory', testKeys('mallory')), USER: 'Cleo' });
      send('c-5', 'join', entry('Dora', testKeys('dora')));
      await sees('Benno', 'Dora');
      send('c-6', 'leave', { PEER_ID: peerIdOfKey(ben.publicKey), HOST: '192.0.2.9', PORT: 7780 });
      await sees('Dora');
      await clock.advance(10_000);
      await until('the renewal', () => puts().length === 2);
      expect(puts()).toEqual(['/', '/']);
      await sees('Dora');
    });

    it('asks for what changed while nothing is pushed, and takes the stream up again', async () => {
      discovery.start(self, sink);
      await until('the stream', () => stream !== undefined);
      send('c-2', 'join', entry('Ben'));
      await sees('Ben');
      registry.answer = ({ url }, response) => {
        if (url === '/events') response.writeHead(503).end();
        else {
          const joined = [entry('Dora', testKeys('dora'))];
          response.end(JSON.stringify({ cursor: 'c-3', reset: false, joined, changed: [], left: [] }));
        }
      };
      const before = stream!;
      before.end();
      await until('the end of the stream', () => before.closed);
      await clock.advance(10_000);
      await sees('Ben', 'Dora');
      expect(puts().at(-1)).toBe('/?since=c-2');
      stream = undefined;
      registry.answer = ({ url }, response) => {
        if (url === '/events') listen(response);
        else response.writeHead(204).end();
      };
      await clock.advance(10_000);
      await until('the stream', () => stream !== undefined);
      send('d-1', 'list', [entry('Ben')]);
      await sees('Ben');
    });
  });
});

function fieldsOf(entry: PeerEntry): AnnouncementFields {
  const { host, port, user, addresses, instance, seq, expires } = verifyAnnouncement(entry, entry.EXPIRES!);
  return { host, port, user, addresses, instance, seq, expires };
}
