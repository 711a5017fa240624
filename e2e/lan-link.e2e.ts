import { LINK_DEAD_MS, SIMULTANEOUS_DIAL_MS } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { allSeeAll, Lan, type LanDaemon, sees } from './support/lan.js';
import { NODE_STORES, NodeStores } from './support/node-stores.js';
import { waitFor } from './support/processes.js';

interface Shown {
  id: string;
  direction: 'in' | 'out';
  body: string;
  state: string;
}

/** How late a timer and the word of it may be on a loaded machine. */
const SLACK_MS = 3_000;

async function history(of: LanDaemon, other: LanDaemon): Promise<Shown[]> {
  return of.daemon.json<Shown>(['history', other.daemon.peerId, '--limit', '1000']);
}

async function send(from: LanDaemon, to: LanDaemon, ...args: string[]): Promise<void> {
  const { status, stderr } = await from.daemon.cli(['send', to.daemon.peerId, ...args]);
  expect({ status, stderr }).toMatchObject({ status: 0 });
}

async function links(of: LanDaemon): Promise<number> {
  return (await of.daemon.json<{ links: number }>(['status']))[0]!.links;
}

describe.each(NODE_STORES)('on %s', (_name, kind, skip) => {
  describe.skipIf(skip)('two hosts', () => {
    const stores = new NodeStores(kind);
    let lan: Lan;
    beforeAll(async () => {
      lan = await Lan.open(2);
    });
    afterEach(async () => {
      await lan.world.close();
      for (const host of lan.hosts) await host.dropNothing();
    });
    afterAll(async () => {
      await lan.close();
      await stores.dispose();
    });

    it('a link that dies without a word in mid-conversation is noticed within 45 s and replaced, and nothing is lost or doubled', async () => {
      // Without multicast, so that nothing but the link itself tells who is there.
      const env = { P2P_CHAT_MDNS: 'off', DISCOVERY_URLS: '' };
      const peers = { P2P_CHAT_PEERS: `${lan.hosts[1]!.address}:7780` };
      const ben = await lan.hosts[1]!.daemon({ user: 'Ben', env: { ...env, ...(await stores.envOfHost()) } });
      const anna = await lan.hosts[0]!.daemon({
        user: 'Anna',
        env: { ...env, ...peers, ...(await stores.envOfHost()) },
      });
      await allSeeAll([anna, ben]);
      const [toBen, toAnna] = [['one'], ['eins']];
      await send(anna, ben, 'one', '--wait', 'delivered');
      await send(ben, anna, 'eins', '--wait', 'delivered');

      // The address stays and nobody is told: every packet of the connection is lost, and so is every new one.
      await lan.hosts[0]!.drop('INPUT', '-p', 'tcp', '-i', 'eth0');
      await lan.hosts[0]!.drop('OUTPUT', '-p', 'tcp', '-o', 'eth0');
      const dropped = Date.now();
      for (let n = 0; n < 20; n += 1) {
        await send(anna, ben, `meanwhile ${n}`, '--wait', 'queued');
        await send(ben, anna, `indes ${n}`, '--wait', 'queued');
        toBen.push(`meanwhile ${n}`);
        toAnna.push(`indes ${n}`);
      }
      expect((await history(anna, ben)).filter(({ state }) => state === 'queued')).not.toEqual([]);
      const noticed = await Promise.all([anna, ben].map((one) => sees(one, [], 2 * LINK_DEAD_MS)));
      const delays = noticed.map((at) => at - dropped);
      console.log(`noticed after ${delays.join(' and ')} ms`);
      expect(Math.max(...delays)).toBeLessThan(LINK_DEAD_MS + SLACK_MS);

      await lan.hosts[0]!.dropNothing();
      const healed = Date.now();
      await waitFor(
        'everything to be delivered',
        async () => {
          const all = [...(await history(anna, ben)), ...(await history(ben, anna))];
          return all.every(({ state }) => state !== 'queued');
        },
        75_000,
      );
      console.log(`all delivered ${Date.now() - healed} ms after the end of the drop`);
      const [here, there] = [await history(anna, ben), await history(ben, anna)];
      const bodies = (list: readonly Shown[], direction: string): string[] =>
        list.filter((one) => one.direction === direction).map(({ body }) => body);
      expect(bodies(here, 'out')).toEqual(toBen);
      expect(bodies(there, 'in')).toEqual(toBen);
      expect(bodies(there, 'out')).toEqual(toAnna);
      expect(bodies(here, 'in')).toEqual(toAnna);
      expect(here.map(({ id }) => id)).toEqual(there.map(({ id }) => id));
      expect([await links(anna), await links(ben)]).toEqual([1, 1]);
    }, 240_000);

    it('a host that changes its address is found again within 5 s, and gets what was queued', async () => {
      const ben = await lan.hosts[1]!.daemon({ user: 'Ben', env: await stores.envOfHost() });
      const anna = await lan.hosts[0]!.daemon({ user: 'Anna', env: await stores.envOfHost() });
      await allSeeAll([anna, ben]);
      await send(anna, ben, 'before', '--wait', 'delivered');
      await send(ben, anna, 'an answer', '--wait', 'delivered');
      // Two links within this time would count as dialled at once.
      await new Promise((resolve) => setTimeout(resolve, SIMULTANEOUS_DIAL_MS));
      const moved = Date.now();
      await lan.hosts[1]!.moveTo('10.77.0.77');
      await send(anna, ben, 'meanwhile');
      const heard = async (): Promise<string[]> => (await history(ben, anna)).map(({ body }) => body);
      await waitFor('what was queued', async () => (await heard()).includes('meanwhile'), 15_000);
      console.log(`found at the new address and told after ${Date.now() - moved} ms`);
      expect(Date.now() - moved).toBeLessThan(5_000);
      expect(await heard()).toEqual(['before', 'an answer', 'meanwhile']);
    });
  });
});
