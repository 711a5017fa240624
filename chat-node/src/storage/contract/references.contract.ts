import { type Batch, contentText, entriesOf, leafOf, type Reference } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listOf } from '../../core/conversations/references.js';
import type { ConversationStore, StoredBatch } from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { append, bodies, direct, receive, type StorePlace } from './changes.js';

const ALL = { batches: 1_000, bytes: Number.MAX_SAFE_INTEGER };

/** What every store does with entries that change others, and with what is erased or hidden. */
export function referencesContract(name: string, createPlace: () => Promise<StorePlace>): void {
  describe(`references of ConversationStore: ${name}`, () => {
    let place: StorePlace;
    let store: ConversationStore;
    let alice: TestFeed;
    let bob: TestFeed;
    let conversation: string;
    let now = 0;

    beforeEach(async () => {
      place = await createPlace();
      store = await place.open();
      conversation = testConversation('Alice', 'Bob');
      alice = new TestFeed('Alice', conversation);
      bob = new TestFeed('Bob', conversation);
      await store.commit([direct(conversation, bob.author)]);
    });

    afterEach(async () => {
      await store.close();
      await place.dispose();
    });

    const reopen = async (): Promise<void> => {
      await store.close();
      store = await place.open();
    };
    const clock = (): string => testClock((now += 1));
    const reference = (batch: Batch, seq = batch.first): Reference => ({
      author: batch.author,
      segment: batch.segment,
      seq,
      leaf: leafOf(batch, seq, alice.keys.sha256),
    });
    const reaction = (target: Reference): string => contentText({ kind: 'reaction', target, emoji: ['👍'] });
    const edit = (target: Reference, body: string): string => contentText({ kind: 'edit', target, body });
    const place1 = ({
      author,
      segment,
    }: Batch): { conversation: string; author: string; segment: string } => ({
      conversation,
      author,
      segment,
    });
    const referring = async (feed: TestFeed, batch: Batch, last = batch.first): Promise<string[]> => {
      const tag = feed.id(batch).split('-')[0] as string;
      const found = await store.referring([{ tag, first: batch.first, last }]);
      return found.map(({ batch: { hash } }) => hash).sort();
    };
    const held = async (batch: Batch): Promise<StoredBatch> =>
      (await store.batchOf(conversation, batch.author, batch.segment, batch.first)) as StoredBatch;
    const found = async (word: string): Promise<number> =>
      (await store.search({ words: [word], limit: 100 })).length;

    it('finds what refers to a message, whichever of them came first', async () => {
      const message = bob.batch(['one', 'two', 'three'], { clock: clock() });
      const both = alice.batch([], {
        clock: clock(),
        contents: [reaction(reference(message, 1)), edit(reference(message, 2), 'zwei')],
      });
      const other = alice.batch(['no reference'], { clock: clock() });
      await store.commit([append(both), append(other)]);
      await store.commit([receive(message)]);
      await reopen();
      expect(await referring(bob, message)).toEqual([both.hash]);
      expect(await referring(bob, { ...message, first: 2 }, 3)).toEqual([both.hash]);
      expect(await referring(bob, { ...message, first: 3 }, 3)).toEqual([]);
      expect(await referring(bob, { ...message, first: 1 }, 3)).toEqual([both.hash]);
      expect(await referring(alice, both)).toEqual([]);
      expect(await store.referring([])).toEqual([]);
    });

    it('finds what a conversation has a list of, in that conversation alone', async () => {
      const file = { name: 'a.txt', size: 1, type: 'text/plain', root: '0'.repeat(64) };
      const plain = alice.batch(['plain', '"files": "confirm"'], { clock: clock() });
      const announcement = bob.batch([], {
        clock: clock(),
        contents: [contentText({ kind: 'text', body: 'drill', confirm: true })],
      });
      const files = [alice, bob].map((feed) =>
        feed.batch([], { clock: clock(), contents: [contentText({ kind: 'file', files: [file] })] }),
      );
      await store.commit([append(plain), append(files[0]!), receive(announcement), receive(files[1]!)]);
      await reopen();
      const listed = async (...places: Parameters<typeof listOf>[]): Promise<string[]> => {
        const found = await store.referring(places.map((one) => listOf(...one)));
        return found.map(({ batch }) => batch.hash).sort();
      };
      const hashes = (...batches: Batch[]): string[] => batches.map(({ hash }) => hash).sort();
      expect(await listed(['confirm', conversation])).toEqual(hashes(announcement));
      expect(await listed(['file', conversation])).toEqual(hashes(...files));
      expect(await listed(['file', conversation], ['confirm', conversation])).toEqual(
        hashes(announcement, ...files),
      );
      expect(await listed(['file', testConversation('Alice', 'Carol')])).toEqual([]);
    });

    it('finds nothing of what was dropped', async () => {
      const message = alice.batch(['one'], { clock: clock() });
      await store.commit([append(message)]);
      await store.commit([
        receive(bob.batch([], { clock: clock(), contents: [reaction(reference(message))] }), true),
      ]);
      expect(await referring(alice, message)).toEqual([]);
      expect(await store.countSilent(conversation, bob.author, [{ segment: bob.segment, seq: 0 }])).toBe(0);
    });

    it('finds the message and the versions that a delete names', async () => {
      const message = bob.batch(['one'], { clock: clock() });
      const version = bob.batch([], { clock: clock(), contents: [edit(reference(message), 'eins')] });
      const target = reference(message);
      const contents = [contentText({ kind: 'delete', target, versions: [reference(version)] })];
      const gone = bob.batch([], { clock: clock(), contents });
      await store.commit([message, version, gone].map((one) => receive(one)));
      expect(await referring(bob, message)).toEqual([version.hash, gone.hash].sort());
      expect(await referring(bob, version)).toEqual([gone.hash]);
    });

    it('tells which entries have no line of their own, and counts them beyond a mark', async () => {
      const message = alice.batch(['one', 'two'], { clock: clock() });
      const target = reference(message);
      const mixed = bob.batch([], {
        clock: clock(),
        contents: [reaction(target), contentText({ kind: 'text', body: 'hello' }), reaction(target)],
      });
      const { segment } = mixed;
      await store.commit([append(message), receive(mixed)]);
      const text = bob.batch(['plain'], { clock: clock() });
      await store.commit([receive(text)]);
      await reopen();
      expect((await held(message)).silent).toEqual([]);
      expect((await held(mixed)).silent).toEqual([1, 3]);
      const count = (seq: number): Promise<number> =>
        store.countSilent(conversation, bob.author, [{ segment, seq }]);
      expect([await count(0), await count(1), await count(2), await count(3)]).toEqual([2, 1, 1, 0]);
      expect(await store.countSilent(conversation, bob.author, [])).toBe(0);
      expect(await store.countSilent(conversation, alice.author, [{ segment: alice.segment, seq: 0 }])).toBe(
        0,
      );
      await store.commit([{ type: 'silence', ...place1(mixed), seqs: [2, 9] }]);
      await store.commit([{ type: 'silence', ...place1(mixed), seqs: [2] }]);
      expect((await held(mixed)).silent.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
      expect([await count(0), await count(1)]).toEqual([3, 2]);
      expect(await found('hello')).toBe(0);
      expect(await found('plain')).toBe(1);
    });

    it('searches what edits say, too', async () => {
      const message = bob.batch(['before'], { clock: clock() });
      const version = bob.batch([], { clock: clock(), contents: [edit(reference(message), 'after')] });
      await store.commit([receive(message), receive(version)]);
      expect(await store.search({ words: ['after'], limit: 10 })).toEqual([
        await store.find(bob.id(version)),
      ]);
    });

    it.each([true, false])('erases entries for good, found before: %j', async (indexed) => {
      const batch = bob.batch(['keep canaryone', 'drop canarytwo', 'keep canarythree'], { clock: clock() });
      await store.commit([receive(batch)]);
      if (indexed) expect(await found('canary')).toBe(3);
      await store.commit([{ type: 'erase', ...place1(batch), seqs: [2, 7] }]);
      await store.commit([{ type: 'erase', ...place1(batch), seqs: [2] }]);
      const stored = await held(batch);
      expect(bodies([stored])).toEqual(['keep canaryone', 'unreadable', 'keep canarythree']);
      expect(entriesOf(stored.batch).map(({ erased }) => erased)).toEqual([false, true, false]);
      expect(stored.batch.hash).toBe(batch.hash);
      expect([await found('canarytwo'), await found('drop'), await found('canary')]).toEqual([0, 0, 2]);
      await store.commit([{ type: 'silence', ...place1(batch), seqs: [1, 2] }]);
      await store.commit([{ type: 'erase', ...place1(batch), seqs: [1] }]);
      expect([await found('canary'), await found('keep')]).toEqual([1, 1]);
      await reopen();
      expect(bodies([await held(batch)])).toEqual(['unreadable', 'unreadable', 'keep canarythree']);
      await store.commit([receive(bob.batch(['canary four'], { clock: clock() }))]);
      expect(await found('canary')).toBe(2);
    });

    it('erases an entry in the commit that brings it, and what it lacks is no fault', async () => {
      const batch = bob.batch(['canary'], { clock: clock() });
      const unknown = { ...place1(batch), segment: 'f'.repeat(32) };
      await store.commit([
        receive(batch),
        { type: 'erase', ...place1(batch), seqs: [1] },
        { type: 'erase', ...unknown, seqs: [1] },
        { type: 'silence', ...unknown, seqs: [1] },
        { type: 'forget', ids: [`${'a'.repeat(26)}-1`] },
      ]);
      expect(bodies([await held(batch)])).toEqual(['unreadable']);
      expect(await found('canary')).toBe(0);
      // Where the same batch comes again, it stays erased.
      await store.commit([receive(batch)]);
      expect(bodies([await held(batch)])).toEqual(['unreadable']);
    });

    it('forgets imported messages', async () => {
      const [id, other] = [`${'b'.repeat(26)}-1`, `${'b'.repeat(26)}-2`];
      const imported = { conversation, author: bob.author, clock: clock(), sentAt: 1, receivedAt: 2 };
      const messages = [id, other].map((one) => ({
        ...{ id: one, ...imported, state: 'read' as const },
        content: contentText({ kind: 'text', body: `canary ${one}` }),
      }));
      await store.commit([{ type: 'import', messages }]);
      expect(await found('canary')).toBe(2);
      await store.commit([{ type: 'forget', ids: [id] }]);
      await reopen();
      expect(await found('canary')).toBe(1);
      expect(await store.find(id)).toBeNull();
      expect(await store.find(other)).not.toBeNull();
      expect(await store.batches(conversation, bob.author, 0, ALL)).toEqual([]);
    });
  });
}
