import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { errorCode } from '@p2p-chat/shared/errors';

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/**
 * What the log (the `-wal` file) holds of commits that failed. Where the disk
 * took the pages of a commit and then failed to make them durable, the commit
 * was refused and its pages are in the log all the same, valid for whoever
 * opens the file next: messages would be there whose sender was told that they
 * are not.
 */
export interface RefusedLog {
  /** Cuts it off. Does nothing where it is gone. @throws where the disk does not let it */
  remove(): void;
}

/**
 * @param database in its state after the failed commit was rolled back
 * @param file its path
 * @returns null where there is nothing of that kind, or it cannot be told
 */
export function refusedLogOf(database: DatabaseSync, file: string): RefusedLog | null {
  const log = `${file}-wal`;
  try {
    const start = committedBytes(database);
    return withFile(log, 'r', (descriptor) => {
      const { size } = fstatSync(descriptor);
      const first = frameAt(descriptor, start);
      return size <= start || first === null ? null : { remove: () => cut(log, { start, size, first }) };
    });
  } catch {
    return null;
  }
}

/** Bytes of the log that belong to commits that succeeded. */
function committedBytes(database: DatabaseSync): number {
  const pageBytes = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
  // Moves nothing, and so needs no disk.
  const frames = Number(database.prepare('PRAGMA wal_checkpoint(NOOP)').get()?.['log']);
  return frames <= 0 ? 0 : LOG_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + pageBytes);
}

function cut(log: string, refused: { start: number; size: number; first: Buffer }): void {
  try {
    withFile(log, 'r+', (descriptor) => {
      // The checksum in a frame's header covers all before it. Another process
      // that had the database meanwhile has written other frames, or more.
      const isTheSame =
        fstatSync(descriptor).size <= refused.size &&
        frameAt(descriptor, refused.start)?.equals(refused.first);
      if (isTheSame !== true) return;
      ftruncateSync(descriptor, refused.start);
      fsyncSync(descriptor);
    });
  } catch (error) {
    // SQLite removes the log when all of it is in the database.
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** The header of the frame at this place; null where the file ends before. */
function frameAt(descriptor: number, at: number): Buffer | null {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  return readSync(descriptor, header, 0, header.length, at) === header.length ? header : null;
}

function withFile<Result>(path: string, flags: 'r' | 'r+', use: (descriptor: number) => Result): Result {
  const descriptor = openSync(path, flags);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
