import type { GroupView, MessageView } from '@p2p-chat/shared';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { allSeeAll, Lan, type LanDaemon, sees } from './support/lan.js';
import { waitFor } from './support/processes.js';

const USERS = ['Anna', 'Ben', 'Cleo', 'Dora', 'Emil', 'Fay'] as const;
type Six = [LanDaemon, LanDaemon, LanDaemon, LanDaemon, LanDaemon, LanDaemon];
/** How long a half takes at most to see that the other one is gone. */
const GONE_MS = 60_000;

let lan: Lan;
beforeAll(async () => {
  lan = await Lan.open(USERS.length);
});
afterAll(() => lan.close());

it('a group on a network that falls in two: both halves write and change the roster, and are one again after', async () => {
  const six = (await Promise.all(lan.hosts.map((host, n) => host.daemon({ user: USERS[n]! })))) as Six;
  const [anna, ben, cleo, dora, emil, fay] = six;
  await allSeeAll(six, GONE_MS);
  const people = six.slice(1).map(({ daemon }) => daemon.peerId);
  const [{ id }] = (await anna.daemon.json<GroupView>(['group', 'create', 'Team', ...people])) as [GroupView];

  const roster = async (of: LanDaemon): Promise<{ name: string; members: string[] }> => {
    const all = await of.daemon.json<GroupView>(['group', 'list']);
    const group = all.find((one) => one.id === id);
    const members = group?.members.map(({ user, role, state }) => `${user} ${role} ${state}`) ?? [];
    return { name: group?.name ?? '', members: members.sort() };
  };
  const knows = (of: LanDaemon, ...lines: string[]): Promise<unknown> =>
    waitFor(`${of.user} to know ${lines.join()}`, async () => {
      const { name, members } = await roster(of);
      return lines.every((line) => members.includes(line) || line === name);
    });
  const bodies = async (of: LanDaemon): Promise<string[]> =>
    (await of.daemon.json<MessageView>(['history', id])).flatMap(({ kind, body }) =>
      kind === 'roster' ? [] : [body],
    );
  const has = (of: LanDaemon, body: string): Promise<unknown> =>
    waitFor(`${of.user} to have ${body}`, async () => (await bodies(of)).includes(body));
  const run = async (by: LanDaemon, ...args: string[]): Promise<void> => {
    const { status, stderr } = await by.daemon.cli(args);
    expect({ status, stderr }).toMatchObject({ status: 0 });
  };

  await Promise.all(
    six.slice(1).map(async (one) => {
      await knows(one, `${one.user} member invited`);
      await run(one, 'group', 'accept', id);
    }),
  );
  await Promise.all(six.map((one) => knows(one, ...USERS.slice(1).map((user) => `${user} member member`))));
  await run(anna, 'group', 'promote', id, dora.daemon.peerId);
  await Promise.all(six.map((one) => knows(one, 'Dora admin member')));
  await run(emil, 'send', id, 'before', '--wait', 'delivered');

  const half = lan.hosts.slice(3);
  await lan.plugInto('other', half);
  await Promise.all([
    run(ben, 'send', id, 'Ben in one half'),
    run(anna, 'group', 'rename', id, 'North'),
    run(anna, 'group', 'remove', id, fay.daemon.peerId),
    run(fay, 'send', id, 'Fay in the other half'),
    run(dora, 'group', 'rename', id, 'South'),
    run(dora, 'group', 'promote', id, emil.daemon.peerId),
  ]);
  await Promise.all([knows(cleo, 'North', 'Fay member removed'), knows(emil, 'South', 'Emil admin member')]);
  await run(emil, 'group', 'remove', id, cleo.daemon.peerId);
  await run(cleo, 'send', id, 'Cleo in one half');
  await run(emil, 'send', id, 'Emil in the other half');
  await Promise.all([has(anna, 'Cleo in one half'), has(dora, 'Fay in the other half')]);
  await Promise.all([
    sees(anna, ['Ben', 'Cleo'], GONE_MS),
    sees(ben, ['Anna', 'Cleo'], GONE_MS),
    sees(dora, ['Emil', 'Fay'], GONE_MS),
    sees(emil, ['Dora', 'Fay'], GONE_MS),
  ]);

  await lan.plugInto('lan', half);
  const healed = Date.now();
  const members = [anna, ben, dora, emil];
  await waitFor(
    'one roster and one order at all members',
    async () => {
      const all = await Promise.all(
        members.map(async (one) => JSON.stringify([await roster(one), await bodies(one)])),
      );
      if (new Set(all).size > 1 || !all[0]?.includes('Emil in the other half'))
        throw new Error(all.join('\n'));
      return true;
    },
    GONE_MS,
  );
  console.log(`one group again after ${Date.now() - healed} ms`);
  expect((await roster(anna)).members).toEqual([
    'Anna admin member',
    'Ben member member',
    'Cleo member removed',
    'Dora admin member',
    'Emil admin member',
    'Fay member removed',
  ]);
  // What the removed wrote when those who removed them could not have it does not count.
  expect(await bodies(anna)).toEqual(['before', 'Ben in one half', 'Emil in the other half']);
  await run(ben, 'send', id, 'after');
  await Promise.all(members.map((one) => has(one, 'after')));
  for (const one of [cleo, fay]) expect(await bodies(one)).not.toContain('after');
});
