import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorCode } from '@p2p-chat/shared';
import { waitFor, type World } from './processes.ts';

const MiB = 1024 * 1024;

/** Whether this machine can make disks that fail (root, loop devices, ext4). */
export const canMount =
  process.getuid?.() === 0 &&
  existsSync('/dev/loop-control') &&
  existsSync('/sys/fs/ext4') &&
  ['/sbin/mkfs.ext4', '/usr/sbin/mkfs.ext4'].some((path) => existsSync(path));

type OnError = 'remount-ro' | 'continue';

/** A small disk with ext4, for the data of a node, that can be made to fail. */
export class Ext4Disk {
  private constructor(
    /** Where it is mounted. */
    readonly folder: string,
    private readonly image: string,
    /** The memory below it. */
    private readonly below: string,
    private readonly onError: OnError,
  ) {}

  /**
   * A disk that works. Its owner unmounts it, also after a test that failed.
   * @param onError what the file system does where its own records cannot be written
   */
  static async make(world: World, onError: OnError): Promise<Ext4Disk> {
    const below = await world.folder('memory');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16M', 'tmpfs', below]);
    const image = join(below, 'image');
    await writeFile(image, '');
    await truncate(image, 32 * MiB);
    // Without a journal an error in one file leaves the others alone.
    execFileSync('mkfs.ext4', ['-q', '-O', '^has_journal', image]);
    const disk = new Ext4Disk(await world.folder('disk'), image, below, onError);
    disk.mount();
    return disk;
  }

  mount(): void {
    execFileSync('mount', ['-o', `loop,errors=${this.onError}`, this.image, this.folder]);
    execFileSync('chmod', ['700', this.folder]);
  }

  unmount(): void {
    // Lazily: a process that a failed test left behind must not keep the mount.
    for (const folder of [this.folder, this.below]) execFileSync('umount', ['--lazy', folder]);
  }

  /** An error of the disk: from now on the file system is read-only, also for files that are open. */
  async breakDown(): Promise<void> {
    const device = basename(
      execFileSync('findmnt', ['-no', 'SOURCE', this.folder], { encoding: 'utf8' }).trim(),
    );
    await writeFile(`/sys/fs/ext4/${device}/trigger_fs_error`, 'a test');
    const mounts = await readFile('/proc/mounts', 'utf8');
    if (!new RegExp(`${this.folder} ext4 (ro|\\S*emergency_ro)`).test(mounts)) {
      throw new Error(`the file system is not read-only:\n${mounts}`);
    }
  }

  /** The disk is repaired and mounted again; who runs on it has to have let go of it. */
  async repair(): Promise<void> {
    await waitFor('the node to let go of its disk', () => {
      execFileSync('umount', [this.folder], { stdio: 'pipe' });
      return true;
    });
    // It finds the error that was noted, and says so by its status.
    execFileSync('sh', ['-c', 'fsck.ext4 -p -f "$1" >&2 || [ $? -le 1 ]', 'sh', this.image], {
      stdio: 'ignore',
    });
    this.mount();
  }

  /** From now on the disk takes what is written and fails to make it durable, but where it was written before. */
  async loseWrites(): Promise<void> {
    execFileSync('sync', ['--file-system', this.folder]);
    try {
      await writeFile(this.#filler, Buffer.alloc(32 * MiB));
    } catch (error) {
      if (errorCode(error) !== 'ENOSPC') throw error;
    }
  }

  /** The disk works again. */
  async keepWrites(): Promise<void> {
    await rm(this.#filler);
  }

  get #filler(): string {
    return join(this.below, 'filler');
  }
}
