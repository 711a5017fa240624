import type { GroupView, MessageView } from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquaint, controlOf } from './support/control.ts';
import { NODE_STORES, NodeStores } from './support/node-stores.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

const bodies = async (of: RunningDaemon, group: string): Promise<string[]> =>
  (await controlOf(of).history(group, { limit: 100 })).flatMap(({ body, change }) =>
    change === undefined ? [body] : [],
  );

const untilHas = (who: RunningDaemon, group: string, body: string): Promise<unknown> =>
  waitFor(`${who.name} to have ${body}`, async () => (await bodies(who, group)).includes(body));

const untilState = (of: RunningDaemon, group: string, peerId: string, state: string): Promise<unknown> =>
  waitFor(`${of.name} to know somebody as ${state}`, async () => {
    const all = await controlOf(of).groups();
    const members = all.find(({ id }) => id === group)?.members;
    return members?.some((one) => one.peerId === peerId && one.state === state);
  });

describe.each(NODE_STORES)('a group on %s', (_name, kind, skip) => {
  describe.skipIf(skip)('of three', { timeout: 120_000 }, () => {
    const world = new World();
    const stores = new NodeStores(kind);
    let [ann, ben, cat] = [] as unknown as [RunningDaemon, RunningDaemon, RunningDaemon];
    let group: GroupView;

    beforeAll(async () => {
      ann = await world.daemon({ user: 'Ann', env: await stores.env() });
      const first = `127.0.0.1:${ann.ready.peerPort}`;
      ben = await world.daemon({ user: 'Ben', peers: [first], env: await stores.env() });
      const second = `127.0.0.1:${ben.ready.peerPort}`;
      cat = await world.daemon({ user: 'Cat', peers: [first, second], env: await stores.env() });
      await waitFor('links', async () => (await controlOf(ann).status()).links === 2);
      // Cat knows nobody: she is asked, the contacts are in at once.
      await acquaint(ann, ben);
    });
    afterAll(async () => {
      await world.close();
      await stores.dispose();
    });

    it('has the contact in at once, and the stranger when they accept', async () => {
      [group] = (await ann.json<GroupView>(['group', 'create', 'Team', 'Ben', 'Cat', '--json'])) as [
        GroupView,
      ];
      expect(group.members.map(({ user, role, state }) => [user, role, state])).toEqual([
        ['Ann', 'admin', 'member'],
        ['Ben', 'member', 'invited'],
        ['Cat', 'member', 'invited'],
      ]);
      await untilState(ann, group.id, ben.peerId, 'member');
      await untilState(cat, group.id, cat.peerId, 'invited');
      expect(await cat.json<GroupView>(['group', 'list', '--json'])).toMatchObject([
        { id: group.id, state: 'invited', invitedBy: { user: 'Ann' } },
      ]);
      await cat.json(['group', 'accept', group.id.slice(0, 8), '--json']);
      for (const one of [ann, ben]) await untilState(one, group.id, cat.peerId, 'member');
    });

    it('shows to whom a message is delivered, and who has read it', async () => {
      const sent = await ann.cli(['send', 'Team', 'Hello all', '--wait', 'delivered', '--json']);
      expect([sent.status, sent.stderr]).toEqual([0, '']);
      await controlOf(ben).read('Team');
      const row = await waitFor('the receipt', async () => {
        const rows = await ann.json<MessageView>(['history', 'Team', '--json']);
        return rows.find(({ read }) => read?.length === 1);
      });
      expect(row.delivered?.toSorted()).toEqual([ben.peerId, cat.peerId].sort());
      expect(row).toMatchObject({ body: 'Hello all', state: 'delivered', read: [ben.peerId] });
      const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z$/u) as string;
      const receiptTimes = row.receiptTimes?.toSorted((one) => (one.peerId === ben.peerId ? -1 : 1));
      expect(receiptTimes).toEqual([
        { peerId: ben.peerId, delivered: time, read: time },
        { peerId: cat.peerId, delivered: time },
      ]);
      expect((await ann.cli(['history', 'Team'])).stdout).toContain('delivered to 2 of 2, read by 1');
    });

    it('says what has changed among the messages, a page at a time', async () => {
      const rows = await ann.json<MessageView>(['history', 'Team', '--json']);
      expect(rows.map(({ kind, change }) => change?.kind ?? kind)).toEqual([
        ...['found', 'add', 'add', 'accept', 'accept', 'text'],
      ]);
      expect(rows[2]).toMatchObject({
        kind: 'roster',
        state: 'read',
        change: { kind: 'add', by: ann.peerId, user: 'Ann', person: cat.peerId, personUser: 'Cat' },
      });
      const before = await ann.json([
        'history',
        'Team',
        '--before',
        rows[3]?.id ?? '',
        '--limit',
        '2',
        '--json',
      ]);
      expect(before).toEqual(rows.slice(1, 3));
      const after = await ann.json(['history', 'Team', '--after', rows[3]?.id ?? '', '--json']);
      expect(after).toEqual(rows.slice(4));
      expect((await ann.cli(['history', 'Team'])).stdout).toContain('Ann added Cat');
      const exported = (await ann.cli(['export', 'Team'])).stdout.trim().split('\n');
      expect(exported.map((line) => JSON.parse(line) as MessageView)).toMatchObject([{ body: 'Hello all' }]);
    });

    it('folds away what somebody writes who is blocked, as long as they are', async () => {
      await controlOf(ben).send('Team', 'from Ben');
      await untilHas(ann, group.id, 'from Ben');
      const shown = async (): Promise<string> => (await ann.cli(['history', 'Team'])).stdout;
      await ann.cli(['block', 'Ben']);
      expect(await shown()).toContain('Ben: [of somebody whom you have blocked]');
      expect(await shown()).not.toContain('from Ben');
      await ann.cli(['unblock', 'Ben']);
      expect(await shown()).toContain('Ben: from Ben');
    });

    it('tells of who says nothing of reading that they do not', async () => {
      const saysNothing = async (): Promise<string[]> =>
        (await controlOf(ann).members('Team')).flatMap(({ peerId, receipts }) =>
          receipts === false ? [peerId] : [],
        );
      expect(await saysNothing()).toEqual([]);
      await cat.cli(['profile', '--receipts', 'off']);
      await waitFor('Ann to know', async () => (await saysNothing()).length > 0);
      expect(await saysNothing()).toEqual([cat.peerId]);
      await cat.cli(['profile', '--receipts', 'on']);
      await waitFor('Ann to know', async () => (await saysNothing()).length === 0);
    });

    it('brings to who was away what the author, who is away now, had written', async () => {
      await cat.stop();
      await controlOf(ann).send('Team', 'while Cat is away');
      await untilHas(ben, group.id, 'while Cat is away');
      await ann.kill();
      cat = await world.daemon(cat.options);
      await untilHas(cat, group.id, 'while Cat is away');
      ann = await world.daemon(ann.options);
      await untilHas(ann, group.id, 'Hello all');
      const [first, ...others] = await Promise.all([ann, ben, cat].map((one) => bodies(one, group.id)));
      for (const one of others) expect(one).toEqual(first);
    });

    it('sends the removed nothing that is written after, and lets who leaves go', async () => {
      await waitFor('links', async () => (await controlOf(ann).status()).links === 2);
      expect((await ben.cli(['group', 'remove', 'Team', 'Cat'])).status).toBe(1);
      await ann.json(['group', 'remove', 'Team', 'Cat', '--json']);
      await untilState(cat, group.id, cat.peerId, 'removed');
      await controlOf(ann).send('Team', 'without Cat');
      await untilHas(ben, group.id, 'without Cat');
      expect(await bodies(cat, group.id)).not.toContain('without Cat');
      const refused = await cat.cli(['send', 'Team', 'still here', '--json']);
      expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('not-a-member')]);
      await ben.json(['group', 'leave', 'Team', '--json']);
      await untilState(ann, group.id, ben.peerId, 'left');
    });

    it('is an open room where it is made as one: found, entered, left, and it notifies of nothing', async () => {
      const [room] = await ann.json<GroupView>(['room', 'create', 'Lobby', '--json']);
      await waitFor('Cat to hear of the room', async () => (await controlOf(cat).groups(true)).length === 1);
      expect(await cat.json<GroupView>(['room', 'list', '--json'])).toMatchObject([
        { id: room?.id, name: 'Lobby', state: null, mute: 'off' },
      ]);
      await cat.json(['room', 'join', 'Lobby', '--json']);
      await controlOf(cat).send('Lobby', 'in the lobby');
      await untilHas(ann, room?.id ?? '', 'in the lobby');
      expect(await cat.json(['mute', 'Lobby', 'mentions', '--json'])).toEqual([
        { id: room?.id, mute: 'mentions' },
      ]);
      await cat.json(['room', 'leave', 'Lobby', '--json']);
      await untilState(ann, room?.id ?? '', cat.peerId, 'left');
    });
  });
});
