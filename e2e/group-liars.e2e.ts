import type { RosterOperation } from '@p2p-chat/shared';
import { MAX_GROUP_MEMBERS, MAX_ROSTER_OPERATIONS, MAX_TAKEN_OPERATIONS } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bystanders } from './support/bystanders.ts';
import { controlOf } from './support/control.ts';
import { LightPeer, LightPerson, LightRoster } from './support/light-peer.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

type Four = [LightPerson, LightPerson, LightPerson, LightPerson];

const world = new World();
let people: Bystanders;
let roster: LightRoster;
/** The group's founder, a member who lies, somebody who was removed, and somebody who was never in. */
let [founder, mallory, rita, stranger] = [] as unknown as Four;
let mallorys: RosterOperation;
const peers: LightPeer[] = [];

async function dial(person: LightPerson): Promise<LightPeer> {
  const group = { id: roster.conversation, follows: [LightRoster.entryTip(mallorys)] };
  const peer = await LightPeer.dial(people.bob, person, { group });
  peers.push(peer);
  await peer.settled();
  return peer;
}

const undisturbed = (attack: () => Promise<void | (() => unknown)>): Promise<void> =>
  people.undisturbed(people.bob, async () => {
    const after = await attack();
    return async () => {
      await after?.();
      for (const peer of peers.splice(0)) peer.close();
    };
  });

/** What a node shows of the group. */
async function shown(of: RunningDaemon): Promise<{ name: string; bodies: string[] }> {
  const { name } = await controlOf(of).group(roster.conversation);
  const rows = await controlOf(of).history(roster.conversation, { limit: 100 });
  return { name, bodies: rows.map(({ body }) => body) };
}

beforeAll(async () => {
  people = await Bystanders.meet(world);
  const names = ['Founder', 'Mallory', 'Rita', 'Stranger'];
  [founder, mallory, rita, stranger] = (await Promise.all(
    names.map((name) => LightPerson.named(name)),
  )) as Four;
  roster = new LightRoster();
  roster.found(founder, 'Team');
  for (const { peerId, user } of [mallory, rita]) roster.add(founder, { kind: 'add', person: peerId, user });
  mallorys = roster.add(mallory, { kind: 'accept', user: mallory.user });
  roster.add(rita, { kind: 'accept', user: rita.user });
  roster.add(founder, { kind: 'remove', person: rita.peerId, tips: [] });
  for (const { peerId, options } of [people.alice, people.bob])
    roster.add(founder, { kind: 'add', person: peerId, user: options.user });
  for (const node of [people.alice, people.bob]) {
    const peer = await LightPeer.dial(node, founder);
    peer.tell(roster.operations);
    await waitFor('the invitation', async () => (await controlOf(node).groups()).length === 1);
    await controlOf(node).enterGroup(roster.conversation);
    peer.close();
  }
  await waitFor('both to be in', async () => {
    const groups = await Promise.all(
      [people.alice, people.bob].map((node) => controlOf(node).group(roster.conversation)),
    );
    return groups.every(({ members }) => members.filter(({ state }) => state === 'member').length === 4);
  });
});

afterEach(async () => {
  const text = `after “${expect.getState().currentTestName}”`;
  await controlOf(people.alice).send(roster.conversation, text);
  await waitFor('the group to go on', async () => (await shown(people.bob)).bodies.at(-1) === text);
  expect((await shown(people.bob)).name).toBe('Team');
});
afterAll(() => world.close());

/** Operations that somebody may not make, which name what all hold. */
function forbidden(by: LightPerson, count: number): RosterOperation[] {
  const liar = new LightRoster();
  liar.operations.push(...roster.operations);
  const heads = roster.operations.slice(-1);
  for (let nth = 0; nth < count; nth += 1) liar.add(by, { kind: 'rename', name: `Mine ${nth}` }, heads);
  return liar.operations.slice(roster.operations.length);
}

describe('two members of a group chat undisturbed while', () => {
  it('a member forges the signature of an operation', async () => {
    await undisturbed(async () => {
      const peer = await dial(mallory);
      const sign = (): Uint8Array => new Uint8Array(64);
      const { publicKey, sha256 } = founder;
      const forged = new LightRoster();
      forged.operations.push(...roster.operations);
      forged.add({ publicKey, sha256, sign }, { kind: 'rename', name: 'Mine' });
      peer.tell(forged.operations.slice(-1));
      await peer.closed;
      expect(peer.error).toBe('signature-wrong');
    });
  });

  it('a member forges the signature of a message, and sends one in the name of another member', async () => {
    await undisturbed(async () => {
      const peer = await dial(mallory);
      peer.sendBatch(1, { sign: () => new Uint8Array(64) });
      await peer.closed;
      expect(peer.error).toBe('signature-wrong');
      const other = await dial(mallory);
      other.sendBatch(1, { author: people.alice.peerId });
      await other.closed;
      expect(other.error).toBe('signature-wrong');
    });
  });

  it('somebody signs two messages as one in the conversation of two, and is shown to have', async () => {
    const liar = await LightPerson.named('Liar');
    await undisturbed(async () => {
      const peer = await LightPeer.dial(people.bob, liar);
      peers.push(peer);
      await peer.send();
      peer.sendBatch(1, { again: true });
      await waitFor('the liar to be shown', async () =>
        (await people.bob.cli(['peers', '--all'])).stdout.includes('SIGNED TWO MESSAGES AS ONE'),
      );
    });
    expect(await people.bob.json(['peers', '--all', '--json'])).toContainEqual(
      expect.objectContaining({ peerId: liar.peerId, forked: true }),
    );
    expect(await controlOf(people.bob).history(liar.peerId, {})).toHaveLength(1);
  });

  it('a member floods them with operations that are not theirs to make', async () => {
    await undisturbed(async () => {
      const peer = await dial(mallory);
      peer.tell(forbidden(mallory, MAX_ROSTER_OPERATIONS));
      await peer.settled();
      expect(peer.error).toBeNull();
    });
  });

  it('a member tells more operations than a roster has', async () => {
    await undisturbed(async () => {
      const peer = await dial(mallory);
      const all = new LightRoster();
      all.found(mallory, 'Flood');
      all.add(mallory, { kind: 'add', person: people.bob.peerId, user: 'Bob' });
      while (all.operations.length <= MAX_TAKEN_OPERATIONS)
        all.add(mallory, { kind: 'rename', name: `Flood ${all.operations.length}` });
      peer.tell(all.operations);
      await peer.closed;
      expect(peer.error).toBe('roster-full');
    });
  });

  it('somebody who was removed, and somebody who was never in, write and change the roster', async () => {
    await undisturbed(async () => {
      for (const person of [rita, stranger]) {
        const peer = await dial(person);
        peer.tell(forbidden(person, 1_000));
        await peer.settled();
        peer.sendBatch();
        if (person === rita) await peer.settled();
        else await peer.closed;
        expect(peer.error).toBe(person === rita ? null : 'batch-malformed');
      }
    });
    expect((await shown(people.bob)).bodies.filter((body) => body.startsWith('xxx'))).toEqual([]);
  });

  it('somebody asks them into a group of 257, of whom the last one waits', async () => {
    await undisturbed(async () => {
      const crowd = new LightRoster();
      crowd.found(mallory, 'Crowd');
      crowd.add(mallory, { kind: 'add', person: people.bob.peerId, user: 'Bob' });
      for (let nth = 1; nth < MAX_GROUP_MEMBERS; nth += 1) {
        const one = await LightPerson.named(`Member ${nth}`);
        crowd.add(mallory, { kind: 'add', person: one.peerId, user: one.user });
        crowd.add(one, { kind: 'accept', user: one.user });
      }
      const peer = await dial(mallory);
      peer.tell(crowd.operations);
      await waitFor('the group', async () =>
        (await controlOf(people.bob).groups()).some(({ id }) => id === crowd.conversation),
      );
      const group = await controlOf(people.bob).enterGroup(crowd.conversation);
      expect(group.members.filter(({ state }) => state === 'member')).toHaveLength(MAX_GROUP_MEMBERS);
      expect(group.state).toBe('invited');
    });
  });

  it('a roster is as long as it gets: its admin is told so', async () => {
    const full = new LightRoster();
    full.found(founder, 'Full');
    full.add(founder, { kind: 'add', person: people.alice.peerId, user: 'Alice' });
    while (full.operations.length < MAX_ROSTER_OPERATIONS - 2)
      full.add(founder, { kind: 'rename', name: `Full ${full.operations.length}` });
    // Alice, who is the only one then, is its admin.
    full.add(founder, { kind: 'leave', tips: [] });
    const { conversation } = full;
    await undisturbed(async () => {
      const peer = await LightPeer.dial(people.alice, founder);
      peers.push(peer);
      peer.tell(full.operations);
      await waitFor('the group', async () =>
        (await controlOf(people.alice).groups()).some(({ id }) => id === conversation),
      );
      await controlOf(people.alice).enterGroup(conversation);
    });
    const refused = await people.alice.cli(['group', 'rename', conversation, 'More', '--json']);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('roster-full')]);
  });
});
