import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../../../chat/message.js';
import { packRuns } from '../../../chat/message-run.js';
import { incoming, outgoing } from '../../../chat/ports/message.repository.contract.js';
import { openDatabase } from './database.js';
import { GroupCommit } from './group-commit.js';
import { MessageStore } from './message-store.js';
import type { Answer, Call } from './operations.js';
import { PeerStore } from './peer-store.js';
import { SearchStore } from './search-store.js';

const CONVERSATION = outgoing(1).conversationId;

function call(method: string, ...args: unknown[]): Call {
  return { store: 'messages', method, args };
}

function codes(answers: readonly Answer[]): (string | null)[] {
  return answers.map((answer) => ('error' in answer ? answer.error.code : null));
}

describe('GroupCommit', () => {
  let folder: string;
  let database: DatabaseSync;
  let commit: GroupCommit;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-'));
    database = openDatabase(join(folder, 'messages.db'));
    commit = new GroupCommit(database, {
      messages: new MessageStore(database),
      peers: new PeerStore(database),
      search: new SearchStore(database),
    });
  });

  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });

  function history(): Message[] {
    const [answer] = commit.run([call('history', CONVERSATION, { limit: 100 })]);
    return (answer as { value: Message[] }).value;
  }

  it('makes one commit of a group', () => {
    const exec = vi.spyOn(database, 'exec');
    const answers = commit.run([
      call('addOutgoing', packRuns([outgoing(1)])),
      call('conversation', CONVERSATION),
      call('addIncoming', packRuns([incoming(2)])),
      call('markRead', CONVERSATION, null, { limit: 10, receipts: true }),
    ]);
    expect(codes(answers)).toEqual([null, null, null, null]);
    expect(exec.mock.calls.flat().filter((sql) => sql === 'COMMIT')).toHaveLength(1);
  });

  it('makes none for reads alone', () => {
    const exec = vi.spyOn(database, 'exec');
    commit.run([call('conversations'), call('queued', CONVERSATION, '', 10, 10)]);
    expect(exec).not.toHaveBeenCalled();
  });

  it('fails every write of a group on a full disk, leaves nothing of it, and goes on by itself', () => {
    const first = outgoing(1);
    commit.run([call('addOutgoing', packRuns([first]))]);
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.exec(`PRAGMA max_page_count = ${pages + 2}`);

    const [small, large] = [incoming(2), outgoing(3, { body: 'x'.repeat(64 * 1024) })];
    const group = [
      call('addIncoming', packRuns([small])),
      call('find', CONVERSATION, small.id),
      call('addOutgoing', packRuns([large])),
      call('setState', CONVERSATION, first.id, 'delivered'),
    ];
    const answers = commit.run(group);
    expect(codes(answers)).toEqual(['storage-full', null, 'storage-full', 'storage-full']);
    // The read saw the message before it was taken back; its answer must not.
    expect(answers[1]).toEqual({ value: null });
    expect(history()).toEqual([first]);
    expect(commit.run([call('conversation', CONVERSATION)])).toEqual([
      {
        value: {
          id: CONVERSATION,
          kind: 'direct',
          unread: 0,
          queued: 1,
          lastClock: first.clock,
          last: first,
        },
      },
    ]);

    database.exec(`PRAGMA max_page_count = ${pages + 1_000}`);
    expect(codes(commit.run(group))).toEqual([null, null, null, null]);
    expect(history()).toEqual([{ ...first, state: 'delivered' }, small, large]);
  });

  it('fails a call that is at fault by itself alone', () => {
    const [good, other] = [outgoing(1), outgoing(2)];
    const bad = packRuns([outgoing(3)]).map((run) => ({ ...run, bodies: 'no JSON' }));
    const answers = commit.run([
      call('addOutgoing', packRuns([good])),
      call('addOutgoing', bad),
      call('addOutgoing', packRuns([other])),
      call('noSuchMethod'),
    ]);
    expect(codes(answers)).toEqual([null, 'storage-failed', null, 'storage-failed']);
    expect(history()).toEqual([good, other]);
  });

  it('fails a read alone', () => {
    const message = outgoing(1);
    const answers = commit.run([
      call('addOutgoing', packRuns([message])),
      call('history', CONVERSATION, { before: 'unknown', limit: 1 }),
    ]);
    expect(codes(answers)).toEqual([null, 'message-unknown']);
    expect(history()).toEqual([message]);
  });

  it('can commit after a read that stopped half-way', () => {
    const messages = Array.from({ length: 20 }, (_, n) => outgoing(n));
    commit.run([call('addOutgoing', packRuns(messages))]);
    const answers = commit.run([
      call('queued', CONVERSATION, '', 100, 1),
      call('addOutgoing', packRuns([outgoing(50)])),
      call('queued', CONVERSATION, '', 100, 1),
    ]);
    expect(codes(answers)).toEqual([null, null, null]);
    expect(history()).toHaveLength(21);
  });
});
