import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { direct, receive } from '../contract/changes.js';
import { conversationStoreContract } from '../contract/conversation-store.contract.js';
import { SqliteStore } from './sqlite-store.js';

// A worker thread runs built code.
const workerUrl = new URL('../../../dist/storage/sqlite/sqlite-worker.js', import.meta.url);

conversationStoreContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
  return {
    open: () => SqliteStore.open({ file: join(folder, 'messages.sqlite'), workerUrl }),
    dispose: () => rm(folder, { recursive: true }),
  };
});

it('leaves nothing of what was erased in any page or in the log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
  const open = (): Promise<SqliteStore> =>
    SqliteStore.open({ file: join(folder, 'messages.sqlite'), workerUrl });
  const isOnDisk = async (text: string): Promise<boolean> => {
    const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))));
    return files.some((bytes) => bytes.includes(text));
  };
  let store = await open();
  const conversation = testConversation('Alice', 'Bob');
  const bob = new TestFeed('Bob', conversation);
  const { author } = bob;
  await store.commit([direct(conversation, author)]);
  // Long texts lie on pages of their own; the index merges and splits its pages as it grows.
  for (let nth = 0; nth < 300; nth += 1) {
    const texts = [
      `before${nth}`,
      nth === 150 ? `zqcanary ${'zqcanary'.repeat(2_000)}` : 'between',
      `after${nth}`,
    ];
    await store.commit([receive(bob.batch(texts, { clock: testClock(nth) }))]);
    if (nth % 60 === 0) await store.search({ words: ['zqcanary'], limit: 1 });
  }
  await store.close();
  store = await open();
  expect(await store.search({ words: ['zqcanary'], limit: 1 })).toHaveLength(1);
  expect([await isOnDisk('zqcanary'), await isOnDisk('before')]).toEqual([true, true]);
  const { segment } = bob;
  await store.commit([{ type: 'erase', conversation, author, segment, seqs: [3 * 150 + 2] }]);
  expect([await isOnDisk('zqcanary'), await isOnDisk('qcanary')]).toEqual([false, false]);
  expect(await store.search({ words: ['after150'], limit: 10 })).toHaveLength(1);
  await store.close();
  expect(await isOnDisk('qcanary')).toBe(false);
  await rm(folder, { recursive: true });
});
