import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode, errorMessage, P2pChatError } from '@p2p-chat/shared';

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
  private constructor(private readonly database: DatabaseSync) {}

  /**
   * @param home the profile's data directory
   * @throws {ProfileLockError} `profile-in-use` with the pid of the other
   *   process and how to attach to it, or `profile-not-writable`
   */
  static acquire(home: string): ProfileLock {
    const run = join(home, 'run');
    const pidFile = join(run, 'node.pid');
    let database: DatabaseSync | null = null;
    try {
      mkdirSync(run, { recursive: true, mode: 0o700 });
      database = new DatabaseSync(join(run, 'lock'));
      chmodSync(join(run, 'lock'), 0o600);
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
      writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
      return new ProfileLock(database);
    } catch (error) {
      database?.close();
      if (isBusy(error)) throw inUse(home, readPid(pidFile), error);
      throw new ProfileLockError(
        'profile-not-writable',
        `Cannot write to ${run} (${errorCode(error) ?? errorMessage(error)}).`,
        { hint: 'Choose another folder with P2P_CHAT_HOME, or make this one writable.', cause: error },
      );
    }
  }

  /** Lets go of the profile. */
  release(): void {
    this.database.close();
  }
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
