import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Batch } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StoredBatch } from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { openDatabase } from './database.js';
import { GroupCommit } from './group-commit.js';
import type { Answer, Call } from './thread-messages.js';

const CONVERSATION = testConversation('Alice', 'Bob');
const ALL = { batches: 1_000, bytes: Number.MAX_SAFE_INTEGER };

function append(...batches: Batch[]): Call {
  return { method: 'commit', args: [batches.map((batch) => ({ type: 'append', batch, keys: [] }))] };
}

function codes(answers: readonly Answer[]): (string | null)[] {
  return answers.map((answer) => ('error' in answer ? answer.error.code : null));
}

describe('GroupCommit', () => {
  let folder: string;
  let database: DatabaseSync;
  let commit: GroupCommit;
  let alice: TestFeed;
  let feed: Call;
  let clock: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-'));
    database = openDatabase(join(folder, 'messages.db'));
    commit = new GroupCommit(database);
    alice = new TestFeed('Alice', CONVERSATION);
    feed = { method: 'batches', args: [CONVERSATION, alice.author, 0, ALL] };
    clock = 0;
  });

  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });

  const next = (body = 'text'): Batch => alice.batch([body], { clock: testClock((clock += 1)) });

  function stored(answer: Answer | undefined = commit.run([feed])[0]): string[] {
    return (answer as { value: StoredBatch[] }).value.map(({ batch }) => batch.hash);
  }

  it('makes one commit of a group, none of reads alone', () => {
    const exec = vi.spyOn(database, 'exec');
    const calls: Call[] = [append(next()), feed, append(next()), { method: 'check', args: [] }];
    expect(codes(commit.run(calls))).toEqual([null, null, null, null]);
    expect(exec.mock.calls.flat().filter((sql) => sql === 'COMMIT')).toHaveLength(1);
    exec.mockClear();
    commit.run([feed, { method: 'conversations', args: [] }]);
    expect(exec).not.toHaveBeenCalled();
  });

  it('fails every write of a group on a full disk, leaves nothing of it, and goes on by itself', () => {
    const first = next();
    commit.run([append(first)]);
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.exec(`PRAGMA max_page_count = ${pages + 2}`);
    const [small, large, last] = [next(), next('x'.repeat(60_000)), next()];
    const group = [append(small), feed, append(large), append(last)];
    const answers = commit.run(group);
    expect(codes(answers)).toEqual(['storage-full', null, 'storage-full', 'storage-full']);
    expect(answers[0]).toMatchObject({ error: { outcome: 'none' } });
    // The read saw the batch before it was taken back; its answer must not.
    expect(stored(answers[1])).toEqual([first.hash]);
    expect(stored()).toEqual([first.hash]);
    database.exec(`PRAGMA max_page_count = ${pages + 1_000}`);
    expect(codes(commit.run(group))).toEqual([null, null, null, null]);
    expect(stored()).toEqual([first, small, large, last].map(({ hash }) => hash));
  });

  it.each([
    ['BEGIN IMMEDIATE', 'none'],
    ['COMMIT', 'unknown'],
  ])('tells of a group whose %s failed that its outcome is %s', (failing, outcome) => {
    const batch = next();
    const real = database.exec.bind(database);
    const exec = vi.spyOn(database, 'exec').mockImplementation((sql) => {
      if (sql !== failing) return real(sql);
      throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 });
    });
    expect(commit.run([append(batch)])).toMatchObject([{ error: { code: 'storage-unavailable', outcome } }]);
    exec.mockRestore();
    expect(codes(commit.run([append(batch)]))).toEqual([null]);
    expect(stored()).toEqual([batch.hash]);
  });

  it('fails a call that is at fault by itself alone, and takes all of it back', () => {
    const other = new TestFeed('Bob', CONVERSATION);
    const [first, second, third] = [next(), next(), next()];
    const theirs = other.batch(['theirs'], { clock: testClock(1) });
    const answers = commit.run([
      append(first),
      append(theirs, third),
      { method: 'noSuchMethod' as 'check', args: [] },
      append(second, third),
    ]);
    expect(codes(answers)).toEqual([null, 'storage-failed', 'storage-failed', null]);
    expect(stored()).toEqual([first, second, third].map(({ hash }) => hash));
    expect(
      stored(commit.run([{ method: 'batches', args: [CONVERSATION, other.author, 0, ALL] }])[0]),
    ).toEqual([]);
  });

  it('fails a read alone', () => {
    const batch = next();
    const search: Call = { method: 'search', args: [{ words: ['a'], before: 'unknown', limit: 1 }] };
    expect(codes(commit.run([append(batch), search]))).toEqual([null, 'message-unknown']);
    expect(stored()).toEqual([batch.hash]);
  });

  it('can commit after a read that stopped half-way', () => {
    commit.run([append(...Array.from({ length: 20 }, () => next()))]);
    const part: Call = { method: 'batches', args: [CONVERSATION, alice.author, 0, { batches: 9, bytes: 1 }] };
    expect(codes(commit.run([part, append(next()), part]))).toEqual([null, null, null]);
    expect(stored()).toHaveLength(21);
  });

  it('writes zeros for the bytes of a dropped batch, and gives back their space later', () => {
    const batch = next('secret '.repeat(1_000));
    const change = { type: 'receive', batch, receivedAt: 1, dropped: true };
    const bytes = (): unknown => database.prepare('SELECT bytes FROM batches').get()?.['bytes'];
    commit.run([{ method: 'commit', args: [[change]] }]);
    expect(bytes()).toEqual(new Uint8Array(batch.bytes.length));
    expect(commit.run([{ method: 'indexMore', args: [] }])).toEqual([{ value: { indexed: 1, last: 1 } }]);
    expect(bytes()).toBeNull();
  });
});
