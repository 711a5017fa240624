import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupActor } from '../testing/group-acts.js';
import { vectorAlice } from '../testing/vectors.js';
import {
  MAX_FOLLOWED_TIPS,
  MAX_GROUP_MEMBERS,
  MAX_HISTORY_DAYS,
  MAX_OWN_ENTRIES,
  MAX_ROSTER_DETAIL_BYTES,
  MAX_ROSTER_PARENTS,
} from './limits.js';
import {
  createOperation,
  operationBytes,
  operationText,
  peerIdOfPublicKey,
  rosterHash,
  type RosterDetail,
  type RosterOperation,
  verifyOperation,
} from './roster-operation.js';
import { resolveRoster, type Roster } from './roster.js';
import { base32, hex } from './batch.js';

const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 200);
const [ann, ben, cat, dan] = ['Ann', 'Ben', 'Cat', 'Dan'].map((name) => new GroupActor(name)) as [
  GroupActor,
  GroupActor,
  GroupActor,
  GroupActor,
];
const people = [ann, ben, cat, dan];

/** A group of all four in which everybody knows everything. */
function team(...admins: readonly GroupActor[]): void {
  for (const one of people) one.known.clear();
  ann.found();
  ann.admit(ben, cat, dan);
  for (const one of admins) ann.act({ kind: 'promote', person: one.peerId });
  meet();
}

/** Everybody learns everything. @returns the roster that all of them have then */
function meet(): Roster {
  ann.learn(...people);
  for (const one of people) one.learn(ann);
  return ann.roster;
}

const remove = (by: GroupActor, who: GroupActor, ms?: number): RosterOperation =>
  by.act({ kind: 'remove', person: who.peerId, tips: [] }, ms);
const admins = (roster: Roster): string[] =>
  people.filter(({ peerId }) => roster.members.get(peerId)?.role === 'admin').map(({ name }) => name);

describe('the roster of a group', () => {
  it('has who was added and accepted', () => {
    for (const one of people) one.known.clear();
    ann.found();
    ann.act({ kind: 'add', person: ben.peerId, user: 'Ben' });
    expect(GroupActor.names(ann.roster, people)).toEqual(['Ann']);
    expect(GroupActor.names(ann.roster, people, 'invited')).toEqual(['Ben']);
    ben.learn(ann);
    ben.act({ kind: 'accept', user: 'Benjamin' });
    expect(GroupActor.names(ben.roster, people)).toEqual(['Ann', 'Ben']);
    expect(ben.roster.members.get(ben.peerId)).toMatchObject({ user: 'Benjamin', role: 'member' });
  });

  it('takes a decline for an answer', () => {
    for (const one of people) one.known.clear();
    ann.found();
    ann.act({ kind: 'add', person: ben.peerId, user: 'Ben' });
    ben.learn(ann);
    ben.act({ kind: 'decline' });
    ben.act({ kind: 'accept', user: 'Ben' });
    expect(GroupActor.names(ben.roster, people, 'left')).toEqual(['Ben']);
  });

  it('leaves who has left outside, whoever added them meanwhile, until they accept again', () => {
    team(ben);
    remove(ann, cat);
    ben.learn(ann);
    ben.act({ kind: 'add', person: cat.peerId, user: 'Cat' });
    cat.act({ kind: 'leave', tips: [] });
    expect(GroupActor.names(meet(), people)).not.toContain('Cat');
    ann.act({ kind: 'add', person: cat.peerId, user: 'Cat' });
    expect(GroupActor.names(meet(), people, 'invited')).toEqual(['Cat']);
    cat.act({ kind: 'accept', user: 'Cat' });
    expect(GroupActor.names(meet(), people)).toContain('Cat');
  });

  it('has neither of two who removed each other', () => {
    team(ben);
    remove(ann, ben);
    remove(ben, ann);
    const roster = meet();
    expect(GroupActor.names(roster, people, 'removed')).toEqual(['Ann', 'Ben']);
    // The one who came first of those who are left.
    expect(admins(roster)).toEqual(['Cat']);
  });

  it.each([20, 40])('shows as removed whom somebody removes at 30 while they leave at %s', (ms) => {
    team(ben);
    remove(ann, cat, 30);
    cat.act({ kind: 'leave', tips: [] }, ms);
    expect(GroupActor.names(meet(), people, 'removed')).toEqual(['Cat']);
    ann.act({ kind: 'add', person: cat.peerId, user: 'Cat' });
    cat.learn(ann);
    cat.act({ kind: 'accept', user: 'Cat' });
    cat.act({ kind: 'leave', tips: [] });
    expect(GroupActor.names(meet(), people, 'left')).toEqual(['Cat']);
  });

  it('has none of three who removed one another in a circle, and the one whom they did not', () => {
    team(ben, cat);
    remove(ann, ben);
    remove(ben, cat);
    remove(cat, ann);
    expect(GroupActor.names(meet(), people)).toEqual(['Dan']);
  });

  it('does not count what the removed did meanwhile, nor what rests on that', () => {
    team(ben);
    remove(ann, ben);
    ben.act({ kind: 'promote', person: cat.peerId });
    cat.learn(ben);
    remove(cat, dan);
    ben.act({ kind: 'rename', name: 'Mine' });
    const roster = meet();
    expect(GroupActor.names(roster, people)).toEqual(['Ann', 'Cat', 'Dan']);
    expect(admins(roster)).toEqual(['Ann']);
    expect(roster.name).toBe('Team');
  });

  it('counts what others did who had seen an operation that does not count', () => {
    team(ben, cat);
    remove(ann, ben);
    ben.act({ kind: 'rename', name: 'Mine' });
    cat.learn(ben);
    remove(cat, dan);
    expect(GroupActor.names(meet(), people)).toEqual(['Ann', 'Cat']);
  });

  it('lets no clock of a removed admin undo the removal', () => {
    team(ben);
    remove(ann, ben, 1_000_000);
    remove(ben, ann, 999);
    ben.act({ kind: 'promote', person: dan.peerId }, 1_001);
    remove(ann, ben);
    const roster = meet();
    // Both stand: neither had seen the other one.
    expect(GroupActor.names(roster, people)).toEqual(['Cat', 'Dan']);
    expect(admins(roster)).toEqual(['Cat']);
  });

  it('makes the member who came first admin when no other one is left', () => {
    team();
    ann.act({ kind: 'leave', tips: [] });
    expect(admins(meet())).toEqual(['Ben']);
    ben.act({ kind: 'rename', name: 'Ours' });
    expect(meet().name).toBe('Ours');
  });

  it('has the admins that are left where two demoted each other, or the first member', () => {
    team(ben);
    ann.act({ kind: 'demote', person: ben.peerId });
    ben.act({ kind: 'demote', person: ann.peerId });
    expect(admins(meet())).toEqual(['Ann']);
  });

  it('makes who comes back a member like any other', () => {
    team(ben);
    remove(ann, ben);
    meet();
    ann.admit(ben);
    expect(meet().members.get(ben.peerId)).toMatchObject({ state: 'member', role: 'member' });
  });

  it('gives newcomers what its policy said when they came', () => {
    for (const one of people) one.known.clear();
    ann.found({ open: false, history: 'all' });
    ann.admit(ben);
    ann.act({ kind: 'policy', open: false, history: 1 }, 90_000_000);
    ann.admit(cat);
    const starts = [...ann.roster.memberships.values()].map(({ historyFrom }) => historyFrom);
    // A day less than when Cat accepted.
    expect(starts).toEqual(['', '', `${(90_000_002 - 86_400_000).toString(16).padStart(12, '0')}0000`]);
  });

  it('lets everybody into an open room, but for who was removed, and not again and again', () => {
    for (const one of people) one.known.clear();
    ann.found({ open: true, history: 'all' });
    ben.learn(ann);
    for (let times = 0; times <= MAX_OWN_ENTRIES; times += 1) {
      ben.act({ kind: 'join', user: 'Ben' });
      expect(GroupActor.names(ben.roster, people).includes('Ben')).toBe(times < MAX_OWN_ENTRIES);
      ben.act({ kind: 'leave', tips: [] });
    }
    cat.learn(ann);
    cat.act({ kind: 'join', user: 'Cat' });
    meet();
    remove(ann, cat);
    meet();
    cat.act({ kind: 'join', user: 'Cat' });
    expect(GroupActor.names(meet(), people)).toEqual(['Ann']);
    ann.admit(ben);
    expect(GroupActor.names(meet(), people)).toEqual(['Ann', 'Ben']);
  });

  it('has at most so many members; who came later waits', () => {
    for (const one of people) one.known.clear();
    ann.found({ open: true, history: 'all' });
    const crowd = Array.from({ length: MAX_GROUP_MEMBERS }, (_, nth) => new GroupActor(`P${nth}`));
    crowd.forEach((one) => {
      one.learn(ann);
      one.act({ kind: 'join', user: one.name });
    });
    for (const one of crowd) ann.learn(one);
    const states = [...ann.roster.members.values()].map(({ state }) => state);
    expect(states.filter((state) => state === 'member')).toHaveLength(MAX_GROUP_MEMBERS);
    expect(states.filter((state) => state === 'invited')).toHaveLength(1);
  });

  it('of 256 members and 4,096 operations takes less than 50 ms of work', () => {
    for (const one of people) one.known.clear();
    ann.found();
    const operations = [...ann.known.values()];
    const crowd = Array.from({ length: MAX_GROUP_MEMBERS - 1 }, (_, nth) => new GroupActor(`P${nth}`));
    const write = (
      by: GroupActor,
      parents: readonly RosterOperation[],
      detail: RosterDetail,
    ): RosterOperation => {
      const clock = `${(operations.length + 1).toString(16).padStart(12, '0')}0000`;
      const head = { conversation: ann.known.values().next().value?.conversation ?? null, clock };
      const one = createOperation({ ...head, parents: parents.map(({ hash }) => hash), detail }, by.signer);
      operations.push(one);
      return one;
    };
    let heads = operations;
    for (const one of crowd) {
      heads = [write(ann, heads, { kind: 'add', person: one.peerId, user: one.name })];
      heads = [write(one, heads, { kind: 'accept', user: one.name })];
      heads = [write(ann, heads, { kind: 'promote', person: one.peerId })];
    }
    // Two halves that meet after every operation.
    for (let nth = 0; operations.length + 1 < 4_096; nth += 1) {
      const [one, other] = [crowd[nth % 255], crowd[(nth + 97) % 255]] as [GroupActor, GroupActor];
      const base = heads;
      heads = [write(one, base, { kind: 'rename', name: `A ${nth}` })];
      heads.push(write(other, base, { kind: 'rename', name: `B ${nth}` }));
    }
    const took = Array.from({ length: 5 }, () => {
      const before = process.threadCpuUsage();
      expect(GroupActor.names(resolveRoster(operations), crowd)).toHaveLength(255);
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1_000;
    });
    expect(operations.length).toBeGreaterThanOrEqual(4_095);
    expect(Math.min(...took)).toBeLessThan(50);
  });
});

/** A step of a schedule of which everybody's roster comes; its text is a line of the trace. */
interface Step {
  text: string;
  happen: () => void;
}

const who = fc.constantFrom(...people);
const acts: fc.Arbitrary<Step> = fc
  .record({
    by: who,
    on: who,
    kind: fc.constantFrom(
      ...(['add', 'accept', 'decline', 'join', 'leave', 'remove', 'promote', 'demote', 'rename'] as const),
    ),
    ms: fc.option(fc.integer({ min: 2, max: 60 }), { nil: undefined, freq: 3 }),
  })
  .map(({ by, on, kind, ms }) => {
    const person = on.peerId;
    const details: Record<typeof kind, RosterDetail> = {
      add: { kind: 'add', person, user: on.name },
      accept: { kind: 'accept', user: by.name },
      decline: { kind: 'decline' },
      join: { kind: 'join', user: by.name },
      leave: { kind: 'leave', tips: [] },
      remove: { kind: 'remove', person, tips: [] },
      promote: { kind: 'promote', person },
      demote: { kind: 'demote', person },
      rename: { kind: 'rename', name: `by ${by.name}` },
    };
    const at = ms === undefined ? '' : ` at ${ms}`;
    return { text: `${by.name}: ${kind} ${on.name}${at}`, happen: () => void by.act(details[kind], ms) };
  });
const meetings: fc.Arbitrary<Step> = fc
  .tuple(who, who)
  .map(([one, other]) => ({ text: `${one.name} hears from ${other.name}`, happen: () => one.learn(other) }));
const schedules = fc.array(fc.oneof(acts, meetings), { maxLength: 40 }).map((list) =>
  Object.assign(list, {
    [fc.toStringMethod]: () => `\n  ${list.map(({ text }) => text).join('\n  ')}`,
  }),
);

function shape(roster: Roster): unknown {
  const { members, memberships, counted, ...rest } = roster;
  return {
    ...rest,
    members: [...members],
    memberships: [...memberships],
    counted: counted.map(({ hash }) => hash),
  };
}

describe('whatever happens, the roster', { timeout: 120_000 }, () => {
  it('is the same for the same operations, in any order and however often they come', () => {
    fc.assert(
      fc.property(schedules, fc.array(fc.nat(), { minLength: 20, maxLength: 60 }), (steps, random) => {
        team(ben);
        for (const { happen } of steps) happen();
        const expected = shape(meet());
        const all = [...ann.known.values()];
        const shuffled = [...all, ...all.slice(0, 5)]
          .map((one, nth) => ({ one, by: random[nth % random.length] as number }))
          .sort((a, b) => a.by - b.by)
          .map(({ one }) => one);
        expect(shape(resolveRoster(shuffled))).toEqual(expected);
      }),
      { numRuns },
    );
  });

  it('has an admin while it has members', () => {
    fc.assert(
      fc.property(schedules, (steps) => {
        team(ben);
        for (const { happen } of steps) happen();
        const roster = meet();
        if (GroupActor.names(roster, people).length > 0) expect(admins(roster)).not.toEqual([]);
      }),
      { numRuns },
    );
  });

  it('is not changed by who was not allowed to', () => {
    fc.assert(
      fc.property(schedules, who, (steps, by) => {
        team(ben);
        for (const { happen } of steps) happen();
        const before = meet();
        // One who is neither in nor asked: nothing that they write counts.
        const stranger = new GroupActor('Eve');
        stranger.learn(by);
        stranger.act({ kind: 'remove', person: ann.peerId, tips: [] });
        stranger.act({ kind: 'add', person: stranger.peerId, user: 'Eve' });
        const after = resolveRoster(stranger.known.values());
        expect(shape({ ...after, lastClock: '' })).toEqual(shape({ ...before, lastClock: '' }));
      }),
      { numRuns },
    );
  });

  it('has nobody who left or was removed and did not enter since', () => {
    fc.assert(
      fc.property(schedules, fc.boolean(), (steps, leaves) => {
        team(ben);
        // Cat goes, unknown to the others until the end.
        if (leaves) cat.act({ kind: 'leave', tips: [] });
        else remove(ben, cat);
        const goer = leaves ? cat : ben;
        const last = [...goer.known.values()].at(-1) as RosterOperation;
        for (const { happen } of steps) happen();
        const roster = meet();
        if (!roster.counted.includes(last)) return;
        const entered = roster.counted.some(
          ({ author, detail, parents }) =>
            author === cat.peerId &&
            (detail.kind === 'accept' || detail.kind === 'join') &&
            parents.length > 0,
        );
        const knew = [...roster.memberships.values()].some(
          ({ peerId, end }) => peerId === cat.peerId && end === null,
        );
        if (knew) expect(entered).toBe(true);
        const first = [...roster.memberships.values()].find(({ peerId }) => peerId === cat.peerId);
        expect(first?.end).not.toBeNull();
      }),
      { numRuns },
    );
  });
});

describe('an operation as bytes', () => {
  const person = vectorAlice();
  const publicKey = Uint8Array.from(
    Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex'),
  );
  const signer = { publicKey, sha256: person.sha256, sign: person.sign };
  const verifier = {
    sha256: person.sha256,
    verifyWith: (key: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
      person.verify(peerIdOfPublicKey(key, person.sha256), message, signature),
  };
  const found = createOperation(
    {
      conversation: null,
      clock: '019ad73584000000',
      parents: [],
      detail: {
        kind: 'found',
        name: 'Team',
        user: 'Alice',
        open: false,
        history: 'join',
        nonce: '0'.repeat(32),
      },
    },
    signer,
  );

  it('is that of docs/protocol.md', () => {
    expect(found.author).toBe(person.peerId);
    expect(found.conversation).toBe(base32(Buffer.from(found.hash, 'hex')));
    expect([found.hash, hex(rosterHash([found.hash], person.sha256))]).toEqual([
      '11b67a65bfaeba56b5e618b4c9554311f6a5863cce4a73b0c09acfa8f04ec0c5',
      '31fb2203f079fc5e47062056923fe33205960a021bf9b7e16124b1c3135ff620',
    ]);
    expect(hex(found.bytes.subarray(-64))).toBe(
      'ce622c1349862f276c6f9f43896f5144ac5f65cbfc545129c8ce3d08134aa043ca6b1ec6f6a6a3144254534fbad8ef944e5ea595f29fd6db1e5a31fffea86b00',
    );
  });

  it('is read as it was written', () => {
    const { bytes } = found;
    expect(verifyOperation(operationBytes(operationText(bytes)), verifier)).toEqual({ ...found, bytes });
  });

  it.each([
    ['is signed by somebody else', (bytes: Uint8Array) => bytes.with(-1, (bytes.at(-1) as number) ^ 1)],
    ['is cut off', (bytes: Uint8Array) => bytes.slice(0, -1)],
    ['is too short', (bytes: Uint8Array) => bytes.slice(0, 80)],
    ['names a conversation that it founds', (bytes: Uint8Array) => bytes.with(0, 1)],
    ['has a clock of another century', (bytes: Uint8Array) => bytes.with(64, 255)],
    ['has another detail', (bytes: Uint8Array) => bytes.with(80, 0)],
    ['names others without telling which', (bytes: Uint8Array) => bytes.with(72, 1)],
  ])('is refused where it %s', (_, change) => {
    expect(() => verifyOperation(change(found.bytes), verifier)).toThrow(/malformed|not signed/);
  });

  it('names so many others, of so many days and tips', () => {
    const tip = { segment: '0'.repeat(32), seq: 2 ** 48, clock: '0'.repeat(16), hash: '0'.repeat(64) };
    const hashes = (count: number): string[] =>
      Array.from({ length: count }, (_, nth) => nth.toString(16).padStart(64, '0'));
    const tips = (count: number) => Array.from({ length: count }, () => tip);
    const read = (parents: readonly string[], detail: RosterDetail): unknown => {
      const head = { conversation: found.conversation, clock: found.clock, parents };
      return verifyOperation(createOperation({ ...head, detail }, signer).bytes, verifier).detail;
    };
    const days = (history: number): RosterDetail => ({ kind: 'policy', open: false, history });
    const longest: RosterDetail = { kind: 'leave', tips: tips(MAX_FOLLOWED_TIPS) };
    expect(JSON.stringify(longest).length).toBeLessThan(MAX_ROSTER_DETAIL_BYTES);
    expect(read(hashes(MAX_ROSTER_PARENTS), longest)).toEqual(longest);
    expect(read(hashes(1), days(MAX_HISTORY_DAYS))).toEqual(days(MAX_HISTORY_DAYS));
    expect(() => read(hashes(MAX_ROSTER_PARENTS + 1), days(1))).toThrow(/too many/);
    expect(() => read(hashes(1), { kind: 'leave', tips: tips(MAX_FOLLOWED_TIPS + 1) })).toThrow(/leave/);
    expect(() => read(hashes(1), { kind: 'leave', tips: tips(200) })).toThrow(/too large/);
    expect(() => read(hashes(1), days(MAX_HISTORY_DAYS + 1))).toThrow(/policy/);
  });

  it.each([
    { kind: 'add', person: 'nobody', user: 'Ben' },
    { kind: 'found', name: '', user: 'A', open: false, history: 'join', nonce: '0'.repeat(32) },
    { kind: 'policy', open: false, history: 0 },
    { kind: 'leave', tips: [{ segment: 'x' }] },
    { kind: 'rule' },
  ])('is refused with the detail %j', (detail) => {
    const operation = createOperation(
      {
        conversation: found.conversation,
        clock: found.clock,
        parents: [found.hash],
        detail: detail as RosterDetail,
      },
      signer,
    );
    expect(() => verifyOperation(operation.bytes, verifier)).toThrow(/malformed/);
  });
});
