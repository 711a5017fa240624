import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StorageError } from '../../../chat/errors.js';
import type { Message } from '../../../chat/message.js';
import { incoming, outgoing } from '../../../chat/ports/message.repository.contract.js';
import { openDatabase } from './database.js';
import { packError } from './error-record.js';
import { GroupCommit } from './group-commit.js';
import { packRuns } from '../../../chat/message-run.js';
import type { Answer, Call } from './operations.js';
import { refusedLogOf } from './refused-log.js';
import { StoreKeeper } from './store-keeper.js';

const CONVERSATION = outgoing(1).conversationId;

function add(message: Message): Call {
  return { store: 'messages', method: 'addOutgoing', args: [packRuns([message])] };
}

const HISTORY: Call = { store: 'messages', method: 'history', args: [CONVERSATION, { limit: 100 }] };

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

  beforeEach(() => {
    failures = 0;
    keeper = new StoreKeeper(file, () => (failures += 1));
  });

  afterEach(() => keeper.close());

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
    const [first, refused, last] = [outgoing(1), outgoing(2), outgoing(3)];
    expect(keeper.run([add(first)]).map(code)).toEqual([null]);
    expect(runFailing(add(refused)).map(code)).toEqual(['storage-unavailable']);
    expect(failures).toBe(1);
    takeAway();
    expect(keeper.run([add(refused), HISTORY]).map(code)).toEqual([
      'storage-unavailable',
      'storage-unavailable',
    ]);
    expect(existsSync(file)).toBe(false);
    bringBack();
    expect(keeper.run([HISTORY, add(last), HISTORY])).toEqual([
      { value: [first] },
      { value: undefined },
      { value: [first, last] },
    ]);
    expect(failures).toBe(1);
  });

  it('is not confused by a file that another process holds meanwhile', () => {
    const message = outgoing(1);
    keeper.run([add(message)]);
    runFailing(add(outgoing(2)));
    const other = openDatabase(file);
    expect(keeper.run([HISTORY, add(outgoing(3))]).map(code)).toEqual(['storage-in-use', 'storage-in-use']);
    other.close();
    expect(keeper.run([HISTORY])).toEqual([{ value: [message] }]);
  });

  it('stays with the file after an error that is not of the disk', () => {
    const bad = packRuns([incoming(1)]).map((run) => ({ ...run, bodies: 'no JSON' }));
    const call: Call = { store: 'messages', method: 'addIncoming', args: [bad] };
    expect(keeper.run([call]).map(code)).toEqual(['storage-failed']);
    expect(failures).toBe(0);
  });
});

describe('refusedLogOf', () => {
  let database: DatabaseSync;
  /** Another connection to the same messages, whose commits the first one does not know of. */
  let other: DatabaseSync;

  beforeEach(() => {
    database = openDatabase(file);
    database.exec('CREATE TABLE kept (n)');
    database.exec('INSERT INTO kept VALUES (1)');
    copyDatabase(file, `${file}.other`);
    other = openDatabase(`${file}.other`);
  });

  afterEach(() => {
    other.close();
    database.close();
  });

  function copyDatabase(from: string, to: string): void {
    for (const end of ['', '-wal']) copyFileSync(from + end, to + end);
  }

  /** A commit of which the log has everything and the first connection nothing, as after one that failed. */
  function commitUnseen(n: number): void {
    other.exec(`INSERT INTO kept VALUES (${n})`);
    copyFileSync(`${file}.other-wal`, `${file}-wal`);
  }

  /** What a process finds that opens the files as they are. */
  function found(): unknown[] {
    copyDatabase(file, `${file}.found`);
    const again = openDatabase(`${file}.found`);
    const rows = again.prepare('SELECT n FROM kept').all();
    again.close();
    return rows.map(({ n }) => n);
  }

  it('cuts off what its connection does not know of, and nothing else', () => {
    commitUnseen(2);
    expect(found()).toEqual([1, 2]);
    refusedLogOf(database, file)?.remove();
    expect(found()).toEqual([1]);
  });

  it('leaves what another process wrote after it', () => {
    commitUnseen(2);
    const refused = refusedLogOf(database, file);
    commitUnseen(3);
    refused?.remove();
    expect(found()).toEqual([1, 2, 3]);
  });

  it('is nothing where all commits succeeded', () => {
    expect(refusedLogOf(database, file)).toBeNull();
  });
});
