import { chmod, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../core/errors.js';
import type { Change } from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { APPLICATION_ID, SCHEMA_VERSION, VERSION_BASE } from './schema.js';
import { SqliteStore } from './sqlite-store.js';

const workerUrl = new URL('../../../dist/storage/sqlite/sqlite-worker.js', import.meta.url);

function messages(count: number, body = 'text'): Change[] {
  const feed = new TestFeed('Alice', testConversation('Alice', 'Bob'));
  return Array.from({ length: count }, (_, n) => {
    return { type: 'append', batch: feed.batch([body], { clock: testClock(n) }), keys: [] };
  });
}

describe('the database file', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
    file = join(folder, 'messages.db');
  });

  afterEach(() => rm(folder, { recursive: true }));

  function open(): Promise<SqliteStore> {
    return SqliteStore.open({ file, workerUrl });
  }

  async function refusal(): Promise<StorageError> {
    const thrown: unknown = await open().catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(StorageError);
    return thrown as StorageError;
  }

  /** Makes a database with enough messages for a few hundred pages. */
  async function fill(): Promise<void> {
    const storage = await open();
    await storage.commit(messages(500, 'x'.repeat(2_000)));
    await storage.close();
  }

  it('is for its user alone, and so is its log', async () => {
    const storage = await open();
    await storage.commit(messages(1));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(`${file}-wal`)).mode & 0o777).toBe(0o600);
    await storage.close();
    await chmod(file, 0o644);
    await (await open()).close();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('alone is the whole after a close', async () => {
    await fill();
    await expect(stat(`${file}-wal`)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('may be empty, as a process leaves it that ended in its first moment', async () => {
    await writeFile(file, '');
    const storage = await open();
    expect(await storage.conversations()).toEqual([]);
    await storage.close();
  });

  it('is held by one process or store at a time', async () => {
    const storage = await open();
    expect(await refusal()).toMatchObject({ code: 'storage-in-use' });
    await storage.commit(messages(1));
    await storage.close();
    await (await open()).close();
  });

  it('of a newer version is refused and left as it was', async () => {
    await fill();
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA user_version = ${VERSION_BASE + SCHEMA_VERSION + 1}`);
    database.close();
    const before = await readFile(file);
    expect(await refusal()).toMatchObject({
      code: 'storage-too-new',
      message: expect.stringContaining(`version ${SCHEMA_VERSION + 1}`) as string,
    });
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it.each([1, 2, 3])('of the old form, version %i, is refused and left as it was', async (version) => {
    const database = new DatabaseSync(file);
    database.exec(`CREATE TABLE messages (n INTEGER PRIMARY KEY, body TEXT)`);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`);
    database.close();
    const before = await readFile(file);
    expect(await refusal()).toMatchObject({ code: 'storage-too-old' });
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it.each([
    ['no database at all', async () => writeFile(file, 'Dear diary, '.repeat(1_000))],
    ['a database that was cut off', async () => truncate(file, 40_960)],
    [
      'a database with a page overwritten in its middle',
      async () => {
        const bytes = await readFile(file);
        bytes.fill(0xa5, 100 * 4096, 101 * 4096);
        await writeFile(file, bytes);
      },
    ],
    [
      'a database of another program',
      async () => {
        await rm(file);
        const database = new DatabaseSync(file);
        database.exec('CREATE TABLE bookmarks (url TEXT)');
        database.close();
      },
    ],
  ])('that is %s is refused and left as it was', async (_name, spoil) => {
    await fill();
    await spoil();
    const before = await readFile(file);
    expect(await refusal()).toMatchObject({ code: 'storage-corrupt' });
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  it('in a folder that is not there is unavailable', async () => {
    file = join(folder, 'missing', 'messages.db');
    expect(await refusal()).toMatchObject({ code: 'storage-unavailable' });
  });
});

describe('a storage thread that dies', () => {
  // Opens, and ends as soon as it is asked for anything.
  const mortal = new URL(
    'data:text/javascript,' +
      encodeURIComponent(`
        import { parentPort } from 'node:worker_threads';
        parentPort.on('message', () => { throw new Error('out of luck'); });
        parentPort.postMessage({ type: 'opened' });`),
  );

  it('rejects the calls that wait and those that follow, and can be closed', async () => {
    const storage = await SqliteStore.open({ file: 'unused', workerUrl: mortal });
    const waiting = [storage.commit(messages(1)), storage.peers()];
    for (const call of waiting) {
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({
        code: 'storage-failed',
        outcome: 'unknown',
        message: expect.stringContaining('out of luck') as string,
      });
    }
    await expect(storage.conversations()).rejects.toMatchObject({ code: 'storage-failed' });
    await storage.close();
  });

  it('is reported where it never opened', async () => {
    const stillborn = new URL('data:text/javascript,');
    await expect(SqliteStore.open({ file: 'unused', workerUrl: stillborn })).rejects.toMatchObject({
      code: 'storage-failed',
    });
  });
});
