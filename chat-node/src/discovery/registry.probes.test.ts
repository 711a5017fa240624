import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { type Walked, walkProbe } from '../testing/walk-probes.js';
import { RegistryFailure } from './registry-failure.js';
import { type ProbedRegistry, RegistryProbes } from './registry.probes.js';

const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const clock = new ManualClock(NOW);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const healthy = (more: object = {}, headers: Record<string, string> = {}): Promise<string> =>
  serve((request, response) => {
    const found = request.url === '/health';
    response
      .writeHead(found ? 200 : 404, headers)
      .end(JSON.stringify(found ? { status: 'ok', ...more } : {}));
  });

/** Walks the hops to one discovery service. */
async function walk(
  url: string,
  { optional = false, announce = () => Promise.resolve() }: Partial<ProbedRegistry> = {},
): Promise<Omit<Walked, 'subject'>[]> {
  const [probe] = new RegistryProbes(() => [{ url, optional, announce }], clock).list();
  return (await walkProbe(probe!)).map(({ subject, ...rest }) => {
    expect(subject).toBe(url);
    return rest;
  });
}

describe('the way to a discovery service', () => {
  it('is well where every hop is', async () => {
    expect(await walk(await healthy({ now: NOW + 2_000 }))).toEqual([
      { hop: 'registry-name', state: 'ok', detail: 'an address, no name' },
      { hop: 'registry-connect', state: 'ok', detail: 'connected' },
      { hop: 'registry-http', state: 'ok', detail: 'answers as a discovery service' },
      { hop: 'registry-clock', state: 'ok', detail: '2 s apart' },
      { hop: 'registry-announcement', state: 'ok', detail: 'takes the signed announcement' },
    ]);
  });

  it('tells the addresses of a name', async () => {
    const url = (await healthy({ now: NOW })).replace('127.0.0.1', 'localhost');
    expect((await walk(url))[0]!.detail).toContain('127.0.0.1');
  });

  it('ends at a name that nobody knows', async () => {
    expect(await walk('http://no-such-machine.invalid:7777')).toEqual([
      {
        hop: 'registry-name',
        state: 'failed',
        detail: expect.stringMatching(
          /^The name no-such-machine\.invalid of the discovery service is not known \(E\w+\)\.$/,
        ) as string,
        advice: 'Correct it in DISCOVERY_URLS, or use the address in its place.',
      },
    ]);
  });

  it('ends at a port that refuses, unless nobody asked for the service', async () => {
    const url = await healthy();
    servers.pop()!.close();
    const { origin } = new URL(url);
    expect((await walk(url)).at(-1)).toEqual({
      hop: 'registry-connect',
      state: 'failed',
      detail: `The connection to the discovery service at ${origin} is refused (ECONNREFUSED).`,
      advice: 'Start the discovery service there, or correct the port in DISCOVERY_URLS.',
    });
    expect((await walk(url, { optional: true })).at(-1)).toMatchObject({
      hop: 'registry-connect',
      state: 'skipped',
    });
  });

  it.each<[string, RequestListener]>([
    ['404', (_request, response) => void response.writeHead(404).end('not here')],
    ['200', (_request, response) => void response.end('<html>Welcome</html>')],
    ['200', (_request, response) => void response.end('[]')],
  ])('ends at a web server that answers %s and is none of ours', async (status, listener) => {
    const url = await serve(listener);
    expect((await walk(url)).at(-1)).toEqual({
      hop: 'registry-http',
      state: 'failed',
      detail: `${url} answers /health with HTTP ${status}, and not as a discovery service does.`,
      advice: 'Correct the address, the port or the path in DISCOVERY_URLS: another program answers there.',
    });
  });

  it('ends at a server that takes the connection and says nothing', async () => {
    const url = await serve(() => undefined);
    expect((await walk(url)).at(-1)).toMatchObject({
      hop: 'registry-http',
      state: 'failed',
      detail: expect.stringMatching(/^No answer from /) as string,
    });
    servers[0]!.closeAllConnections();
  });

  it.each([
    ['ahead of', { now: NOW + HOUR }, {}],
    ['behind', { now: NOW - HOUR }, {}],
    ['ahead of', {}, { date: new Date(NOW + HOUR).toUTCString() }],
    ['behind', {}, { date: new Date(NOW - HOUR).toUTCString() }],
  ])(
    'names a clock that is an hour %s the own one, and still announces (%j, %j)',
    async (direction, body, headers) => {
      const url = await healthy(body, headers);
      const found = await walk(url);
      expect(found.slice(-2)).toMatchObject([
        {
          hop: 'registry-clock',
          state: 'failed',
          detail: `The clock of ${url} is 60 min ${direction} this machine's.`,
          advice: expect.stringContaining('timedatectl') as string,
        },
        { hop: 'registry-announcement', state: 'ok' },
      ]);
    },
  );

  it('bears a minute between the clocks', async () => {
    expect((await walk(await healthy({ now: NOW + 60_000 })))[3]).toMatchObject({ state: 'ok' });
    expect((await walk(await healthy({ now: NOW + 61_000 })))[3]).toMatchObject({ state: 'failed' });
  });

  it('asks below the path of the URL', async () => {
    const url = await serve((request, response) => {
      response
        .writeHead(request.url === '/office/health' ? 200 : 404)
        .end(JSON.stringify({ status: 'ok', now: NOW }));
    });
    expect((await walk(`${url}/office`)).every(({ state }) => state === 'ok')).toBe(true);
    expect((await walk(url)).at(-1)).toMatchObject({ hop: 'registry-http', state: 'failed' });
  });

  it.each([
    ['announcement-signature-wrong', 'Something in between changes what is sent'],
    ['announcement-too-far-ahead', 'Set the clock of this machine'],
    ['announcement-stale', 'A copy of this profile may run elsewhere'],
    ['anything', 'See the log of the discovery service'],
  ])('says what a refusal of the announcement means (%s)', async (code, advice) => {
    const refuse = (): Promise<void> =>
      Promise.reject(
        new RegistryFailure('registry-refused', 'http://192.0.2.1:7777 answered 403: no', {
          problem: { code },
        }),
      );
    expect((await walk(await healthy({ now: NOW }), { announce: refuse })).at(-1)).toMatchObject({
      hop: 'registry-announcement',
      state: 'failed',
      detail: 'http://192.0.2.1:7777 answered 403: no.',
      advice: expect.stringContaining(advice) as string,
    });
  });
});
