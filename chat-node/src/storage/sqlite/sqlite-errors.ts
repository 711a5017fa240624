import { errorCode, errorMessage } from '@p2p-chat/shared/errors';
import { ProtocolError } from '@p2p-chat/shared/protocol/frame';
import { ChatError, StorageError } from '../../core/errors.js';

// Primary result codes, https://www.sqlite.org/rescode.html
const SQLITE_PERM = 3;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** Codes of errors that are the fault of one write. */
const OF_ONE_WRITE: ReadonlySet<string> = new Set(['storage-failed', 'key-taken']);

/** The typed form of what SQLite, the file system or the stores threw. */
export function storageErrorOf(error: unknown): StorageError | ChatError {
  if (error instanceof StorageError || error instanceof ChatError) return error;
  // Only whole batches are stored.
  if (error instanceof ProtocolError) return corrupt(error.message, error);
  const primary = sqliteCode(error);
  return primary === undefined ? ofSystem(error) : ofSqlite(primary, error);
}

/** Whether the error is one of the disk or the file, so that every write would meet it. */
export function concernsEveryWrite(error: StorageError | ChatError): boolean {
  return error instanceof StorageError && !OF_ONE_WRITE.has(error.code);
}

/** Whether an error with this code is one of the disk below the file, which may come back by itself. */
export function concernsTheDisk(code: string): boolean {
  return code === 'storage-unavailable' || code === 'storage-read-only';
}

function sqliteCode(error: unknown): number | undefined {
  if (errorCode(error) !== 'ERR_SQLITE_ERROR') return undefined;
  const { errcode } = error as { errcode?: unknown };
  // The low byte of an extended code is the primary one.
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}

function ofSqlite(primary: number, cause: unknown): StorageError {
  switch (primary) {
    case SQLITE_FULL:
      return failure('storage-full', cause);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return failure('storage-read-only', cause);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return failure('storage-in-use', cause);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt(errorMessage(cause), cause);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return failure('storage-unavailable', cause);
    default:
      return failure('storage-failed', cause);
  }
}

function ofSystem(cause: unknown): StorageError {
  switch (errorCode(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failure('storage-full', cause);
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return failure('storage-read-only', cause);
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EIO':
      return failure('storage-unavailable', cause);
    default:
      return failure('storage-failed', cause);
  }
}

const TEXTS = {
  'storage-full': [
    'There is no space left for the message database.',
    'Free some disk space; saving goes on by itself.',
  ],
  'storage-read-only': [
    'The message database cannot be written.',
    'Make the data directory writable for this user; saving goes on by itself.',
  ],
  'storage-in-use': [
    'Another program has the message database open.',
    'Stop the other program, or choose another data directory.',
  ],
  'storage-unavailable': [
    'The message database cannot be reached: %.',
    'Check that the data directory exists and that its disk works; saving goes on by itself.',
  ],
  'storage-failed': [
    'The message database refused the operation: %.',
    'This is a fault of the program; please report it.',
  ],
} as const;

function failure(code: keyof typeof TEXTS, cause: unknown): StorageError {
  const [text, hint] = TEXTS[code];
  return new StorageError(
    code,
    text.replace('%', () => errorMessage(cause)),
    { hint, cause },
  );
}

/** The file was there and is no longer. */
export function missing(file: string): StorageError {
  return new StorageError('storage-unavailable', `The message database is no longer at ${file}.`, {
    hint: 'Check that its disk is mounted, or move the folder back; saving goes on by itself.',
  });
}

/** Another file is where the one was that this process has opened. */
export function replaced(file: string): StorageError {
  return new StorageError('storage-unavailable', `Another message database is at ${file} now.`, {
    hint: 'To use it, stop this node and start it again.',
  });
}

/** The file is not what a message database must be. */
export function corrupt(detail: string, cause?: unknown): StorageError {
  return new StorageError('storage-corrupt', `The message database is damaged: ${detail}.`, {
    hint: 'It was left as it is. Move it away and start again, or put a backup in its place.',
    cause,
  });
}
