import {
  type Batch,
  createBatch,
  createOperation,
  MAX_BATCHES_IN_FLIGHT,
  operationText,
  type RosterFrame,
} from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import type { Conversation } from '../conversations/conversation.js';
import { countBeyond } from '../conversations/coverage.js';
import { COMPARE_INTERVAL_MS } from './relays.js';
import { rosterFrames } from './roster-frames.js';
import { type End, GroupWorld, turns } from '../../testing/group-world.js';

const NAMES = ['Ann', 'Ben', 'Cat', 'Dan'];
const [ANN, BEN, CAT, DAN] = [0, 1, 2, 3] as const;

/** A group of all four that has settled. */
async function team(): Promise<GroupWorld> {
  const world = new GroupWorld(NAMES);
  await world.found();
  return world;
}

const person = (world: GroupWorld, nth: number): { peerId: string; user: string } => ({
  peerId: world.peerId(nth),
  user: NAMES[nth] as string,
});

const shownByAll = async (world: GroupWorld, people: readonly number[]): Promise<string[][]> => {
  const shown: string[][] = [];
  for (const nth of people) shown.push(await world.shown(nth));
  return shown;
};

/** Those who are linked have compared what they hold, and asked for what they lack. */
async function compared(world: GroupWorld): Promise<void> {
  await world.clock.advance(COMPARE_INTERVAL_MS);
  await turns(60);
  await world.clock.advance(2_000);
  await turns(60);
}

/** Dan is removed while Ben alone hears what he writes. */
async function removedMeanwhile(): Promise<GroupWorld> {
  const world = await team();
  world.write(DAN, 1);
  await world.meet(1);
  world.cutAll();
  world.connect(BEN, DAN);
  world.write(DAN, 2);
  await turns(60);
  expect(await world.shown(BEN)).toEqual(['Dan 1', 'Dan 2', 'Dan 3']);
  await world.act(ANN, (start, group) => start.rosters.about(group, 'remove', person(world, DAN)));
  await world.meet(3);
  return world;
}

describe('who was removed', () => {
  it('is shown with what the remover held, at who holds more too', async () => {
    const world = await removedMeanwhile();
    expect(await shownByAll(world, [ANN, BEN, CAT])).toEqual([['Dan 1'], ['Dan 1'], ['Dan 1']]);
    world.cutAll();
    await turns(5);
    await world.meet(1);
    const sent = [...world.links].filter(([key]) => !key.includes(String(DAN))).flatMap(([, ends]) => ends);
    expect(sent.map((end) => end.sent.map(({ type }) => type))).toEqual(Array(6).fill(['digests']));
  });

  it('has nothing counted as unread that does not count', async () => {
    const world = await removedMeanwhile();
    const conversation = world.conversation(BEN) as Conversation;
    expect(world.texts(BEN)).toHaveLength(3);
    expect(await countBeyond(conversation, world.peerId(DAN), [])).toBe(1);
  });

  it('comes back in a segment of their own, which does not rest on what does not count', async () => {
    const world = await removedMeanwhile();
    await world.act(ANN, (start, group) => start.rosters.about(group, 'add', person(world, DAN)));
    await world.meet(1);
    expect(world.roster(DAN).members.get(world.peerId(DAN))?.state).toBe('invited');
    await world.act(DAN, (start, group) => start.rosters.enter(group));
    await world.meet(1);
    world.write(DAN, 1);
    world.write(CAT, 1);
    await world.meet(3);
    const [first, ...others] = await shownByAll(world, [ANN, BEN, CAT, DAN]);
    expect(first?.toSorted()).toEqual(['Cat 5', 'Dan 1', 'Dan 4']);
    for (const one of others) expect(one).toEqual(first);
  });
});

describe('who has left', () => {
  it('is shown with what one member holds to the others, over links that stay open', async () => {
    const world = await team();
    world.cut(ANN, DAN);
    world.write(DAN, 1);
    await world.act(CAT, (start, group) => start.rosters.leave(group));
    await world.clock.advance(100);
    await world.act(DAN, (start, group) => start.rosters.leave(group));
    await turns(40);
    expect(await shownByAll(world, [ANN, BEN])).toEqual([[], ['Dan 1']]);
    await compared(world);
    expect(await shownByAll(world, [ANN, BEN])).toEqual([['Dan 1'], ['Dan 1']]);
  });
});

describe('changes of a group', () => {
  it('are lines among its messages, at the same place for all', async () => {
    const world = await team();
    world.write(BEN, 1);
    await world.meet(1);
    await world.act(ANN, (start, group) => start.rosters.operate(group, { kind: 'rename', name: 'Us' }));
    await world.meet(1);
    world.write(CAT, 1);
    await world.meet(1);
    const lines = await world.lines(ANN);
    expect(lines.slice(0, 4)).toEqual(['found', 'add', 'add', 'add']);
    expect(lines.slice(-3)).toEqual(['Ben 1', 'rename', 'Cat 2']);
    for (const nth of [BEN, CAT, DAN]) expect(await world.lines(nth)).toEqual(lines);
  });

  it('are shown to who comes from then on that what was written is', async () => {
    const world = new GroupWorld(NAMES);
    for (const nth of [ANN, BEN]) await world.start(nth);
    const policy = { open: true, history: 'join' } as const;
    world.group = (await world.starts[ANN]?.rosters.found('Lobby', policy, []))?.id ?? '';
    await world.meet(2);
    await world.act(DAN, (start, group) => start.rosters.enter(group));
    await world.meet(1);
    await world.act(CAT, (start, group) => start.rosters.enter(group));
    await world.meet(1);
    expect(await world.lines(DAN)).toEqual(['join', 'join']);
    expect(await world.lines(CAT)).toEqual(['join']);
    expect(await world.lines(BEN)).toEqual([]);
  });
});

describe('a change while a link opens', () => {
  it('reaches the far end, though both digests were equal before it', async () => {
    const world = await team();
    world.cutAll();
    world.connect(BEN, ANN);
    await world.act(ANN, (start, group) => start.rosters.operate(group, { kind: 'rename', name: 'Us' }));
    await turns(40);
    expect(world.roster(BEN).name).toBe('Us');
  });
});

describe('who comes later', () => {
  it('gets what is written from then on, also in the middle of a segment, where the group says so', async () => {
    const fresh = new GroupWorld(NAMES);
    for (const nth of [ANN, BEN]) await fresh.start(nth);
    const founder = fresh.starts[ANN];
    const policy = { open: true, history: 'join' } as const;
    fresh.group = (await founder?.rosters.found('Lobby', policy, []))?.id ?? '';
    fresh.write(ANN, 2);
    await turns(20);
    await fresh.meet(2);
    await fresh.act(DAN, (start, group) => start.rosters.enter(group));
    await fresh.meet(1);
    expect(await fresh.shown(DAN)).toEqual([]);
    fresh.write(ANN, 1);
    await fresh.meet(1);
    expect(await fresh.shown(DAN)).toEqual(['Ann 3']);
    expect(await fresh.shown(ANN)).toEqual(['Ann 1', 'Ann 2', 'Ann 3']);
  });
});

describe('who comes back', () => {
  it('is sent each batch once, by its author, over links that open one after the other', async () => {
    const world = await team();
    world.crash(DAN);
    for (let nth = 0; nth < 10; nth += 1) {
      for (const one of [ANN, BEN, CAT]) world.write(one, 1);
      await turns(5);
    }
    await turns(60);
    await world.start(DAN);
    for (const one of [ANN, BEN, CAT]) {
      world.connect(one, DAN);
      await turns(20);
      await world.clock.advance(900);
    }
    await world.meet(2);
    expect(await world.shown(DAN)).toHaveLength(30);
    const sent = [ANN, BEN, CAT].map((one) => {
      const ends = world.links.get([one, DAN].join()) as [End, End];
      const end = ends.find(({ peer }) => peer.peerId === world.peerId(DAN)) as End;
      return end.sent.filter(({ type }) => type === 'batch').length;
    });
    expect(sent).toEqual([10, 10, 10]);
  });
});

describe('who wrote on after the memory of their machine was set back', () => {
  it('has all that they wrote shown, however much it is', async () => {
    const world = await team();
    world.write(DAN, 1);
    await world.meet(1);
    await world.fork(DAN, [{ to: BEN, length: 1 }], true);
    // More than may be on the way without an acknowledgement, one batch for each.
    for (let nth = 0; nth <= MAX_BATCHES_IN_FLIGHT; nth += 1) {
      world.write(DAN, 1);
      await turns(2);
    }
    await world.meet(4);
    world.cutAll();
    await world.meet(4);
    const shown = await world.shown(BEN);
    expect(shown).toHaveLength(MAX_BATCHES_IN_FLIGHT + 2);
    expect(shown).toEqual(expect.arrayContaining([...world.accepted.keys()]));
    world.write(DAN, 1);
    await turns(40);
    expect(await world.shown(BEN)).toHaveLength(MAX_BATCHES_IN_FLIGHT + 3);
  });
});

/** One end of a line that says what a liar says. */
async function tell(world: GroupWorld, from: number, to: number, ...frames: RosterFrame[]): Promise<void> {
  const ends = world.links.get([from, to].sort().join()) as [End, End];
  const end = ends.find(({ peer }) => peer.peerId === world.peerId(to)) as End;
  for (const frame of frames) end.send(frame);
  await turns(20);
}

describe('somebody whom the roster does not name', () => {
  /** What Dan, who was never in, is told when he names a group. */
  async function asked(about: (world: GroupWorld) => string): Promise<unknown[]> {
    const world = new GroupWorld(NAMES);
    for (const nth of [BEN, DAN]) await world.start(nth);
    const policy = { open: false, history: 'join' } as const;
    world.group = (await world.starts[BEN]?.rosters.found('Pair', policy, [person(world, CAT)]))?.id ?? '';
    world.connect(BEN, DAN);
    await turns(20);
    const id = about(world);
    const dan = world.keys[DAN] as (typeof world.keys)[0];
    const ends = world.links.get([BEN, DAN].sort().join()) as [End, End];
    const [bens, dans] = ends[0].peer.peerId === world.peerId(DAN) ? ends : [ends[1], ends[0]];
    const before = bens.sent.length;
    const unheard = 'ab'.repeat(32);
    dans.send({ type: 'digests', conversations: [[id, unheard.slice(32)]] });
    dans.send({ type: 'roster', conversation: id, have: [unheard], operations: [], more: false });
    dans.send({ type: 'state', conversation: id, feeds: [{ author: dan.peerId, tips: [] }] });
    dans.send({ type: 'want', conversation: id, author: world.peerId(BEN), segments: [], more: false });
    const header = { conversation: id, author: dan.peerId, segment: 'a'.repeat(32), first: 1, follows: [] };
    const entry = { clock: '1'.padStart(16, '0'), sentAt: 1, content: '{"kind":"text","body":"in?"}' };
    dans.sendBatch(createBatch(header, [entry], dan));
    await turns(40);
    const said = JSON.stringify([
      bens.sent.slice(before),
      (world.errors as { code: string }[]).map(({ code }) => code),
    ]);
    return JSON.parse(said.replaceAll(id, 'id')) as unknown[];
  }

  it('is told the same of a group that is there and of one that is not', async () => {
    const known = await asked((world) => world.group);
    const unknown = await asked(() => `${'b'.repeat(51)}a`);
    expect(known).toEqual(unknown);
    expect(known[1]).toEqual(['batch-malformed']);
  });
});

describe('a member who lies', () => {
  it('loses the link for a forged operation, and nobody else notices', async () => {
    const world = await team();
    const group = world.roster(ANN);
    const forged = createOperation(
      {
        conversation: world.group,
        clock: `${group.lastClock.slice(0, 15)}f`,
        parents: group.heads,
        detail: { kind: 'rename', name: 'Mine' },
      },
      { ...(world.keys[DAN] as (typeof world.keys)[0]), sign: () => new Uint8Array(64) },
    );
    const operations = [operationText(forged.bytes)];
    await tell(world, DAN, ANN, { type: 'roster', conversation: world.group, operations, more: false });
    expect(world.errors).toMatchObject([{ code: 'signature-wrong' }]);
    world.write(BEN, 1);
    await turns(40);
    expect(await world.shown(ANN)).toEqual(['Ben 1']);
    expect(world.roster(ANN).name).toBe('Team');
  });

  it('changes nothing with an operation that is not theirs to make', async () => {
    const world = await team();
    const { heads, lastClock } = world.roster(ANN);
    const keys = world.keys[DAN] as (typeof world.keys)[0];
    const clock = `${(Number.parseInt(lastClock.slice(0, 12), 16) + 1).toString(16).padStart(12, '0')}0000`;
    const removal = createOperation(
      {
        conversation: world.group,
        clock,
        parents: heads,
        detail: { kind: 'remove', person: world.peerId(ANN), tips: [] },
      },
      keys,
    );
    const operations = [operationText(removal.bytes)];
    await tell(world, DAN, BEN, { type: 'roster', conversation: world.group, operations, more: false });
    await world.act(ANN, (start, group) =>
      start.rosters.operate(group, { kind: 'rename', name: 'Still ours' }),
    );
    await world.meet(2);
    for (const nth of [ANN, BEN, CAT, DAN]) {
      expect(world.roster(nth).name).toBe('Still ours');
      expect(world.roster(nth).members.get(world.peerId(ANN))?.role).toBe('admin');
    }
  });

  it('is proven to have signed two messages as one, and has nothing more taken of that segment', async () => {
    const world = await team();
    world.write(DAN, 1);
    await world.meet(1);
    const branches = [
      { to: BEN, length: 1 },
      { to: CAT, length: 2 },
    ];
    world.crash(ANN);
    const [lie] = await world.fork(DAN, branches, true);
    world.connect(BEN, CAT);
    await turns(60);
    await world.start(ANN);
    world.connect(ANN, BEN);
    await turns(60);
    const [fork] = [...(world.roster(ANN).forks.get(world.peerId(DAN))?.values() ?? [])];
    expect(fork).toMatchObject({ first: 2 });
    world.connect(DAN, ANN, true);
    await turns(20);
    const ends = world.links.get([ANN, DAN].join()) as [End, End];
    ends.find(({ peer }) => peer.peerId === world.peerId(ANN))?.sendBatch(lie as Batch);
    await turns(20);
    expect(world.texts(ANN)).toEqual(['Dan 1']);
    for (const nth of [ANN, BEN, CAT]) expect(await world.shown(nth)).toEqual(['Dan 1']);
  });

  it('is found to have told two members different things, over links that stay open', async () => {
    const world = await team();
    for (const to of [BEN, CAT]) {
      world.cut(DAN, to);
      world.connect(DAN, to, true);
    }
    const branches = [BEN, CAT].map((to) => ({ to, length: 1 }));
    await world.fork(DAN, branches, false);
    expect((await shownByAll(world, [BEN, CAT])).flat()).toEqual(['Dan lies 1', 'Dan lies 2']);
    await compared(world);
    for (const nth of [ANN, BEN, CAT]) {
      expect(world.roster(nth).forks.has(world.peerId(DAN))).toBe(true);
      expect(await world.shown(nth)).toEqual([]);
    }
  });

  it('is out with the first of a flood of leavings, and nothing after that frame is taken', async () => {
    const world = await team();
    const { heads, lastClock } = world.roster(ANN);
    const ms = Number.parseInt(lastClock.slice(0, 12), 16);
    const keys = world.keys[DAN] as (typeof world.keys)[0];
    const leaves = Array.from({ length: 1_000 }, (_, nth) =>
      createOperation(
        {
          conversation: world.group,
          clock: (ms + 1 + nth).toString(16).padStart(12, '0') + '0000',
          parents: heads,
          detail: { kind: 'leave', tips: [] },
        },
        keys,
      ),
    );
    const frames = rosterFrames(world.group, leaves);
    const [first] = frames as [RosterFrame];
    await tell(world, DAN, BEN, ...frames);
    await world.meet(2);
    for (const nth of [ANN, BEN, CAT]) {
      expect(world.conversation(nth)?.group?.size).toBeLessThan(first.operations.length + 20);
      expect(world.roster(nth).members.get(world.peerId(DAN))?.state).toBe('left');
    }
    await world.act(ANN, (start, group) => start.rosters.operate(group, { kind: 'rename', name: 'Us' }));
    world.write(BEN, 1);
    await turns(60);
    expect(await shownByAll(world, [ANN, CAT])).toEqual([['Ben 1'], ['Ben 1']]);
    expect(world.roster(CAT).name).toBe('Us');
    expect(world.errors).toEqual([]);
  });

  it('has nothing taken that rests on no entry of theirs', async () => {
    const world = await team();
    const keys = world.keys[DAN] as (typeof world.keys)[0];
    const header = {
      conversation: world.group,
      author: keys.peerId,
      segment: 'a'.repeat(32),
      first: 1,
      follows: [],
    };
    const entry = {
      clock: 'ffff'.padStart(16, '0'),
      sentAt: 1,
      content: '{"kind":"text","body":"rests on nothing"}',
    };
    const ends = world.links.get([BEN, DAN].join()) as [End, End];
    ends.find(({ peer }) => peer.peerId === world.peerId(BEN))?.sendBatch(createBatch(header, [entry], keys));
    await turns(40);
    expect(world.texts(BEN)).toEqual([]);
  });
});
