import { RENEW_INTERVAL_MS, SystemClock } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, expect, it } from 'vitest';
import { HttpRegistryDiscovery } from '../chat-node/src/discovery/http-registry.discovery.js';
import { RequestTap } from './support/request-tap.ts';
import { waitFor, World } from './support/processes.ts';

/** Clients as nodes have them, in this process, beside two nodes of their own. */
const CLIENTS = 100;
/** Long enough that everybody has noticed it and waits longer and longer. */
const OUTAGE_MS = 15_000;
/** A renewal, with its jitter and the time that a loaded machine takes. */
const WITHIN_MS = RENEW_INTERVAL_MS * 1.2 + 3_000;
/** The most that may come in one second: a herd would all come in the first. */
const MOST_IN_A_SECOND = 0.4;

const world = new World();
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((step) => step()));
  await world.close();
});

const ignore = (): void => undefined;
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };

it('a service that comes back empty is full again within one renewal, and not stormed', async () => {
  const service = await world.discovery();
  const tap = await RequestTap.before(service.port);
  cleanUp.push(() => tap.close());
  const listed = async (): Promise<string[]> =>
    ((await (await fetch(service.url)).json()) as { USER: string }[]).map(({ USER }) => USER);
  const isFull = async (): Promise<boolean> => (await listed()).length === CLIENTS + 2;

  for (let n = 0; n < CLIENTS; n += 1) {
    const discovery = new HttpRegistryDiscovery({
      url: tap.url,
      keys: testKeys(`person ${n}`),
      clock: new SystemClock(),
      random: Math.random,
      logger: silent,
    });
    discovery.start(
      { user: `Person ${n}`, port: 20_000 + n, host: '127.0.0.1', instance: `${n}` },
      { replace: ignore },
    );
    cleanUp.push(() => discovery.stop(AbortSignal.abort()));
  }
  const nodes = await Promise.all(
    ['Anna', 'Ben'].map((user) => world.daemon({ user, discovery: [tap.url] })),
  );
  await waitFor('everyone to be listed', isFull);

  await service.kill();
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
  await world.discovery({ port: service.port });
  const back = performance.now();
  await waitFor('everyone to be listed again', isFull);
  expect(performance.now() - back).toBeLessThan(WITHIN_MS);
  for (const node of nodes) {
    await waitFor(`${node.name} to see all`, async () => {
      return (await node.json(['peers'])).length === CLIENTS + 1;
    });
  }

  const came = tap.requests.filter(({ at, line }) => at >= back && line.startsWith('PUT /'));
  const seconds = new Map<number, number>();
  for (const { at } of came) {
    const second = Math.floor((at - back) / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  console.log(`registrations in each second after the return: ${[...seconds.values()].join(' ')}`);
  expect(Math.max(...seconds.values())).toBeLessThan(MOST_IN_A_SECOND * CLIENTS);
});
