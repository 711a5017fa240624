import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, untilQueued, wholeConversation } from './support/control.ts';
import { waitFor, World } from './support/processes.ts';

const world = new World();
const disks: Ext4Disk[] = [];

afterEach(async () => {
  await world.close();
  for (const disk of disks.splice(0)) disk.unmount();
});

/** Whether this machine can make a file system that the kernel turns read-only after an error. */
const canMount =
  process.getuid?.() === 0 &&
  existsSync('/dev/loop-control') &&
  existsSync('/sys/fs/ext4') &&
  ['/sbin/mkfs.ext4', '/usr/sbin/mkfs.ext4'].some((path) => existsSync(path));

/** A small disk with ext4 that does what a disk with errors does: the kernel takes no more writes for it. */
class Ext4Disk {
  private constructor(
    readonly folder: string,
    private readonly image: string,
  ) {}

  static async make(): Promise<Ext4Disk> {
    const image = join(await world.folder('disk-image'), 'image');
    await writeFile(image, '');
    await truncate(image, 32 * 1024 * 1024);
    execFileSync('mkfs.ext4', ['-q', image]);
    const disk = new Ext4Disk(await world.folder('disk'), image);
    disk.mount();
    disks.push(disk);
    return disk;
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop,errors=remount-ro', this.image, this.folder]);
    execFileSync('chmod', ['700', this.folder]);
  }

  unmount(): void {
    // Lazily: a process that a failed test left behind must not keep the mount.
    execFileSync('umount', ['--lazy', this.folder]);
  }

  /** An error of the disk: from now on the file system is read-only, also for files that are open. */
  async breakDown(): Promise<void> {
    const device = basename(
      execFileSync('findmnt', ['-no', 'SOURCE', this.folder], { encoding: 'utf8' }).trim(),
    );
    await writeFile(`/sys/fs/ext4/${device}/trigger_fs_error`, 'a test');
    const mounts = await readFile('/proc/mounts', 'utf8');
    expect(mounts).toMatch(new RegExp(`${this.folder} ext4 (ro|\\S*emergency_ro)`));
  }

  /** The disk is repaired and mounted again; nothing may use it meanwhile. */
  repair(): void {
    execFileSync('umount', [this.folder]);
    // It finds the error that was noted, and says so by its status.
    execFileSync('sh', ['-c', 'fsck.ext4 -p -f "$1" >&2 || [ $? -le 1 ]', 'sh', this.image], {
      stdio: 'ignore',
    });
    this.mount();
  }
}

describe.skipIf(!canMount)('(root only) a file system that turns read-only while a node runs', () => {
  it('is told to the sender at once, and keeps nothing of what was refused', async () => {
    const disk = await Ext4Disk.make();
    const { alice, bob } = await linkedPair(world, { alice: { home: disk.folder } });
    const client = controlOf(alice);
    const accepted = [(await client.send(bob.peerId, 'before')).id];
    await untilQueued(alice, 0);
    await disk.breakDown();
    // SQLite calls it an I/O error: to a file that is open, that is what it is.
    for (let n = 0; n < 5; n += 1) {
      const began = performance.now();
      await expect(client.send(bob.peerId, `refused ${n}`)).rejects.toMatchObject({
        code: 'storage-unavailable',
      });
      // At once is as opposed to hanging: figures are for the benchmarks.
      expect(performance.now() - began).toBeLessThan(10_000);
    }
    // What was there can still be read, and people still write to her: that waits at them.
    expect((await wholeConversation(alice, bob.peerId)).map(({ id }) => id)).toEqual(accepted);
    const answer = await controlOf(bob).send(alice.peerId, 'an answer');
    await waitFor('the receiver to fail', () => alice.stderr.includes('cannot save messages that arrived'));
    expect(await wholeConversation(bob, alice.peerId)).toMatchObject([
      {},
      { id: answer.id, state: 'queued' },
    ]);

    await alice.kill();
    disk.repair();
    const again = await world.daemon(alice.options);
    await untilQueued(bob, 0, 75_000);
    accepted.push(answer.id, (await controlOf(again).send(bob.peerId, 'after')).id);
    await untilQueued(again, 0);
    for (const one of [
      await wholeConversation(again, bob.peerId),
      await wholeConversation(bob, alice.peerId),
    ]) {
      expect(one.map(({ id }) => id)).toEqual(accepted);
    }
  }, 150_000);
});
