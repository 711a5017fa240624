import {
  CLOCK_MERGE_LIMIT,
  CLOCK_OPERATION_LIMIT,
  createOperation,
  MAX_OFFERED_GROUPS,
  MAX_OPERATION_BYTES_PER_FRAME,
  MAX_OPERATIONS_PER_FRAME,
  MAX_ROSTER_OPERATIONS,
  MAX_TAKEN_OPERATIONS,
  operationBytes,
  parseFrame,
  type RosterDetail,
  type RosterOperation,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { TestKeys } from '../../testing/test-keys.js';
import { Conversations } from '../conversations/conversations.js';
import { rosterFrames } from '../delivery/roster-frames.js';
import { type ChatEvent, ChatEvents } from '../events.js';
import { Mutex } from '../mutex.js';
import { Rosters } from './rosters.js';

const [ann, ben] = [new TestKeys('Ann'), new TestKeys('Ben')];
const CLOSED = { open: false, history: 'join' } as const;

/** A chain of operations of one author. */
function chain(details: readonly RosterDetail[], keys = ann): RosterOperation[] {
  const chained: RosterOperation[] = [];
  for (const detail of details) {
    const before = chained.at(-1);
    const clock = `019ad735${chained.length.toString(16).padStart(8, '0')}`;
    const parents = before === undefined ? [] : [before.hash];
    chained.push(
      createOperation({ conversation: before?.conversation ?? null, clock, parents, detail }, keys),
    );
  }
  return chained;
}

const found = (nonce: number): RosterDetail => ({
  ...{ kind: 'found', name: 'Team', user: 'Ann', ...CLOSED },
  nonce: nonce.toString(16).padStart(32, '0'),
});
const asks: RosterDetail = { kind: 'add', person: ben.peerId, user: 'Ben' };
const renames = (count: number): RosterDetail[] =>
  Array.from({ length: count }, (_, nth): RosterDetail => ({ kind: 'rename', name: `Team ${nth}` }));

describe('the rosters of a node', () => {
  let conversations: Conversations;
  let rosters: Rosters;
  let events: ChatEvent[];

  beforeEach(() => {
    const store = new MemoryStore();
    const published = new ChatEvents((error) => {
      throw error;
    });
    events = [];
    published.subscribe((event) => events.push(event));
    conversations = new Conversations({ store, keys: ann });
    rosters = new Rosters({
      ...{ store, keys: ann, conversations, events: published, clock: new ManualClock() },
      ...{ mutex: new Mutex<string>(), ownName: () => 'Ann', onChanged: () => undefined },
    });
  });

  it('let an admin add people, and nobody who is no admin', async () => {
    const group = await rosters.found('Team', CLOSED, [{ peerId: ben.peerId, user: 'Ben' }]);
    expect(group.members()).toEqual([ann.peerId]);
    const operations = group.group?.operations().map(({ hash }) => hash);
    expect(events).toEqual([
      { type: 'group', conversation: group.id },
      { type: 'roster', conversation: group.id, operations },
    ]);
    await expect(rosters.about(group, 'add', { peerId: ben.peerId, user: 'Ben' })).rejects.toMatchObject({
      code: 'not-allowed',
    });
    await rosters.leave(group);
    await expect(rosters.operate(group, { kind: 'rename', name: 'Mine' })).rejects.toMatchObject({
      code: 'not-a-member',
    });
    await expect(rosters.enter(group)).rejects.toMatchObject({ code: 'not-allowed' });
  });

  it('enter a group once, though the person and the node do so at the same time', async () => {
    const asked = chain([found(1), { kind: 'add', person: ann.peerId, user: 'Ann' }], ben);
    const id = asked[0]?.conversation ?? '';
    const group = await rosters.take(id, asked, ben.peerId);
    if (group === null) throw new Error('it was not taken');
    await Promise.all([rosters.enter(group), rosters.enter(group)]);
    const own = group.group?.operations().filter(({ author }) => author === ann.peerId);
    expect(own?.map(({ detail }) => detail.kind)).toEqual(['accept']);
  });

  it('refuse names that are none, conversations of two, and more people than a group has', async () => {
    await expect(rosters.found(' ', CLOSED, [])).rejects.toMatchObject({ code: 'invalid-user-name' });
    await expect(rosters.leave(conversations.direct(ben.peerId))).rejects.toMatchObject({
      code: 'not-a-group',
    });
    const crowd = Array.from({ length: 256 }, () => ({ peerId: ben.peerId, user: 'Ben' }));
    await expect(rosters.found('Team', CLOSED, crowd)).rejects.toMatchObject({ code: 'group-full' });
  });

  it('end with so many operations', async () => {
    const full = chain([found(1), ...renames(MAX_ROSTER_OPERATIONS - 1)]);
    const group = await conversations.addGroup(full[0]?.conversation ?? '', full);
    await expect(rosters.operate(group, { kind: 'rename', name: 'More' })).rejects.toMatchObject({
      code: 'roster-full',
    });
  });

  it('take what others wrote beyond that, and no flood', async () => {
    const all = chain([found(1), asks, ...renames(MAX_TAKEN_OPERATIONS)]);
    const group = await conversations.addGroup(all[0]?.conversation ?? '', all.slice(0, 1));
    await expect(rosters.take(group.id, all, ben.peerId)).rejects.toMatchObject({ code: 'roster-full' });
    await rosters.take(group.id, all.slice(0, 50), ben.peerId);
    expect(group.group?.roster.name).toBe('Team 47');
    expect(events).toHaveLength(2);
    await rosters.take(group.id, all.slice(0, 50), ben.peerId);
    expect(events).toHaveLength(2);
  });

  it('take nothing of who is not in, and keep nothing that was never allowed', async () => {
    const all = chain([found(1), asks, ...renames(2)]);
    const [first, second] = all as [RosterOperation, RosterOperation];
    const group = await conversations.addGroup(first.conversation, [first]);
    const stranger = new TestKeys('Cat').peerId;
    await rosters.take(group.id, all.slice(0, 2), stranger);
    expect(group.group?.size).toBe(1);
    await rosters.take(group.id, all.slice(0, 2), ben.peerId);
    const { conversation, clock } = all[2] as RosterOperation;
    const detail: RosterDetail = { kind: 'rename', name: 'Mine' };
    const forbidden = createOperation({ conversation, clock, parents: [second.hash], detail }, ben);
    await rosters.take(group.id, [forbidden, ...all.slice(2)], ben.peerId);
    expect(group.group?.operations().map(({ hash }) => hash)).toEqual(all.map(({ hash }) => hash));
  });

  it('take nothing that rests on what is not held, and no group that does not concern them', async () => {
    const all = chain([found(1), { kind: 'add', person: ben.peerId, user: 'Ben' }, ...renames(2)], ben);
    const id = all[0]?.conversation ?? '';
    expect(await rosters.take(id, all, ben.peerId)).toBeNull();
    expect(conversations.get(id)).toBeUndefined();
    const asked = chain([found(2), { kind: 'add', person: ann.peerId, user: 'Ann' }, ...renames(2)], ben);
    const group = await rosters.take(asked[0]?.conversation ?? '', asked.toSpliced(2, 1), ben.peerId);
    expect(group?.group?.size).toBe(2);
    expect(group?.group?.roster.members.get(ann.peerId)?.state).toBe('invited');
  });

  it('let an admin remove whoever has come, at whatever clock', async () => {
    const clockOf = (value: bigint): string => value.toString(16).padStart(16, '0');
    const edges = [CLOCK_MERGE_LIMIT, CLOCK_OPERATION_LIMIT].map((clock) => BigInt(`0x${clock}`));
    const clocks = fc.oneof(
      fc.constantFrom(...edges.flatMap((edge) => [edge - 1n, edge])).map(clockOf),
      fc.bigInt({ min: 0n, max: edges[1] }).map(clockOf),
    );
    const comesAndIsRemoved = async (clock: string, again: string): Promise<void> => {
      const group = await rosters.found('Room', { open: true, history: 'join' }, []);
      const join = (at: string, parents: readonly string[]) =>
        rosters.take(
          group.id,
          [
            createOperation(
              { conversation: group.id, clock: at, parents, detail: { kind: 'join', user: 'Ben' } },
              ben,
            ),
          ],
          ben.peerId,
        );
      const first = group.group?.roster.heads ?? [];
      await join(clock, first);
      const isIn = group.group?.isMember(ben.peerId) === true;
      expect(isIn).toBe(clock > (group.group?.operations()[0]?.clock ?? '') && clock < CLOCK_OPERATION_LIMIT);
      if (!isIn) return;
      await rosters.about(group, 'remove', { peerId: ben.peerId, user: 'Ben' });
      await join(again, first);
      await join(again, group.group?.roster.heads ?? []);
      expect(group.members()).toEqual([ann.peerId]);
    };
    await fc.assert(fc.asyncProperty(clocks, clocks, comesAndIsRemoved));
  });

  it('keep so many invitations', async () => {
    const invite = (nth: number) =>
      chain([found(nth), { kind: 'add', person: ann.peerId, user: 'Ann' }], ben);
    for (let nth = 0; nth <= MAX_OFFERED_GROUPS; nth += 1) {
      const operations = invite(nth);
      const taken = await rosters.take(operations[0]?.conversation ?? '', operations, ben.peerId);
      expect(taken === null).toBe(nth === MAX_OFFERED_GROUPS);
    }
  });
});

describe('operations in frames', () => {
  it('are as many as a frame takes, in order', () => {
    const all = chain([found(1), ...renames(MAX_OPERATIONS_PER_FRAME)]);
    const frames = rosterFrames(all[0]?.conversation ?? '', all);
    expect(frames.map(({ operations, more }) => [operations.length, more])).toEqual([
      [MAX_OPERATIONS_PER_FRAME, true],
      [1, false],
    ]);
    const [first] = frames;
    expect(parseFrame(new TextEncoder().encode(JSON.stringify(first)))).toEqual(first);
    expect(rosterFrames('', [])).toEqual([]);
  });

  it('have at most so many bytes in a frame', () => {
    const tip = { segment: '0'.repeat(32), seq: 2 ** 48, clock: '0'.repeat(16), hash: '0'.repeat(64) };
    const tips = Array.from({ length: 64 }, () => tip);
    const all = chain([
      found(1),
      ...Array.from({ length: 40 }, (): RosterDetail => ({ kind: 'leave', tips })),
    ]);
    const frames = rosterFrames(all[0]?.conversation ?? '', all);
    expect(frames.flatMap(({ operations }) => operations)).toHaveLength(41);
    for (const { operations } of frames) {
      const bytes = operations.reduce((sum, text) => sum + operationBytes(text).length, 0);
      expect(bytes).toBeLessThanOrEqual(MAX_OPERATION_BYTES_PER_FRAME);
    }
  });
});
