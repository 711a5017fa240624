import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../storage/memory/memory-store.js';
import { GroupWorld, turns } from '../../testing/group-world.js';

const NAMES = ['Ann', 'Ben', 'Cat', 'Dan'];
const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 60);

/** One thing that happens; its text is a line of the trace that a failure shrinks to. */
interface Step {
  text: string;
  happen: (world: GroupWorld) => unknown;
}

const who = fc.nat({ max: NAMES.length - 1 });
const name = (nth: number): string => NAMES[nth] as string;
const step = (text: string, happen: Step['happen']): Step => ({ text, happen });
const person = (world: GroupWorld, nth: number): { peerId: string; user: string } => ({
  peerId: world.peerId(nth),
  user: name(nth),
});

const talk: fc.Arbitrary<Step>[] = [
  fc
    .tuple(who, fc.integer({ min: 1, max: 3 }))
    .map(([nth, count]) => step(`${name(nth)} writes ${count}`, (world) => world.write(nth, count))),
  who.map((nth) => step(`${name(nth)} is killed`, (world) => world.crash(nth))),
  who.map((nth) => step(`${name(nth)} starts`, (world) => world.start(nth))),
  fc.tuple(who, who).map(([one, other]) =>
    step(`${name(one)} and ${name(other)} run and link`, async (world) => {
      for (const nth of [one, other]) await world.start(nth);
      world.connect(one, other);
    }),
  ),
  fc
    .tuple(who, who)
    .map(([one, other]) =>
      step(`the line of ${name(one)} and ${name(other)} is cut`, (world) => world.cut(one, other)),
    ),
  fc.constant(step('all lines are cut', (world) => world.cutAll())),
  fc.integer({ min: 1, max: 30 }).map((count) => step(`${count} turns pass`, () => turns(count))),
  fc.constantFrom(100, 2_000).map((ms) => step(`${ms} ms pass`, async (world) => world.clock.advance(ms))),
  fc
    .constantFrom(-3_600_000, 3_600_000)
    .map((ms) => step(`the clocks jump by ${ms} ms`, (world) => world.clock.jump(ms))),
];

const changes: fc.Arbitrary<Step>[] = [
  fc
    .tuple(who, who, fc.constantFrom('add', 'remove', 'promote', 'demote'))
    .map(([by, on, kind]) =>
      step(`${name(by)}: ${kind} ${name(on)}`, (world) =>
        world.act(by, (start, group) => start.rosters.about(group, kind, person(world, on))),
      ),
    ),
  who.map((nth) =>
    step(`${name(nth)} leaves`, (world) => world.act(nth, (start, group) => start.rosters.leave(group))),
  ),
  who.map((nth) =>
    step(`${name(nth)} enters`, (world) => world.act(nth, (start, group) => start.rosters.enter(group))),
  ),
  fc
    .tuple(who, fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'c') }))
    .map(([by, to]) =>
      step(`${name(by)} calls it ${to}`, (world) =>
        world.act(by, (start, group) => start.rosters.operate(group, { kind: 'rename', name: to })),
      ),
    ),
];

const traces = (all: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc
    .array(fc.oneof(...all), { maxLength: 30 })
    .map((list) =>
      Object.assign(list, { [fc.toStringMethod]: () => `\n  ${list.map(({ text }) => text).join('\n  ')}` }),
    );

async function run(list: readonly Step[]): Promise<GroupWorld> {
  const world = new GroupWorld(NAMES);
  await world.found();
  await world.act(0, (start, group) => start.rosters.about(group, 'promote', person(world, 1)));
  for (const { happen } of list) await happen(world);
  await world.meet(4);
  return world;
}

/** All members have one roster and one order, all that counts, and each of it once. */
async function checkAlike(world: GroupWorld): Promise<void> {
  expect(world.errors).toEqual([]);
  const members = world.members();
  const [first] = members;
  if (first === undefined) return;
  const expected = world.conversation(first)?.group?.hash;
  const shown = await world.shown(first);
  expect(new Set(shown).size).toBe(shown.length);
  for (const nth of members) {
    expect(world.conversation(nth)?.group?.hash).toBe(expected);
    expect(await world.shown(nth)).toEqual(shown);
  }
  const { memberships } = world.roster(first);
  const wentAway = new Set([...memberships.values()].flatMap(({ peerId, end }) => (end ? [peerId] : [])));
  for (const [text, { author }] of world.accepted) {
    if (!wentAway.has(world.peerId(author)) && !world.gone.has(author)) expect(shown).toContain(text);
  }
}

/** Those who are linked to each other say that they hold the same, and nothing more. */
async function checkSilence(world: GroupWorld): Promise<void> {
  world.cutAll();
  await turns(5);
  await world.meet(1);
  const members = world.members();
  for (const [key, ends] of world.links) {
    if (!key.split(',').every((nth) => members.includes(Number(nth)))) continue;
    expect(ends.map(({ sent }) => sent.map(({ type }) => type))).toEqual([['digests'], ['digests']]);
  }
}

describe('a group', { timeout: 4_000 * numRuns }, () => {
  it('has one roster and one order at all members, and says nothing more', async () => {
    await fc.assert(
      fc.asyncProperty(traces([...talk, ...changes]), async (list) => {
        const world = await run(list);
        await checkAlike(world);
        await checkSilence(world);
      }),
      { numRuns },
    );
  });

  it('has what one member got of an author who is gone for good', async () => {
    await fc.assert(
      fc.asyncProperty(traces(talk), fc.integer({ min: 1, max: 3 }), async (list, heir) => {
        const world = new GroupWorld(NAMES);
        await world.found();
        world.cutAll();
        for (const nth of [1, 2, 3].filter((one) => one !== heir)) world.crash(nth);
        world.connect(0, heir);
        world.write(0, 3);
        await turns(40);
        world.crash(0);
        world.gone.add(0);
        for (const { happen } of list) await happen(world);
        await world.meet(4);
        await checkAlike(world);
        for (const nth of [1, 2, 3]) {
          expect(await world.shown(nth)).toEqual(expect.arrayContaining(['Ann 1', 'Ann 2', 'Ann 3']));
        }
      }),
      { numRuns },
    );
  });

  it('keeps from the removed what is written after, and shows nothing that they write beyond their end', async () => {
    await fc.assert(
      fc.asyncProperty(traces(talk), traces(talk), async (before, after) => {
        const world = new GroupWorld(NAMES);
        await world.found();
        for (const { happen } of before) await happen(world);
        await world.start(0);
        await world.act(0, (start, group) => start.rosters.about(group, 'remove', person(world, 3)));
        for (const { happen } of after) await happen(world);
        await world.meet(4);
        await checkAlike(world);
        const removed = world.peerId(3);
        if (world.roster(0).members.get(removed)?.state !== 'removed') return;
        const atRemoved = world.texts(3);
        for (const [text, { members }] of world.accepted) {
          if (!members.includes(removed)) expect(atRemoved).not.toContain(text);
        }
        world.write(3, 1);
        await turns(20);
        expect(world.conversation(3)?.group?.isMember(removed)).toBe(false);
      }),
      { numRuns },
    );
  });

  it('proves to all who signed two messages as one, and has the same messages at all', async () => {
    const lie = fc.record({
      lengths: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      apart: fc.boolean(),
      then: fc.constantFrom('stays', 'is gone', 'goes on', 'starts anew'),
    });
    await fc.assert(
      fc.asyncProperty(traces(talk), lie, traces(talk), async (before, { lengths, apart, then }, after) => {
        const world = new GroupWorld(NAMES);
        await world.found();
        for (const { happen } of before) await happen(world);
        const branches = lengths.map((length, at) => ({ to: at + 1, length }));
        // Who lacks what the branches follow would take neither.
        await world.meet(2);
        await world.fork(3, branches, apart);
        if (then !== 'stays') world.cutAll();
        if (then === 'is gone') {
          world.crash(3);
          world.gone.add(3);
        } else if (then !== 'stays') {
          world.write(3, 3);
          await turns(20);
          if (then === 'starts anew') world.crash(3);
          await world.start(3);
          world.write(3, 1);
          await turns(20);
        }
        for (const { happen } of after) await happen(world);
        await world.meet(6);
        for (const nth of world.members()) {
          expect(world.roster(nth).forks.has(world.peerId(3))).toBe(true);
        }
        await checkAlike(world);
        await checkSilence(world);
      }),
      { numRuns },
    );
  });

  it('is joined again by a restored database, without bringing anybody back or doubling anything', async () => {
    await fc.assert(
      fc.asyncProperty(
        traces([...talk, ...changes]),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (list, restored, isEmpty) => {
          const world = new GroupWorld(NAMES);
          await world.found();
          const disk = world.disks[restored] as MemoryDisk;
          const backup = disk.clone();
          for (const { happen } of list) await happen(world);
          await world.meet(4);
          const [other] = world.members().filter((nth) => nth !== restored);
          // Only members bring back a group, and what nobody else has ever held is lost with the machine.
          if (other === undefined) return;
          const states = [...world.roster(other).members.values()].map(({ peerId, state }) => [
            peerId,
            state,
          ]);
          const others = NAMES.map((_, nth) => nth).filter((nth) => nth !== restored);
          const elsewhere = new Set(others.flatMap((nth) => world.texts(nth)));
          for (const text of world.accepted.keys()) if (!elsewhere.has(text)) world.accepted.delete(text);
          world.crash(restored);
          disk.restore(isEmpty ? new MemoryDisk() : backup);
          await world.start(restored);
          world.write(restored, 2);
          await world.meet(5);
          await checkAlike(world);
          const now = world.roster(other);
          expect([...now.members.values()].map(({ peerId, state }) => [peerId, state])).toEqual(states);
        },
      ),
      { numRuns: Math.ceil(numRuns / 2) },
    );
  });
});
