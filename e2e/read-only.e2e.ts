import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, untilQueued, wholeConversation } from './support/control.ts';
import { canMount, Ext4Disk } from './support/ext4-disk.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

const world = new World();
const disks: Ext4Disk[] = [];

/** More than there is room for where something was written before. */
const LONG = 'x'.repeat(60_000);

afterEach(async () => {
  for (const disk of disks.splice(0)) disk.unmount();
  await world.close();
});

/** Both have each of these messages, once, and no other one, in the same order. */
async function expectOnce(ids: readonly string[], ...sides: [RunningDaemon, string][]): Promise<void> {
  const [one, other] = await Promise.all(
    sides.map(async ([node, peerId]) => (await wholeConversation(node, peerId)).map(({ id }) => id)),
  );
  expect(one).toEqual(other);
  expect(one?.toSorted()).toEqual(ids.toSorted());
}

async function makeDisk(onError: 'remount-ro' | 'continue'): Promise<Ext4Disk> {
  const disk = await Ext4Disk.make(world, onError);
  disks.push(disk);
  return disk;
}

describe.skipIf(!canMount)('(root only) a file system that turns read-only while a node runs', () => {
  it('is told to the sender at once, and keeps once what is sent again with its key; all goes on by itself when the disk is back', async () => {
    const disk = await makeDisk('remount-ro');
    const { alice, bob } = await linkedPair(world, { alice: { home: disk.folder } });
    const client = controlOf(alice);
    const accepted = [(await client.send(bob.peerId, 'before')).id];
    await untilQueued(alice, 0);
    await disk.breakDown();
    // To a file that is open it is an I/O error, to one that is opened it is read-only.
    const refusal = expect.stringMatching(/^storage-(unavailable|read-only)$/) as string;
    for (let n = 0; n < 5; n += 1) {
      const began = performance.now();
      const sent = client.send(bob.peerId, `refused ${n}`, undefined, `key ${n}`);
      await expect(sent).rejects.toMatchObject({ code: refusal });
      // At once is as opposed to hanging: figures are for the benchmarks.
      expect(performance.now() - began).toBeLessThan(10_000);
    }
    // What was there can still be read, and people still write to her: that waits at them.
    expect((await wholeConversation(alice, bob.peerId)).map(({ id }) => id)).toEqual(accepted);
    const answer = await controlOf(bob).send(alice.peerId, 'an answer');
    await waitFor('the receiver to fail', () => alice.stderr.includes('cannot save what arrived'));
    expect(await wholeConversation(bob, alice.peerId)).toMatchObject([
      {},
      { id: answer.id, state: 'queued' },
    ]);

    await disk.repair();
    await untilQueued(bob, 0, 75_000);
    await waitFor('the profile to be held', () => alice.stderr.includes('the disk of the profile is back'));
    const after = await waitFor('a client to find it', () => client.send(bob.peerId, 'after'));
    accepted.push(answer.id, after.id);
    for (let n = 0; n < 5; n += 1)
      accepted.push((await client.send(bob.peerId, `refused ${n}`, undefined, `key ${n}`)).id);
    await untilQueued(alice, 0);
    await expectOnce(accepted, [alice, bob.peerId], [bob, alice.peerId]);
    // Nobody else gets the profile, and whoever looks for its node finds it.
    const second = await world.spawnDaemon(alice.options);
    expect(await second.exited).toBe(1);
    expect(second.stderr).toContain(`pid ${alice.child.pid}`);
    expect(await alice.stop()).toBe(0);
  }, 150_000);
});

describe.skipIf(!canMount)('(root only) a disk that takes a commit and fails to make it durable', () => {
  it.each(['goes on', 'is killed and started again'])(
    'keeps once what is sent again with its key by a node that %s',
    async (what) => {
      // What cannot be made durable may be a record of the file system, too: it is not to end the disk.
      const disk = await makeDisk('continue');
      const { alice, bob } = await linkedPair(world, { alice: { home: disk.folder } });
      const accepted = [(await controlOf(alice).send(bob.peerId, 'before')).id];
      await untilQueued(alice, 0);
      await disk.loseWrites();
      const refusals = new Map<string, string>();
      const send = (from: RunningDaemon, key: string): Promise<{ id: string }> =>
        controlOf(from).send(bob.peerId, LONG, undefined, key);
      for (let n = 0; refusals.size === 0; n += 1) {
        // There may be room where something was written before.
        await send(alice, `key ${n}`).then(
          ({ id }) => accepted.push(id),
          (error: unknown) => refusals.set(`key ${n}`, (error as { code: string }).code),
        );
      }
      for (const code of refusals.values()) expect(code).toMatch(/^storage-(unavailable|read-only|full)$/);
      if (what !== 'goes on') await alice.kill();
      await disk.keepWrites();
      const again = alice.running ? alice : await world.daemon(alice.options);
      const after = await waitFor('a message to be accepted', () =>
        controlOf(again).send(bob.peerId, 'after'),
      );
      accepted.push(after.id);
      for (const key of refusals.keys()) accepted.push((await send(again, key)).id);
      await untilQueued(again, 0);
      await expectOnce(accepted, [again, bob.peerId], [bob, alice.peerId]);
    },
    150_000,
  );
});
