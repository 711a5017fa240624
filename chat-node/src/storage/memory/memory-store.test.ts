import { expect, it } from 'vitest';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { append, receive } from '../contract/changes.js';
import { conversationStoreContract } from '../contract/conversation-store.contract.js';
import { MemoryDisk, MemoryStore } from './memory-store.js';

// The store of the core's own tests keeps the same contract as the real ones.
conversationStoreContract('memory', async () => {
  const disk = new MemoryDisk();
  return { open: async () => new MemoryStore(disk), dispose: async () => undefined };
});

const conversation = testConversation('Alice', 'Bob');
const newFeed = (): TestFeed => new TestFeed('Alice', conversation);
const count = async (disk: MemoryDisk): Promise<number> =>
  (await new MemoryStore(disk).after(conversation, { clock: '', position: 0 }, 99)).length;

it('loses in a crash what was not committed, and keeps the rest', async () => {
  const [disk, feed] = [new MemoryDisk(), newFeed()];
  const store = new MemoryStore(disk);
  await store.commit([append(feed.batch(['kept'], { clock: testClock(1) }))]);
  const settled: string[] = [];
  void store.commit([append(feed.batch(['lost'], { clock: testClock(2) }))]).finally(() => settled.push('x'));
  store.crash();
  expect(await count(disk)).toBe(1);
  expect(settled).toEqual([]);
});

it('refuses commits and checks while the disk is full, and reads on', async () => {
  const [disk, feed] = [new MemoryDisk(), newFeed()];
  const store = new MemoryStore(disk);
  const changes = [append(feed.batch(['x'], { clock: testClock(1) }))];
  disk.full = true;
  const full = { code: 'storage-full', outcome: 'none' };
  await expect(store.commit(changes)).rejects.toMatchObject(full);
  await expect(store.check()).rejects.toMatchObject(full);
  expect(await store.peers()).toEqual([]);
  disk.full = false;
  await store.commit(changes);
  expect(await count(disk)).toBe(1);
});

it.each([
  [true, 1],
  [false, 0],
])('leaves a commit of unknown outcome done or not, as a test says: %s', async (lands, batches) => {
  const [disk, feed] = [new MemoryDisk(), newFeed()];
  const store = new MemoryStore(disk);
  const changes = [append(feed.batch(['x'], { clock: testClock(1) }))];
  disk.away = () => lands;
  await expect(store.commit(changes)).rejects.toMatchObject({
    code: 'storage-unavailable',
    outcome: 'unknown',
  });
  expect(await count(disk)).toBe(batches);
  disk.away = null;
  await store.commit(changes);
  expect(await count(disk)).toBe(1);
});

it('is copied and restored as a whole', async () => {
  const [disk, feed] = [new MemoryDisk(), newFeed()];
  const store = new MemoryStore(disk);
  await store.commit([receive(feed.batch(['before'], { clock: testClock(1) }))]);
  const backup = disk.clone();
  await store.commit([receive(feed.batch(['after'], { clock: testClock(2) }))]);
  expect([await count(disk), await count(backup)]).toEqual([2, 1]);
  disk.restore(backup);
  expect(await count(disk)).toBe(1);
});
