import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFolder, P2pChatError } from '@p2p-chat/shared';
import { obstacleAt } from './obstacle.js';

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
  private constructor(
    private readonly home: string,
    private database: DatabaseSync,
  ) {}

  /**
   * @param home the profile's data directory
   * @throws {ProfileLockError} `profile-in-use` with the pid of the other
   *   process and how to attach to it, or `profile-not-writable`
   */
  static acquire(home: string): ProfileLock {
    return new ProfileLock(home, lock(home));
  }

  /** Whether the disk below the lock takes what is written. */
  get isOnWorkingDisk(): boolean {
    try {
      chmodSync(lockFile(this.home), FILE_MODE);
      return true;
    } catch {
      return false;
    }
  }

  /** Lets go of the profile. May be repeated. */
  release(): void {
    if (this.database.isOpen) this.database.close();
  }

  /**
   * Takes the profile again after it was let go of.
   * @throws {ProfileLockError} as {@link acquire}; where the lock's file is not
   *   there, as without the disk that it is on, nothing is made in its place
   */
  takeAgain(): void {
    const file = lockFile(this.home);
    if (!existsSync(file)) throw notWritable(this.home, new Error(`${file} is missing`));
    this.database = lock(this.home);
  }
}

const FILE_MODE = 0o600;

function lockFile(home: string): string {
  return join(home, 'run', 'lock');
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
  const { reason, hint } = obstacleAt(lockFile(home), cause);
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
