import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { splitIds } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message } from '../../../chat/message.js';
import { packRuns } from '../../../chat/message-run.js';
import { clockOf, incoming, outgoing } from '../../../chat/ports/message.repository.contract.js';
import { openDatabase } from './database.js';
import { MessageStore } from './message-store.js';
import { runsOf } from './queued-texts.js';

const CONVERSATION = outgoing(1).conversationId;

/** Messages with clocks from `first` on. */
function written(first: number, count: number): Message[] {
  return Array.from({ length: count }, (_, at) => outgoing(first + at));
}

function joined(messages: readonly Message[]): string {
  return messages.map(({ id }) => id).join('');
}

describe('acks', () => {
  let folder: string;
  let database: DatabaseSync;
  let store: MessageStore;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-'));
    database = openDatabase(join(folder, 'messages.db'));
    store = new MessageStore(database);
  });

  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });

  /** A new start: nothing of the old one but the file. */
  function restart(): void {
    store.flush();
    store = new MessageStore(database);
  }

  function queued(): string[] {
    const parts = store.queued(CONVERSATION, '', 100_000, 100_000_000);
    return parts.flatMap((part) => runsOf(CONVERSATION, part)).flatMap(({ ids }) => splitIds(ids));
  }

  function changedRows(): number {
    return database.prepare('SELECT total_changes() AS n').get()?.['n'] as number;
  }

  it('that come in order write one row, whatever their number', () => {
    const messages = written(1, 1_000);
    store.addOutgoing(packRuns(messages));
    store.flush();
    const before = changedRows();
    expect(store.setState(CONVERSATION, joined(messages.slice(0, 600)), 'delivered')).toBeNull();
    expect(store.setState(CONVERSATION, joined(messages.slice(600, 900)), 'delivered')).toBeNull();
    store.flush();
    expect(changedRows() - before).toBe(1);
    expect(queued()).toEqual(messages.slice(900).map(({ id }) => id));
  });

  it('that come in order after a restart write one row too, past what is looked up at once', () => {
    const messages = written(1, 5_000);
    store.addOutgoing(packRuns(messages));
    restart();
    store.addOutgoing(packRuns(written(6_000, 10)));
    store.flush();
    const before = changedRows();
    for (let at = 0; at < 5_000; at += 500) {
      expect(store.setState(CONVERSATION, joined(messages.slice(at, at + 500)), 'delivered')).toBeNull();
    }
    store.flush();
    expect(changedRows() - before).toBe(1);
    expect(queued()).toHaveLength(10);
    expect(store.conversation(CONVERSATION)).toMatchObject({ queued: 10 });
  });

  it('in any order come to the same, with restarts in between', () => {
    const messages = written(1, 60);
    const order = [3, 0, 1, 2, 5, 4, 9, 8, 7, 6, 10, 20, 11, 12, 59];
    store.addOutgoing(packRuns(messages.slice(0, 30)));
    store.addIncoming(packRuns([incoming(15), incoming(40)]));
    store.addOutgoing(
      packRuns(messages.slice(30).map((one) => ({ ...one, clock: clockOf(100 + parseInt(one.clock, 16)) }))),
    );
    const left = new Set(messages.map(({ id }) => id));
    for (const [nth, at] of order.entries()) {
      const { id } = messages[at] as Message;
      expect(store.setState(CONVERSATION, id + id, 'delivered')).toEqual([id]);
      left.delete(id);
      if (nth % 4 === 3) restart();
      expect(queued()).toEqual([...left]);
      expect(store.conversation(CONVERSATION)).toMatchObject({ queued: left.size });
    }
    expect(store.setState(CONVERSATION, joined(messages), 'delivered')).toEqual([...left]);
    expect(queued()).toEqual([]);
    const states = store.history(CONVERSATION, { limit: 100 }).filter((one) => one.direction === 'out');
    expect(new Set(states.map((one) => one.state))).toEqual(new Set(['delivered']));
  });

  it('pass over what failed or was read before', () => {
    const messages = written(1, 6);
    store.addOutgoing(packRuns(messages));
    const [a, b, c] = messages as [Message, Message, Message];
    store.setState(CONVERSATION, b.id, 'failed', 'body-too-large');
    store.setState(CONVERSATION, c.id, 'read');
    expect(store.setState(CONVERSATION, joined(messages), 'delivered')).toEqual(
      [a, ...messages.slice(3)].map(({ id }) => id),
    );
    expect(store.history(CONVERSATION, { limit: 10 }).map((one) => one.state)).toEqual([
      'delivered',
      'failed',
      'read',
      'delivered',
      'delivered',
      'delivered',
    ]);
  });

  it('of what was rolled back are for nobody', () => {
    const [kept, lost] = [written(1, 2), written(3, 2)];
    store.addOutgoing(packRuns(kept));
    store.flush();
    database.exec('BEGIN');
    store.addOutgoing(packRuns(lost));
    store.setState(CONVERSATION, joined(kept), 'delivered');
    store.flush();
    database.exec('ROLLBACK');
    store.forget();
    expect(queued()).toEqual(kept.map(({ id }) => id));
    expect(store.setState(CONVERSATION, joined([...kept, ...lost]), 'delivered')).toEqual(
      kept.map(({ id }) => id),
    );
  });
});

describe('reading', () => {
  let folder: string;
  let database: DatabaseSync;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'p2p-chat-'));
    database = openDatabase(join(folder, 'messages.db'));
  });

  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });

  it('never goes through all messages, and pages come from an index in their order', () => {
    const prepare = vi.spyOn(database, 'prepare');
    const created = new MessageStore(database);
    const statements = prepare.mock.calls.map(([sql]) => sql);
    expect(created.conversations()).toEqual([]);
    expect(statements.length).toBeGreaterThan(10);
    for (const sql of statements) {
      const steps = database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => detail);
      expect.soft(steps.join('; '), sql).not.toMatch(/SCAN (m|messages)\b/);
      if (/LIMIT \?/.test(sql)) expect.soft(steps.join('; '), sql).not.toContain('TEMP B-TREE');
    }
  });

  it('marks each message once, also those that arrive before what was read', () => {
    const store = new MessageStore(database);
    for (let n = 10; n < 200; n += 1) {
      if (n % 3 === 0) store.addOutgoing(packRuns([outgoing(n)]));
      else store.addIncoming(packRuns([incoming(n)]));
      if (n % 16 === 0) store.markRead(CONVERSATION, clockOf(n - 4), { limit: 3, receipts: true });
      if (n % 16 === 7)
        store.addIncoming(packRuns([incoming(n - 10), incoming(n + 1, { clock: clockOf(n - 20) })]));
    }
    const unread = store
      .history(CONVERSATION, { limit: 1_000 })
      .filter((one) => one.direction === 'in' && one.state === 'delivered');
    expect(store.conversation(CONVERSATION)).toMatchObject({ unread: unread.length });
    const marked = store.markRead(CONVERSATION, null, { limit: 1_000, receipts: true });
    expect(marked.toSorted()).toEqual(unread.map(({ id }) => id).toSorted());
    expect(store.markRead(CONVERSATION, null, { limit: 1_000, receipts: true })).toEqual([]);
    expect(store.conversation(CONVERSATION)).toMatchObject({ unread: 0 });
  });
});
