import { afterAll, beforeAll, expect, it } from 'vitest';
import { allSeeAll, Lan, type LanDaemon } from './support/lan.js';

let lan: Lan;
beforeAll(async () => {
  lan = await Lan.open(3);
});
afterAll(() => lan.close());

it('people find each other where a network has IPv6 alone, without any server or setting', async () => {
  for (const host of lan.hosts) {
    await host.exec('ip', 'address', 'del', `${host.address}/24`, 'dev', 'eth0');
    expect(await host.exec('ip', '-4', 'address', 'show', 'dev', 'eth0')).toBe('');
  }
  const [anna, ben, cleo] = (await Promise.all(
    lan.hosts.map((host, n) => host.daemon({ user: ['Anna', 'Ben', 'Cleo'][n]! })),
  )) as [LanDaemon, LanDaemon, LanDaemon];
  await allSeeAll([anna, ben, cleo]);
  const { status, stderr } = await anna.daemon.cli([
    'send',
    cleo.daemon.peerId,
    'over IPv6',
    '--wait',
    'delivered',
  ]);
  expect({ status, stderr }).toMatchObject({ status: 0 });
});
