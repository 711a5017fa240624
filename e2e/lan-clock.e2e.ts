import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LEASE_SECONDS } from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allSeeAll, Lan, type LanDaemon } from './support/lan.js';
import { NODE_STORES, NodeStores } from './support/node-stores.js';
import { waitFor } from './support/processes.js';

interface Shown {
  id: string;
  direction: 'in' | 'out';
  body: string;
  state: string;
  sentAt: string;
}

const HOUR_SECONDS = 3_600;
/** libfaketime: gives a process another time of day, read anew from a file at each look at the clock. */
const FAKETIME = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));

/** The time of day of one process: the machine's, or off by some seconds. */
class ProcessClock {
  private constructor(private readonly file: string) {}

  static async at(file: string): Promise<ProcessClock> {
    const clock = new ProcessClock(file);
    await clock.jumpTo(0);
    return clock;
  }

  get env(): Record<string, string> {
    return {
      LD_PRELOAD: FAKETIME ?? '',
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      // Timers run on as they do when an administrator or NTP sets the time of day.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  async jumpTo(seconds: number): Promise<void> {
    await writeFile(this.file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }
}

describe.each(NODE_STORES)('on %s', (_name, kind, skip) => {
  describe.skipIf(FAKETIME === undefined || skip)('clocks that jump by an hour (needs libfaketime)', () => {
    const stores = new NodeStores(kind);
    let lan: Lan;
    beforeAll(async () => {
      lan = await Lan.open(2);
    });
    afterAll(async () => {
      await lan.close();
      await stores.dispose();
    });

    const say = async (from: LanDaemon, to: LanDaemon, text: string): Promise<void> => {
      const args = ['send', to.daemon.peerId, text, '--wait', 'delivered', '--timeout', '60s'];
      const { status, stderr } = await from.daemon.cli(args, { env: { LD_PRELOAD: '' } });
      expect({ status, stderr }).toMatchObject({ status: 0 });
    };
    const history = (of: LanDaemon, other: LanDaemon): Promise<Shown[]> =>
      of.daemon.json<Shown>(['history', other.daemon.peerId, '--limit', '1000'], { env: { LD_PRELOAD: '' } });

    it('either way, on either side and at the service: answers after their questions, nobody lost, no dial that waits', async () => {
      const folder = await lan.world.folder('clocks');
      const [annas, bens, services] = await Promise.all(
        ['anna', 'ben', 'service'].map((name) => ProcessClock.at(join(folder, name))),
      );
      if (annas === undefined || bens === undefined || services === undefined)
        throw new Error('three clocks');
      const service = await lan.hosts[0]!.discovery({ DISCOVERY_MDNS: 'off', ...services.env });
      const env = { P2P_CHAT_MDNS: 'off', DISCOVERY_URLS: service.url };
      const [annasStore, bensStore] = [await stores.envOfHost(), await stores.envOfHost()];
      const anna = await lan.hosts[0]!.daemon({ user: 'Anna', env: { ...env, ...annas.env, ...annasStore } });
      const bensEnv = { ...env, ...bens.env, ...bensStore };
      let ben = await lan.hosts[1]!.daemon({ user: 'Ben', env: bensEnv });
      await allSeeAll([anna, ben]);
      const [annaSaw, benSaw] = [anna.sights.length, ben.sights.length];

      const expected: string[] = [];
      const talk = async (when: string): Promise<void> => {
        for (const [from, to, text] of [
          [anna, ben, `question of Anna, ${when}`],
          [ben, anna, `answer of Ben, ${when}`],
          [anna, ben, `and another of Anna, ${when}`],
        ] as const) {
          await say(from, to, text);
          expected.push(text);
        }
      };
      await talk('at first');
      const began = Date.now();
      for (const [who, clock, hours] of [
        ['Anna ahead', annas, 1],
        ['Ben behind', bens, -1],
        ['the service ahead', services, 1],
        ['Anna behind', annas, -1],
        ['Ben ahead', bens, 1],
        ['the service behind', services, -1],
      ] as const) {
        await clock.jumpTo(hours * HOUR_SECONDS);
        await talk(who);
      }
      // Longer than a lease: whoever's renewals hung would be gone by now.
      const left = (LEASE_SECONDS + 5) * 1_000 - (Date.now() - began);
      await new Promise((resolve) => setTimeout(resolve, left));
      for (const [of, from] of [
        [anna, annaSaw],
        [ben, benSaw],
      ] as const) {
        expect(of.sights.slice(from).filter(({ online }) => online.length !== 1)).toEqual([]);
      }

      // A link that is lost is dialled again, with clocks two hours apart, and across another jump.
      await ben.daemon.kill();
      const queued = await anna.daemon.cli(['send', ben.daemon.peerId, 'while Ben is away'], {
        env: { LD_PRELOAD: '' },
      });
      expect(queued.status).toBe(0);
      expected.push('while Ben is away');
      await annas.jumpTo(HOUR_SECONDS);
      await bens.jumpTo(-HOUR_SECONDS);
      const { home } = ben.daemon;
      ben = await lan.hosts[1]!.daemon({ user: 'Ben', home, env: bensEnv });
      await waitFor(
        'what was queued',
        async () => (await history(ben, anna)).some(({ body }) => body === 'while Ben is away'),
        75_000,
      );
      await talk('in the end');

      const [here, there] = [await history(anna, ben), await history(ben, anna)];
      expect(here.map(({ body }) => body)).toEqual(expected);
      expect(there.map(({ id }) => id)).toEqual(here.map(({ id }) => id));
      expect(here.filter(({ state }) => state === 'queued')).toEqual([]);
      // The clocks did jump: messages minutes apart say that they were written hours apart.
      const times = here.map(({ sentAt }) => new Date(sentAt).getTime());
      expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1.9 * HOUR_SECONDS * 1_000);
    }, 240_000);
  });
});
