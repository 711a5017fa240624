import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFolder, obstacleAt, P2pChatError } from '@p2p-chat/shared';

/** The profile cannot be held; nothing of it was touched. */
export class ProfileLockError extends P2pChatError {}

const SQLITE_BUSY = 5;

/**
 * Holds a profile for one process, so that two nodes never share a key and a
 * database.
 *
 * The lock is SQLite's lock on an empty database file: the operating system
 * lets go of it when the process ends, however it ends, and it holds between
 * containers that share the volume.
 */
export class ProfileLock {
  /** Tells the file from another one that was put in its place. */
  readonly #inode: number;
  /** The folder of the lock, which is the same one wherever it is moved; null while the lock is let go of. */
  #folder: number | null;

  private constructor(
    readonly home: string,
    private database: DatabaseSync,
  ) {
    this.#inode = statSync(lockFile(home)).ino;
    this.#folder = openSync(dirname(lockFile(home)), 'r');
  }

  /**
   * @param home the profile's data directory
   * @throws {ProfileLockError} `profile-in-use` with the pid of the other
   *   process and how to attach to it, `profile-moved` where a node runs whose
   *   folder was moved away from here, or `profile-not-writable`
   */
  static acquire(home: string): ProfileLock {
    const moved = readMoved(home);
    if (moved !== null) throw movedAway(home, moved);
    return new ProfileLock(home, lock(home));
  }

  /** Whether the lock is where it was. It writes nothing: it is asked all the time. */
  get isInPlace(): boolean {
    try {
      return statSync(lockFile(this.home)).ino === this.#inode;
    } catch {
      return false;
    }
  }

  /** Whether it is where it was, on a disk that takes what is written. */
  get isOnWorkingDisk(): boolean {
    try {
      chmodSync(lockFile(this.home), FILE_MODE);
      return this.isInPlace;
    } catch {
      return false;
    }
  }

  /** Where the folder of the profile is now; null where that cannot be told, and `deleted` where it was. */
  whereabouts(): { movedTo: string } | 'deleted' | null {
    if (this.#folder === null) return null;
    try {
      if (fstatSync(this.#folder).nlink === 0) return 'deleted';
      const now = dirname(readlinkSync(`/proc/self/fd/${this.#folder}`));
      return now === this.home ? null : { movedTo: now };
    } catch {
      return null; // Its disk is away, or this system does not tell.
    }
  }

  /** Lets go of the lock, and watches the folder on. */
  unlock(): void {
    if (this.database.isOpen) this.database.close();
  }

  /** Leaves word beside the place of the folder, so that no other profile is made there while its node runs. */
  noteMoved(movedTo: string): void {
    try {
      writeFileSync(movedFile(this.home), JSON.stringify({ pid: process.pid, movedTo }), { mode: FILE_MODE });
    } catch {
      // Who may not write there did not move it; what is left out is a warning to others.
    }
  }

  /** Lets go of the profile. May be repeated. */
  release(): void {
    this.unlock();
    this.#noteBack();
    if (this.#folder !== null) closeSync(this.#folder);
    this.#folder = null;
  }

  /**
   * Takes the profile again after it was let go of.
   * @throws {ProfileLockError} as {@link acquire}; where the lock's file is not
   *   there, as without the disk that it is on, nothing is made in its place
   */
  takeAgain(): void {
    const file = lockFile(this.home);
    if (!existsSync(file)) throw notWritable(this.home, new Error(`${file} is missing`));
    if (statSync(file).ino !== this.#inode) throw inUse(this.home, 'of another profile there', undefined);
    if (!this.database.isOpen) this.database = lock(this.home);
    this.#noteBack();
    this.#folder ??= openSync(dirname(file), 'r');
  }

  /**
   * Takes the place of a profile that was deleted, so that no other one is made there while its node runs.
   * @throws {ProfileLockError} as {@link acquire}
   */
  keepPlace(): void {
    if (existsSync(dirname(this.home))) mkdirSync(this.home, { recursive: true, mode: 0o700 });
    this.database = lock(this.home);
  }

  #noteBack(): void {
    if (readMoved(this.home)?.pid === process.pid) rmSync(movedFile(this.home), { force: true });
  }
}

const FILE_MODE = 0o600;

function lockFile(home: string): string {
  return join(home, 'run', 'lock');
}

function movedFile(home: string): string {
  return `${home}.moved`;
}

/** What a node that still runs left where its folder was moved away; null where there is no such node. */
function readMoved(home: string): { pid: number; movedTo: string } | null {
  try {
    const moved = JSON.parse(readFileSync(movedFile(home), 'utf8')) as { pid: number; movedTo: string };
    process.kill(moved.pid, 0);
    return moved;
  } catch {
    return null;
  }
}

function movedAway(home: string, { pid, movedTo }: { pid: number; movedTo: string }): ProfileLockError {
  return new ProfileLockError(
    'profile-moved',
    `The folder of this profile was moved from ${home} to ${movedTo} while its node runs (pid ${pid}).`,
    { hint: `Move it back, or stop that node and start this one with P2P_CHAT_HOME=${movedTo}.` },
  );
}

function lock(home: string): DatabaseSync {
  const pidFile = join(home, 'run', 'node.pid');
  let database: DatabaseSync | null = null;
  try {
    makePrivateFolder(join(home, 'run'));
    database = new DatabaseSync(lockFile(home));
    chmodSync(lockFile(home), FILE_MODE);
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    writeFileSync(pidFile, `${process.pid}\n`, { mode: FILE_MODE });
    return database;
  } catch (error) {
    database?.close();
    throw isBusy(error) ? inUse(home, readPid(pidFile), error) : notWritable(home, error);
  }
}

function notWritable(home: string, cause: unknown): ProfileLockError {
  const { reason, hint } = obstacleAt(lockFile(home), cause, undefined, home);
  return new ProfileLockError('profile-not-writable', `Cannot write to ${lockFile(home)}: ${reason}.`, {
    hint,
    cause,
  });
}

function isBusy(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function readPid(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

function inUse(home: string, pid: string, cause: unknown): ProfileLockError {
  return new ProfileLockError(
    'profile-in-use',
    `A node runs on this profile already (pid ${pid}, ${home}).`,
    {
      hint: 'Attach to it with "p2p-chat console", or start another profile with --user NAME.',
      cause,
    },
  );
}
