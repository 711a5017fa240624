import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../chat/message.js';
import { packRuns } from '../../../chat/message-run.js';
import { incoming } from '../../../chat/ports/message.repository.contract.js';
import { openDatabase } from './database.js';
import { MessageStore } from './message-store.js';

const KiB = 1024;

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

/** Messages that arrive, each with this body. */
function messages(count: number, body: string): Message[] {
  return Array.from({ length: count }, (_, at) => incoming(at + 1, { body, receivedAt: 1 }));
}

const rows = (sql: string): unknown[] => database.prepare(sql).all();

describe('messages that were dropped', () => {
  it('leave their size, and nothing of what they said', () => {
    const body = 'for nobody: é\u{1f600}';
    store.addDropped(packRuns(messages(2, body)));
    const left = { bytes: Buffer.byteLength(body), content: '00'.repeat(Buffer.byteLength(body)) };
    expect(rows('SELECT octet_length(body) AS bytes, hex(body) AS content FROM dropped_messages')).toEqual([
      left,
      left,
    ]);
  });

  it('are counted once, repeats not, nor those that were saved before a block', () => {
    const [saved, first, second] = messages(3, 'x') as [Message, Message, Message];
    store.addIncoming(packRuns([saved]));
    store.addDropped(packRuns([saved, first]));
    store.addDropped(packRuns([first, second, saved]));
    expect(rows('SELECT peer_id, count FROM dropped')).toEqual([{ peer_id: saved.author, count: 2 }]);
    expect(rows('SELECT count(*) AS n FROM dropped_messages')).toEqual([{ n: 2 }]);
  });

  it.each([
    ['10,000', 'x', 10_000],
    ['16 MiB', 'x'.repeat(64 * KiB), 256],
  ])('take no more room than that of %s, over restarts too, and stay counted', (_, body, most) => {
    const add = (count: number): void => store.addDropped(packRuns(messages(count, body)));
    const left = (): number =>
      database.prepare('SELECT count(*) AS n FROM dropped_messages').get()?.['n'] as number;
    add(most - 10);
    expect(left()).toBe(most - 10);
    store = new MessageStore(database);
    add(20);
    expect(left()).toBeLessThanOrEqual(10);
    expect(rows('SELECT count FROM dropped')).toEqual([{ count: most + 10 }]);
  });
});
