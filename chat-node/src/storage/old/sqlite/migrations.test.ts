import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationSummary } from '../../../chat/conversation.js';
import { compareMessages, type Message } from '../../../chat/message.js';
import type { PeerRecord } from '../../../chat/peer.js';
import { SCHEMA_VERSION } from './migrations.js';
import { SqliteStorage } from './sqlite-storage.js';

const FIXTURES = new URL('./fixtures/', import.meta.url);
const workerUrl = new URL('../../../../dist/storage/old/sqlite/sqlite-worker.js', import.meta.url);

/** What the program of that version gave through its ports before the file was put aside. */
interface Expected {
  conversations: ConversationSummary[];
  peers: PeerRecord[];
  dropped: { peer_id: string; count: number }[];
  of: Record<string, { history: Message[]; queued: string[]; receiptsDue: string[] }>;
}

describe('a database of version 1', () => {
  let folder: string;
  let file: string;
  let expected: Expected;
  let storage: SqliteStorage;

  async function open(): Promise<void> {
    storage = await SqliteStorage.open({ file, workerUrl });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
    file = join(folder, 'messages.sqlite');
    await copyFile(new URL('version-1.sqlite', FIXTURES), file);
    expected = JSON.parse(await readFile(new URL('version-1.json', FIXTURES), 'utf8')) as Expected;
    await open();
  });

  afterEach(async () => {
    await storage.close();
    await rm(folder, { recursive: true });
  });

  async function everything(): Promise<Omit<Expected, 'dropped'>> {
    const { messages, peers } = storage;
    const of: Expected['of'] = {};
    for (const id of Object.keys(expected.of)) {
      of[id] = {
        history: await messages.history(id, { limit: 100 }),
        queued: (await messages.queued(id, '', 100, 1_000_000)).map((one) => one.id),
        receiptsDue: await messages.receiptsDue(id, 100),
      };
    }
    const all = (await peers.all()).sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
    return { conversations: await messages.conversations(), peers: all, of };
  }

  it('holds all that it held, in this version, and again after the next start', async () => {
    const { dropped, ...before } = expected;
    expect(await everything()).toEqual(before);
    await storage.close();
    const database = new DatabaseSync(file);
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: SCHEMA_VERSION });
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    expect(database.prepare('SELECT peer_id, count FROM dropped').all()).toEqual(dropped);
    database.close();
    await open();
    expect(await everything()).toEqual(before);
  });

  it('knows its messages again when they come a second time', async () => {
    for (const { history } of Object.values(expected.of)) {
      const received = history.filter(({ direction }) => direction === 'in');
      expect(await storage.messages.addIncoming(received)).toEqual(received.map(() => false));
      await storage.messages.addOutgoing(history.filter(({ direction }) => direction === 'out'));
    }
    const { dropped: _, ...before } = expected;
    expect(await everything()).toEqual(before);
  });

  it('can be searched', async () => {
    const found = await storage.search.search({ words: ['upper', 'half'], limit: 10 });
    expect(found).toEqual(
      expected.conversations.map(({ last }) => last).filter((one) => /upper/.test(one?.body ?? '')),
    );
    expect(found).toHaveLength(1);
  });

  it('goes on from where it was: what waited is delivered, read and receipted, and new messages follow', async () => {
    const { messages } = storage;
    for (const [id, { queued, receiptsDue, history }] of Object.entries(expected.of)) {
      const [model] = history.filter(({ direction }) => direction === 'out');
      const last = history.at(-1);
      if (model === undefined || last === undefined) continue;
      const next: Message = {
        ...model,
        id: model.id.replace(/^.{8}/, '01950000'),
        clock: (BigInt(`0x${last.clock}`) + 1n).toString(16).padStart(16, '0'),
        body: 'new',
        state: 'queued',
      };
      await messages.addOutgoing([next]);
      expect((await messages.queued(id, '', 100, 1_000_000)).map((one) => one.id)).toEqual([
        ...queued,
        next.id,
      ]);
      expect(await messages.setState(id, [...queued, next.id], 'delivered')).toEqual([...queued, next.id]);
      expect(await messages.queued(id, '', 100, 1_000_000)).toEqual([]);

      const unread = history.filter((one) => one.direction === 'in' && one.state === 'delivered');
      expect(await messages.markRead(id, null, { limit: 100, receipts: true })).toEqual(
        unread.map((one) => one.id),
      );
      const due = new Set([...receiptsDue, ...unread.map((one) => one.id)]);
      expect(new Set(await messages.receiptsDue(id, 100))).toEqual(due);
      await messages.receiptsSent(id, [...due]);
      expect(await messages.receiptsDue(id, 100)).toEqual([]);
      expect(await messages.conversation(id)).toMatchObject({ unread: 0, queued: 0, last: { id: next.id } });
      expect((await messages.history(id, { limit: 100 })).map((one) => one.id)).toEqual(
        [...history, next].sort(compareMessages).map((one) => one.id),
      );
    }
  });
});
