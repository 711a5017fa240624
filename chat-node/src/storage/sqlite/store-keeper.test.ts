import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StorageError } from '../../core/errors.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { openDatabase } from './database.js';
import { packError } from './error-record.js';
import { GroupCommit } from './group-commit.js';
import { StoreKeeper } from './store-keeper.js';
import type { Answer, Call } from './thread-messages.js';

const CONVERSATION = testConversation('Alice', 'Bob');
const ALICE = new TestFeed('Alice', CONVERSATION).author;

function add(batch: Batch): Call {
  return { method: 'commit', args: [[{ type: 'append', batch, keys: [] }]] };
}

const FEED: Call = { method: 'batches', args: [CONVERSATION, ALICE, 0, { batches: 100, bytes: 1e9 }] };

function holding(...batches: Batch[]): unknown {
  return {
    value: batches.map(
      ({ hash }) =>
        expect.objectContaining({ batch: expect.objectContaining({ hash }) as unknown }) as unknown,
    ),
  };
}

function code(answer: Answer | undefined): string | null {
  return answer !== undefined && 'error' in answer ? answer.error.code : null;
}

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'p2p-chat-'));
  file = join(folder, 'messages.db');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('StoreKeeper', () => {
  let failures: number;
  let keeper: StoreKeeper;
  let alice: TestFeed;
  let clock: number;

  beforeEach(() => {
    failures = 0;
    alice = new TestFeed('Alice', CONVERSATION);
    clock = 0;
    keeper = new StoreKeeper(file, () => (failures += 1));
  });

  afterEach(() => keeper.close());

  const next = (): Batch => alice.batch(['text'], { clock: testClock((clock += 1)) });

  /** The disk fails while these calls run. */
  function runFailing(...calls: Call[]): Answer[] {
    vi.spyOn(GroupCommit.prototype, 'run').mockImplementationOnce((all) =>
      all.map(() => ({ error: packError(new StorageError('storage-unavailable', 'disk I/O error')) })),
    );
    return keeper.run(calls);
  }

  function takeAway(): void {
    for (const end of ['', '-wal']) {
      if (existsSync(file + end)) renameSync(file + end, `${file}.away${end}`);
    }
  }

  function bringBack(): void {
    for (const end of ['', '-wal']) {
      if (existsSync(`${file}.away${end}`)) renameSync(`${file}.away${end}`, file + end);
    }
  }

  it('goes on when the file is back, and makes none in its place', () => {
    const [first, refused, last] = [next(), next(), next()];
    expect(keeper.run([add(first)]).map(code)).toEqual([null]);
    expect(runFailing(add(refused)).map(code)).toEqual(['storage-unavailable']);
    expect(failures).toBe(1);
    takeAway();
    expect(keeper.run([add(refused), FEED]).map(code)).toEqual([
      'storage-unavailable',
      'storage-unavailable',
    ]);
    expect(existsSync(file)).toBe(false);
    bringBack();
    expect(keeper.run([FEED, add(refused), add(last), FEED])).toEqual([
      holding(first),
      { value: undefined },
      { value: undefined },
      holding(first, refused, last),
    ]);
    expect(failures).toBe(1);
  });

  it('acknowledges nothing into a file that was deleted or replaced, and goes on with the one that it knows', () => {
    const [first, refused] = [next(), next()];
    expect(keeper.run([add(first)]).map(code)).toEqual([null]);
    takeAway();
    expect(keeper.run([add(refused)]).map(code)).toEqual(['storage-unavailable']);
    openDatabase(file).close();
    expect(keeper.run([add(refused)]).map(code)).toEqual(['storage-unavailable']);
    rmSync(file);
    bringBack();
    expect(keeper.run([FEED])).toEqual([holding(first)]);
  });

  it('is not confused by a file that another process holds meanwhile', () => {
    const [message, other] = [next(), next()];
    keeper.run([add(message)]);
    runFailing(add(other));
    const process = openDatabase(file);
    expect(keeper.run([FEED, add(other)]).map(code)).toEqual(['storage-in-use', 'storage-in-use']);
    process.close();
    expect(keeper.run([FEED])).toEqual([holding(message)]);
  });

  it('stays with the file after an error that is not of the disk', () => {
    next();
    expect(keeper.run([add(next())]).map(code)).toEqual(['storage-failed']);
    expect(failures).toBe(0);
  });
});
