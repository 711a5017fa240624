import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { StorageError } from '../../core/errors.js';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION, VERSION_BASE } from './schema.js';
import { corrupt, missing } from './sqlite-errors.js';

/** Only this user reads messages. */
const FILE_MODE = 0o600;

/** How long to wait for a process that is just ending to let go of the file, in milliseconds. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Files up to this size are checked page by page at start (about a quarter of
 * a second). Damage in larger ones shows when it is read.
 */
const FULL_CHECK_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Size of the pages of a new database; one that is there keeps its own. Twice
 * the usual: a burst writes fewer of them to the log, and each has its price.
 */
const PAGE_BYTES = 8 * 1024;

/** Pages of log after which it is moved into the database (16 MiB): seldom enough for bulk, short enough for a start. */
const CHECKPOINT_PAGES = 2_000;

/** Memory for pages, in KiB: bounds the node however long its history is. */
const PAGE_CACHE_KIB = 16 * 1024;

/**
 * Opens the message database, making it where needed.
 * @param file its path; the folder must exist
 * @throws {StorageError} `storage-too-new`, `storage-too-old` and `storage-corrupt` leave the file as it was;
 * `storage-in-use`
 */
export function openDatabase(file: string): DatabaseSync {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) inspect(file, size);
  else closeSync(openSync(file, 'a', FILE_MODE));
  chmodSync(file, FILE_MODE);

  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
  try {
    configure(database);
    createTables(database);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/**
 * Opens the message database again, after its disk failed. It is not made
 * where it is missing: a folder that a disk is mounted on is there and empty
 * without it.
 * @param file its path
 * @throws as {@link openDatabase}; `storage-unavailable` and `storage-read-only` where the disk still fails
 */
export function reopenDatabase(file: string): DatabaseSync {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) throw missing(file);
  // Fails at once on a disk that takes no writes, before the file is looked through.
  chmodSync(file, FILE_MODE);
  return openDatabase(file);
}

/**
 * Opens the message database on a disk that takes no writes, for reading what
 * was committed. Nobody may write to it meanwhile.
 * @param file its path
 */
export function openForReading(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  // A lock that keeps others out needs a file that can be written. This does without.
  url.searchParams.set('vfs', 'unix-none');
  const database = new DatabaseSync(url, { readOnly: true, enableForeignKeyConstraints: false });
  // Before the first read: the index of the log is then in memory, not in a file.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY');
  return database;
}

/** Reads the file without changing it and refuses what this program must not write to. */
function inspect(file: string, size: number): void {
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    const version = pragma(database, 'user_version');
    const tables = database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
    // A process that ended before its first commit leaves a file without tables.
    if (version === 0 && tables === 0) return;
    if (pragma(database, 'application_id') !== APPLICATION_ID) throw corrupt('it belongs to another program');
    if (version < VERSION_BASE) {
      throw new StorageError(
        'storage-too-old',
        'The message database was made by a p2p-chat from before its first release, which this one does not read.',
        { hint: 'It was left as it is. Move it away to start anew.' },
      );
    }
    if (version > VERSION_BASE + SCHEMA_VERSION) {
      throw new StorageError(
        'storage-too-new',
        `The message database has schema version ${version - VERSION_BASE}; this program knows versions up to ${SCHEMA_VERSION}.`,
        { hint: 'It was left as it is. Start it with the newer version of p2p-chat that last used it.' },
      );
    }
    if (size > FULL_CHECK_MAX_BYTES) return;
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok') throw corrupt(String(found));
  } finally {
    database.close();
  }
}

function configure(database: DatabaseSync): void {
  // Exclusive before WAL: the index of the log stays in memory, and a second
  // process that opens the file is told so instead of sharing it. The size of
  // pages before that too, as it is settled then.
  database.exec(`
    PRAGMA page_size = ${PAGE_BYTES};
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA cache_size = -${PAGE_CACHE_KIB};
    PRAGMA temp_store = MEMORY;
    PRAGMA secure_delete = ON;
  `);
}

function createTables(database: DatabaseSync): void {
  if (pragma(database, 'user_version') !== 0) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(SCHEMA);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${VERSION_BASE + SCHEMA_VERSION}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
