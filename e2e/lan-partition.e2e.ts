import { afterAll, beforeAll, expect, it } from 'vitest';
import { allSeeAll, Lan, type LanDaemon, sees } from './support/lan.js';
import { waitFor } from './support/processes.js';

const USERS = ['Anna', 'Ben', 'Cleo', 'Dora'] as const;
const PARTITION_MS = 60_000;

let lan: Lan;
beforeAll(async () => {
  lan = await Lan.open(4);
});
afterAll(() => lan.close());

it('a network that falls in two for 60 s: both halves right during it, whole within 10 s after, nothing lost', async () => {
  const [anna, ben, cleo, dora] = (await Promise.all(
    lan.hosts.map((host, n) => host.daemon({ user: USERS[n]! })),
  )) as [LanDaemon, LanDaemon, LanDaemon, LanDaemon];
  await allSeeAll([anna, ben, cleo, dora]);
  const send = async (from: LanDaemon, to: LanDaemon, ...args: string[]): Promise<void> => {
    const { status, stderr } = await from.daemon.cli(['send', to.daemon.peerId, ...args]);
    expect({ status, stderr }).toMatchObject({ status: 0 });
  };
  await send(anna, cleo, 'before', '--wait', 'delivered');

  await lan.plugInto('other', [lan.hosts[2]!, lan.hosts[3]!]);
  const cut = Date.now();
  await send(anna, ben, 'in one half', '--wait', 'delivered');
  await send(cleo, dora, 'in the other', '--wait', 'delivered');
  await send(anna, cleo, 'one', '--wait', 'queued');
  await send(cleo, anna, 'two', '--wait', 'queued');
  const halves = Promise.all([
    sees(anna, ['Ben'], PARTITION_MS),
    sees(ben, ['Anna'], PARTITION_MS),
    sees(cleo, ['Dora'], PARTITION_MS),
    sees(dora, ['Cleo'], PARTITION_MS),
  ]);
  await halves;
  await new Promise((resolve) => setTimeout(resolve, cut + PARTITION_MS - Date.now()));
  await Promise.all([sees(anna, ['Ben'], 0), sees(dora, ['Cleo'], 0)]);

  await lan.plugInto('lan', [lan.hosts[2]!, lan.hosts[3]!]);
  const healed = Date.now();
  expect((await allSeeAll([anna, ben, cleo, dora])) - healed).toBeLessThan(10_000);
  const bodies = async (by: LanDaemon, from: LanDaemon): Promise<string[]> =>
    (await by.daemon.json<{ body: string }>(['history', from.daemon.peerId])).map(({ body }) => body).sort();
  await waitFor(
    'the messages of both halves',
    async () => {
      const both = await Promise.all([bodies(anna, cleo), bodies(cleo, anna)]);
      return both.every((list) => list.join() === 'before,one,two');
    },
    10_000,
  );
  console.log(`whole again, and nothing lost, after ${Date.now() - healed} ms`);
});
