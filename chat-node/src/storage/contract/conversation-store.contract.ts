import { type Batch, contentText, entriesOf, MAX_FORK_DETAIL_BYTES, MAX_SEQ, tipOf } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerRecord } from '../../core/peers/peer.js';
import type {
  Change,
  ConversationStore,
  ImportedMessage,
  StoredBatch,
} from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { append, bodies, direct, receive, type StorePlace } from './changes.js';
import { referencesContract } from './references.contract.js';
import { searchContract } from './search.contract.js';

const END = { clock: 'f'.repeat(16), position: Number.MAX_SAFE_INTEGER };
const START = { clock: '0'.repeat(16), position: 0 };
const ALL = { batches: 1_000, bytes: Number.MAX_SAFE_INTEGER };

const hashes = (batches: readonly StoredBatch[]): string[] => batches.map(({ batch }) => batch.hash);
const peer = (peerId: string, change: Partial<PeerRecord> = {}): PeerRecord => ({
  peerId,
  user: 'Zoë',
  blocked: false,
  verified: true,
  contact: true,
  knownAs: null,
  addresses: [{ host: '2001:db8::1', port: 7780 }],
  firstSeenAt: 1,
  lastSeenAt: 2,
  announcedSeq: 1_764_547_200_000,
  ...change,
});

/** What every store has to keep. */
export function conversationStoreContract(name: string, createPlace: () => Promise<StorePlace>): void {
  searchContract(name, createPlace);
  referencesContract(name, createPlace);

  describe(`ConversationStore: ${name}`, () => {
    let place: StorePlace;
    let store: ConversationStore;
    let alice: TestFeed;
    let bob: TestFeed;
    let conversation: string;

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
    const feed = (author: string): Promise<StoredBatch[]> => store.batches(conversation, author, 0, ALL);
    const refused = (changes: readonly Change[]): Promise<unknown> =>
      store.commit(changes).then(
        () => 'done',
        (error: unknown) => error,
      );

    describe('batches', () => {
      it('come back as they were, with when they arrived, also after another start', async () => {
        const [mine, theirs] = [
          alice.batch(['hello', 'Zoë 🙂'], { clock: testClock(1) }),
          bob.batch(['hi'], { clock: testClock(2) }),
        ];
        await store.commit([append(mine), receive(theirs)]);
        await reopen();
        const [own] = await feed(alice.author);
        const [other] = await feed(bob.author);
        expect(own).toMatchObject({ receivedAt: null, batch: { hash: mine.hash, count: 2, first: 1 } });
        expect(Buffer.from(own?.batch.bytes ?? [])).toEqual(Buffer.from(mine.bytes));
        expect(other).toMatchObject({ receivedAt: 5_000, batch: { hash: theirs.hash } });
        expect(bodies([own as StoredBatch])).toEqual(['hello', 'Zoë 🙂']);
      });

      it('that are committed again change nothing', async () => {
        const first = alice.batch(['one'], { clock: testClock(1) });
        const second = alice.batch(['two'], { clock: testClock(2) });
        await store.commit([append(first)]);
        await store.commit([append(first), append(second)]);
        await store.commit([append(first), append(second)]);
        await store.commit([receive(first)]);
        expect(await feed(alice.author)).toMatchObject([
          { receivedAt: null, batch: { hash: first.hash } },
          { receivedAt: null, batch: { hash: second.hash } },
        ]);
      });

      it('that leave a gap or fork are refused, and nothing of their commit is done', async () => {
        const [fork, overlap] = [new TestFeed('Alice', conversation), new TestFeed('Alice', conversation)];
        const first = alice.batch(['one', 'and a half'], { clock: testClock(1) });
        alice.batch(['two'], { clock: testClock(2) });
        const gap = alice.batch(['three'], { clock: testClock(3) });
        alice.newSegment();
        alice.batch(['never seen'], { clock: testClock(4) });
        const headless = alice.batch(['second of its segment'], { clock: testClock(5) });
        overlap.batch(['one'], { clock: testClock(1) });
        await store.commit([append(first)]);
        for (const wrong of [
          gap,
          headless,
          fork.batch(['another one'], { clock: testClock(1) }),
          overlap.batch(['and another half', 'and more'], { clock: testClock(2) }),
        ]) {
          const refusal = await refused([
            { type: 'peer', record: peer(bob.author) },
            append(bob.batch(['not alone'], { clock: testClock(1), segment: bob.newSegment() }), 'key'),
            receive(wrong),
          ]);
          expect(refusal).toMatchObject({ code: 'storage-failed', outcome: 'none' });
        }
        await reopen();
        expect(hashes(await feed(alice.author))).toEqual([first.hash]);
        expect(await store.segments(conversation, alice.author)).toMatchObject([{ tip: tipOf(first) }]);
        expect([await store.peers(), await feed(bob.author)]).toEqual([[], []]);
        expect(await store.keyed(conversation, 'key')).toBeNull();
      });

      it('of one commit are all there or none, with what was committed beside them', async () => {
        const [mine, theirs] = [
          alice.batch(['mine'], { clock: testClock(1) }),
          bob.batch(['theirs'], { clock: testClock(2) }),
        ];
        const watermark = { conversation, author: bob.author, member: alice.author, have: [tipOf(theirs)] };
        const changes: Change[] = [
          append(mine, 'key'),
          receive(theirs),
          { type: 'watermark', watermark: { ...watermark, read: [] } },
          { type: 'peer', record: peer(bob.author) },
        ];
        await store.commit(changes);
        await store.commit(changes);
        await store.commit([]);
        await reopen();
        expect(bodies([...(await feed(alice.author)), ...(await feed(bob.author))])).toEqual([
          'mine',
          'theirs',
        ]);
        expect(await store.keyed(conversation, 'key')).toEqual({ segment: mine.segment, seq: 1 });
        expect(await store.peers()).toEqual([peer(bob.author)]);
        expect((await store.conversations())[0]?.watermarks).toEqual([{ ...watermark, read: [] }]);
      });

      it('keep numbers and clocks of any size, and texts of any kind', async () => {
        const last = '0699e991a7ffff00';
        const odd = [
          contentText({ kind: 'text', body: '\u0000 \u2028 "quoted" \\ \n 🙂' }),
          'no JSON',
          '{"kind":"__proto__","n":1e400}',
        ];
        const batch = bob.batch([], { clock: last, contents: odd });
        const mark = { segment: 'f'.repeat(32), seq: MAX_SEQ };
        const tip = { ...mark, clock: last, hash: 'f'.repeat(64) };
        const watermark = { conversation, author: bob.author, member: alice.author };
        await store.commit([
          { type: 'receive', batch, receivedAt: Number.MAX_SAFE_INTEGER, dropped: false },
          { type: 'watermark', watermark: { ...watermark, have: [tip], read: [mark] } },
        ]);
        await reopen();
        const [stored] = await feed(bob.author);
        expect(stored).toMatchObject({ receivedAt: Number.MAX_SAFE_INTEGER, batch: { hash: batch.hash } });
        expect(entriesOf((stored as StoredBatch).batch).map(({ content }) => content)).toEqual(odd);
        expect((await store.conversations())[0]).toMatchObject({
          lastClock: '0699e991a7ffff02',
          watermarks: [{ have: [tip], read: [mark] }],
        });
        expect(hashes(await store.around(conversation, '0699e991a7ffff01'))).toEqual([batch.hash]);
        expect(await store.around(conversation, END.clock)).toEqual([]);
      });

      it('are paged by position, by number and by size', async () => {
        const all = [1, 2, 3, 4, 5].map((n) => alice.batch([`text ${n}`], { clock: testClock(n) }));
        await store.commit(all.map((one) => append(one)));
        const first = await store.batches(conversation, alice.author, 0, { ...ALL, batches: 2 });
        expect(bodies(first)).toEqual(['text 1', 'text 2']);
        const next = await store.batches(conversation, alice.author, first[1]?.position ?? 0, {
          batches: 9,
          bytes: 1,
        });
        expect(bodies(next)).toEqual(['text 3']);
        expect(bodies(await store.batches(conversation, alice.author, next[0]?.position ?? 0, ALL))).toEqual([
          'text 4',
          'text 5',
        ]);
        expect(await store.batches(conversation, bob.author, 0, ALL)).toEqual([]);
      });

      it('have positions that rise over starts and authors', async () => {
        await store.commit([append(alice.batch(['1'], { clock: testClock(1) }))]);
        await reopen();
        await store.commit([receive(bob.batch(['2'], { clock: testClock(2) }))]);
        await reopen();
        await store.commit([append(alice.batch(['3'], { clock: testClock(3) }))]);
        const [one, three] = await feed(alice.author);
        const [two] = await feed(bob.author);
        expect((one?.position ?? 0) < (two?.position ?? 0)).toBe(true);
        expect((two?.position ?? 0) < (three?.position ?? 0)).toBe(true);
      });

      it('are found by any of their entries', async () => {
        await store.commit([append(alice.batch(['1', '2', '3'], { clock: testClock(1) }))]);
        await store.commit([append(alice.batch(['4'], { clock: testClock(2) }))]);
        const at = async (seq: number, segment = alice.segment): Promise<string[]> => {
          const found = await store.batchOf(conversation, alice.author, segment, seq);
          return found === null ? [] : bodies([found]);
        };
        expect([await at(1), await at(2), await at(3)]).toEqual(Array(3).fill(['1', '2', '3']));
        expect(await at(4)).toEqual(['4']);
        expect([await at(5), await at(0), await at(MAX_SEQ), await at(1, 'f'.repeat(32))]).toEqual([
          [],
          [],
          [],
          [],
        ]);
        expect(await store.batchOf(conversation, bob.author, alice.segment, 1)).toBeNull();
      });
    });

    describe('a batch that comes late', () => {
      it('is the first that is held of its segment, and names the tip before it', async () => {
        const before = alice.batch(['never here', 'nor this'], { clock: testClock(1) });
        const late = alice.batch(['here'], { clock: testClock(2) });
        const next = alice.batch(['and here'], { clock: testClock(3) });
        const arrived: Change = { ...receive(late), late: true } as Change;
        await store.commit([arrived]);
        await store.commit([arrived]);
        await store.commit([receive(next)]);
        await reopen();
        expect(hashes(await feed(alice.author))).toEqual([late.hash, next.hash]);
        expect(await store.segments(conversation, alice.author)).toMatchObject([
          { tip: tipOf(next), links: [{ first: 3, follows: [tipOf(before)] }] },
        ]);
      });
    });

    describe('operations of rosters', () => {
      const operation = (hash: string, id: string, byte: number) => ({
        ...{ hash: hash.repeat(64), conversation: id },
        bytes: Uint8Array.of(byte, 0, 255),
      });

      it('come back as they were, each once, for their conversation', async () => {
        const other = testConversation('Alice', 'Cat');
        const one = operation('a', conversation, 1);
        const two = { ...operation('b', conversation, 2), bytes: new Uint8Array(MAX_FORK_DETAIL_BYTES) };
        await store.commit([{ type: 'roster', operations: [one, two] }]);
        await store.commit([
          { type: 'roster', operations: [{ ...one, bytes: Uint8Array.of(9) }, operation('c', other, 3)] },
        ]);
        await reopen();
        const back = await store.roster(conversation);
        const plain = back.map((kept) => ({ ...kept, bytes: Uint8Array.from(kept.bytes) }));
        expect(plain.sort((a, b) => (a.hash < b.hash ? -1 : 1))).toEqual([one, two]);
        expect(await store.roster(other)).toHaveLength(1);
        expect(await store.roster(testConversation('Bob', 'Cat'))).toEqual([]);
      });
    });

    describe('segments', () => {
      it('tell their tips and what their batches follow beside them', async () => {
        const first = alice.batch(['1'], { clock: testClock(1) });
        const second = alice.batch(['2'], { clock: testClock(2) });
        alice.newSegment();
        const third = alice.batch(['3'], { clock: testClock(3), follows: [tipOf(second)] });
        await store.commit([append(first), append(second), append(third)]);
        await reopen();
        const segments = await store.segments(conversation, alice.author);
        expect(segments.toSorted((a, b) => (a.tip.clock < b.tip.clock ? -1 : 1))).toEqual([
          { segment: first.segment, tag: alice.id(first).slice(0, 26), tip: tipOf(second), links: [] },
          {
            segment: third.segment,
            tag: alice.id(third).slice(0, 26),
            tip: tipOf(third),
            links: [{ first: 1, follows: [tipOf(second)] }],
          },
        ]);
        expect(await store.segments(conversation, bob.author)).toEqual([]);
      });

      it('that another batch follows are no tips', async () => {
        const tips = async (): Promise<string[]> => {
          const [snapshot] = await store.conversations();
          return (snapshot?.feeds ?? []).flatMap((one) => one.tips.map(({ hash }) => hash)).sort();
        };
        const one = alice.batch(['1'], { clock: testClock(1) });
        alice.newSegment();
        const copy = alice.batch(['from a copy'], { clock: testClock(2) });
        await store.commit([append(one), append(copy)]);
        expect(await tips()).toEqual([one.hash, copy.hash].sort());
        const both = alice.batch(['after both'], { clock: testClock(3), follows: [tipOf(one)] });
        await store.commit([append(both)]);
        expect(await tips()).toEqual([both.hash]);
        await reopen();
        expect(await tips()).toEqual([both.hash]);
        // The copy goes on with its segment: what was followed is no longer its end.
        const later = alice.batch(['the other one goes on'], { clock: testClock(4), segment: one.segment });
        await store.commit([receive(later)]);
        expect(await tips()).toEqual([both.hash, later.hash].sort());
      });
    });

    describe('links', () => {
      it('stand in order, with all the tips of each batch', async () => {
        const ends = [1, 2, 3].map((n) => {
          alice.newSegment();
          return alice.batch([`${n}`], { clock: testClock(n) });
        });
        const [one, two, three] = ends.map(tipOf);
        alice.newSegment();
        const joint = alice.batch(['4', '5'], { clock: testClock(4), follows: [one!, two!] });
        const plain = alice.batch(['6'], { clock: testClock(5) });
        const late = alice.batch(['7'], { clock: testClock(6), follows: [three!] });
        await store.commit([...ends, joint, plain].map((batch) => append(batch)));
        await store.commit([append(late), append(joint), append(late)]);
        await reopen();
        const segments = await store.segments(conversation, alice.author);
        expect(segments.find(({ segment }) => segment === late.segment)?.links).toEqual([
          { first: 1, follows: [one, two] },
          { first: 4, follows: [three] },
        ]);
        expect((await store.conversations())[0]?.feeds).toEqual([
          { author: alice.author, tips: [tipOf(late)] },
        ]);
      });
    });

    describe('pages by clock', () => {
      it('give what is over before, begins after, or lies around a clock', async () => {
        const a = alice.batch(['a1', 'a2', 'a3'], { clock: testClock(10) });
        const b = bob.batch(['b1', 'b2'], { clock: testClock(10, 1) });
        const c = alice.batch(['c'], { clock: testClock(30_000) });
        const d = bob.batch(['d'], { clock: testClock(90_000) });
        await store.commit([append(a), receive(b), append(c), receive(d)]);
        const before = async (clock: string, position = 0): Promise<string[]> =>
          hashes(await store.before(conversation, { clock, position }, 10));
        const after = async (clock: string): Promise<string[]> =>
          hashes(await store.after(conversation, { clock, position: Number.MAX_SAFE_INTEGER }, 10));
        const around = async (clock: string): Promise<string[]> =>
          hashes(await store.around(conversation, clock)).sort();
        expect(await before(END.clock)).toEqual([d, c, b, a].map(({ hash }) => hash));
        expect(await before(testClock(30_000))).toEqual([b, a].map(({ hash }) => hash));
        expect(await before(testClock(10, 2))).toEqual([]);
        expect(await after(START.clock)).toEqual([a, b, c, d].map(({ hash }) => hash));
        expect(await after(testClock(10, 1))).toEqual([c, d].map(({ hash }) => hash));
        expect(await around(testClock(10, 1))).toEqual([a.hash, b.hash].sort());
        expect(await around(testClock(10))).toEqual([a.hash]);
        expect(await around(testClock(20))).toEqual([]);
      });

      it('go on from a cursor, also among equal clocks', async () => {
        const all = [1, 2, 3].flatMap((n) => [
          alice.batch([`a${n}`], { clock: testClock(n) }),
          bob.batch([`b${n}`], { clock: testClock(n) }),
        ]);
        await store.commit(all.map((one, nth) => (nth % 2 === 0 ? append(one) : receive(one))));
        const down: StoredBatch[] = [];
        for (let cursor = END; ;) {
          const [next] = await store.before(conversation, cursor, 1);
          if (next === undefined) break;
          down.push(next);
          cursor = { clock: next.batch.lastClock, position: next.position };
        }
        const up: StoredBatch[] = [];
        for (let cursor = START; ;) {
          const [next] = await store.after(conversation, cursor, 1);
          if (next === undefined) break;
          up.push(next);
          cursor = { clock: next.batch.firstClock, position: next.position };
        }
        expect(bodies(up)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
        expect(bodies(down)).toEqual(bodies(up).reverse());
      });
    });

    describe('dropped batches', () => {
      it('move the segment on and are found nowhere', async () => {
        const [one, two] = [
          bob.batch(['secret one'], { clock: testClock(1) }),
          bob.batch(['secret two'], { clock: testClock(2) }),
        ];
        const three = bob.batch(['kept'], { clock: testClock(3) });
        await store.commit([receive(one, true), receive(two, true)]);
        await store.commit([receive(one, true)]);
        await store.commit([receive(three)]);
        await reopen();
        expect(await store.segments(conversation, bob.author)).toMatchObject([{ tip: tipOf(three) }]);
        expect(bodies(await feed(bob.author))).toEqual(['kept']);
        expect(bodies(await store.before(conversation, END, 9))).toEqual(['kept']);
        expect(bodies(await store.after(conversation, START, 9))).toEqual(['kept']);
        expect(await store.around(conversation, testClock(1))).toEqual([]);
        expect(await store.batchOf(conversation, bob.author, bob.segment, 1)).toBeNull();
        expect(await store.find(bob.id(one))).toBeNull();
        expect(await store.search({ words: ['secret'], limit: 9 })).toEqual([]);
        const dropped = (after: number): Promise<boolean> =>
          store.hasDropped(conversation, bob.author, bob.segment, after);
        expect([await dropped(0), await dropped(1), await dropped(2)]).toEqual([true, true, false]);
        expect(await store.hasDropped(conversation, alice.author, bob.segment, 0)).toBe(false);
        expect(await store.hasDropped(conversation, bob.author, alice.segment, 0)).toBe(false);
      });

      it('stay dropped where they come again, and kept ones kept', async () => {
        const [one, two] = [
          bob.batch(['dropped'], { clock: testClock(1) }),
          bob.batch(['kept'], { clock: testClock(2) }),
        ];
        await store.commit([receive(one, true), receive(two)]);
        await store.commit([receive(one), receive(two, true)]);
        expect(bodies(await feed(bob.author))).toEqual(['kept']);
        expect(await store.hasDropped(conversation, bob.author, bob.segment, 0)).toBe(true);
        expect(await store.hasDropped(conversation, bob.author, bob.segment, 1)).toBe(false);
      });

      it('count for tips, links and the last clock', async () => {
        const one = bob.batch(['1'], { clock: testClock(1) });
        bob.newSegment();
        const two = bob.batch(['2'], { clock: testClock(2), follows: [tipOf(one)] });
        await store.commit([receive(one), receive(two, true)]);
        await reopen();
        expect(await store.conversations()).toMatchObject([
          { feeds: [{ author: bob.author, tips: [tipOf(two)] }], lastClock: testClock(2) },
        ]);
        const segments = await store.segments(conversation, bob.author);
        expect(segments.find(({ segment }) => segment === two.segment)?.links).toEqual([
          { first: 1, follows: [tipOf(one)] },
        ]);
      });
    });

    describe('keys of clients', () => {
      it('lead to their message, in their conversation', async () => {
        const batch = alice.batch(['1'], { clock: testClock(1) });
        await store.commit([append(batch, 'once')]);
        await store.commit([append(batch, 'once')]);
        await reopen();
        expect(await store.keyed(conversation, 'once')).toEqual({ segment: batch.segment, seq: 1 });
        expect(await store.keyed(conversation, 'twice')).toBeNull();
        expect(await store.keyed(testConversation('Alice', 'Carol'), 'once')).toBeNull();
      });

      it('that are taken refuse the whole commit', async () => {
        await store.commit([append(alice.batch(['1'], { clock: testClock(1) }), 'once')]);
        const again = alice.batch(['2'], { clock: testClock(2) });
        expect(await refused([append(again, 'once')])).toMatchObject({ code: 'key-taken', outcome: 'none' });
        await reopen();
        expect(bodies(await feed(alice.author))).toEqual(['1']);
        await store.commit([append(again, 'another')]);
        expect(bodies(await feed(alice.author))).toEqual(['1', '2']);
      });
    });

    describe('conversations', () => {
      it('are there before their first batch, and of any kind', async () => {
        const group = { id: testConversation('a', 'b'), kind: 'group' as const, peerId: null, seen: [] };
        await store.commit([{ type: 'conversation', record: group }]);
        await reopen();
        const all = await store.conversations();
        expect(all.find(({ record }) => record.id === group.id)).toEqual({
          record: group,
          feeds: [],
          watermarks: [],
          lastClock: '',
        });
        expect(all).toHaveLength(2);
      });

      it('tell their record, tips, watermarks and last clock', async () => {
        const [mine, theirs] = [
          alice.batch(['1'], { clock: testClock(9) }),
          bob.batch(['2'], { clock: testClock(3) }),
        ];
        const watermark = {
          conversation,
          author: alice.author,
          member: bob.author,
          have: [tipOf(mine)],
          read: [{ segment: mine.segment, seq: 1 }],
          times: {
            have: [{ segment: mine.segment, seq: 1, at: 60_000 }],
            read: [{ segment: mine.segment, seq: 1, at: null }],
          },
        };
        const record = {
          id: conversation,
          kind: 'direct' as const,
          peerId: bob.author,
          seen: [{ author: bob.author, marks: [{ segment: theirs.segment, seq: 1 }] }],
        };
        await store.commit([append(mine), receive(theirs)]);
        await store.commit([{ type: 'watermark', watermark: { ...watermark, have: [], read: [] } }]);
        await store.commit([
          { type: 'watermark', watermark },
          { type: 'conversation', record },
        ]);
        await reopen();
        const [snapshot, ...others] = await store.conversations();
        expect(others).toEqual([]);
        expect(snapshot).toMatchObject({ record, watermarks: [watermark], lastClock: testClock(9) });
        expect(new Map(snapshot?.feeds.map(({ author, tips }) => [author, tips]))).toEqual(
          new Map([
            [alice.author, [tipOf(mine)]],
            [bob.author, [tipOf(theirs)]],
          ]),
        );
      });

      it('are apart from each other', async () => {
        const other = testConversation('Alice', 'Carol');
        const carol = new TestFeed('Alice', other);
        await store.commit([
          direct(other, carol.author),
          append(carol.batch(['to Carol'], { clock: testClock(1) })),
          append(alice.batch(['to Bob'], { clock: testClock(1) })),
        ]);
        expect(bodies(await feed(alice.author))).toEqual(['to Bob']);
        expect(bodies(await store.before(other, END, 9))).toEqual(['to Carol']);
        expect(await store.conversations()).toHaveLength(2);
      });
    });

    describe('imported messages', () => {
      const imported = (
        batch: Batch,
        from: TestFeed,
        change: Partial<ImportedMessage> = {},
      ): ImportedMessage => ({
        id: from.id(batch),
        conversation,
        author: from.author,
        clock: batch.firstClock,
        sentAt: 1,
        receivedAt: from === bob ? 2 : null,
        content: contentText({ kind: 'text', body: 'from a history' }),
        state: 'delivered',
        ...change,
      });

      it('are paged in the order of the screen, each id once', async () => {
        const all = [3, 1, 2, 2].map((ms) => {
          bob.newSegment();
          return imported(bob.batch(['x'], { clock: testClock(ms) }), bob);
        });
        await store.commit([{ type: 'import', messages: all }]);
        await store.commit([{ type: 'import', messages: all.map((one) => ({ ...one, sentAt: 9 })) }]);
        await reopen();
        const order = all.toSorted((a, b) =>
          `${a.clock}${a.author}${a.id}` < `${b.clock}${b.author}${b.id}` ? -1 : 1,
        );
        const start = { clock: START.clock, author: '', id: '' };
        const end = { clock: END.clock, author: '', id: '' };
        expect(await store.imported(conversation, 'after', start, 9)).toEqual(order);
        expect(await store.imported(conversation, 'before', end, 2)).toEqual(order.toReversed().slice(0, 2));
        expect(await store.imported(conversation, 'after', order[1] as ImportedMessage, 9)).toEqual(
          order.slice(2),
        );
        expect(await store.imported(conversation, 'before', order[1] as ImportedMessage, 9)).toEqual(
          order.slice(0, 1),
        );
      });

      it('are found by id until the real entry is there', async () => {
        const batch = bob.batch(['real'], { clock: testClock(1) });
        const message = imported(batch, bob);
        await store.commit([{ type: 'import', messages: [message] }]);
        expect(await store.find(message.id)).toEqual({ imported: message });
        expect(await store.search({ words: ['history'], limit: 9 })).toEqual([{ imported: message }]);
        await store.commit([receive(batch)]);
        const real = { conversation, author: bob.author, segment: batch.segment, seq: 1 };
        expect(await store.find(message.id)).toEqual(real);
        await store.commit([{ type: 'import', messages: [message] }]);
        expect(await store.find(message.id)).toEqual(real);
        expect(await store.search({ words: ['history'], limit: 9 })).toEqual([]);
        expect(await store.search({ words: ['real'], limit: 9 })).toHaveLength(1);
      });

      it('take the place of an entry that was dropped', async () => {
        const batch = bob.batch(['dropped'], { clock: testClock(1) });
        const message = imported(batch, bob);
        await store.commit([receive(batch, true), { type: 'import', messages: [message] }]);
        expect(await store.find(message.id)).toEqual({ imported: message });
        expect(await store.search({ words: ['history'], limit: 9 })).toEqual([{ imported: message }]);
      });

      it('change nothing of feeds, and keep to their conversation', async () => {
        const message = imported(bob.batch(['x'], { clock: testClock(1) }), bob, {
          sentAt: Number.MAX_SAFE_INTEGER,
          content: '{"kind":"poll"}',
          state: 'read',
        });
        await store.commit([{ type: 'import', messages: [message] }]);
        const start = { clock: START.clock, author: '', id: '' };
        expect(await store.imported(conversation, 'after', start, 9)).toEqual([message]);
        expect(await store.imported(testConversation('a', 'b'), 'after', start, 9)).toEqual([]);
        expect(await store.conversations()).toMatchObject([{ feeds: [], lastClock: '' }]);
        expect(await store.segments(conversation, bob.author)).toEqual([]);
        expect(await store.after(conversation, START, 9)).toEqual([]);
      });
    });

    describe('find', () => {
      it('knows nothing of ids that are none or nobody has', async () => {
        const batch = alice.batch(['1'], { clock: testClock(1) });
        await store.commit([append(batch)]);
        const [tag] = alice.id(batch).split('-');
        for (const id of [
          '',
          'x',
          `${tag}-0`,
          `${tag}-2`,
          `${tag}-1x`,
          `${'a'.repeat(26)}-1`,
          `${tag}-01`,
          `${tag}-1-1`,
          `${tag?.toUpperCase()}-1`,
          `${tag}-${MAX_SEQ}`,
          `${tag}-${'9'.repeat(16)}`,
          `${tag}-${'9'.repeat(400)}`,
          'x'.repeat(100_000),
          "' OR 1=1 --",
          '\u0000',
        ]) {
          expect(await store.find(id)).toBeNull();
        }
        expect(await store.find(alice.id(batch))).toMatchObject({ seq: 1, author: alice.author });
      });
    });

    describe('peers', () => {
      it('are kept whole and replaced whole', async () => {
        await store.commit([{ type: 'peer', record: peer('a') }]);
        await store.commit([
          { type: 'peer', record: peer('b', { user: 'Bob', knownAs: 'Bobby' }) },
          { type: 'peer', record: peer('a', { blocked: true, addresses: [] }) },
        ]);
        await reopen();
        const all = (await store.peers()).toSorted((a, b) => (a.peerId < b.peerId ? -1 : 1));
        expect(all).toEqual([
          peer('a', { blocked: true, addresses: [] }),
          peer('b', { user: 'Bob', knownAs: 'Bobby' }),
        ]);
      });
    });

    it('finishes what was asked before the end, and nothing after it', async () => {
      const saved = store.commit([append(alice.batch(['at the last moment'], { clock: testClock(1) }))]);
      await store.close();
      await saved;
      expect(await refused([{ type: 'peer', record: peer(bob.author) }])).toMatchObject({ outcome: 'none' });
      store = await place.open();
      expect(bodies(await feed(alice.author))).toEqual(['at the last moment']);
      expect(await store.peers()).toEqual([]);
    });

    it('goes on after a commit that was refused, also where they were asked for at once', async () => {
      const [one, two] = [1, 2].map((n) => alice.batch([`${n}`], { clock: testClock(n) }));
      const fork = new TestFeed('Alice', conversation).batch(['x'], { clock: testClock(1) });
      const results = await Promise.allSettled([
        store.commit([append(one!)]),
        store.commit([receive(fork)]),
        store.commit([append(two!)]),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      await reopen();
      expect(bodies(await feed(alice.author))).toEqual(['1', '2']);
    });

    it('takes effect in the order of the calls, and answers checks', async () => {
      const all = Array.from({ length: 30 }, (_, n) => alice.batch([`${n}`], { clock: testClock(n) }));
      await Promise.all([...all.map((one) => store.commit([append(one)])), store.check()]);
      expect(bodies(await feed(alice.author))).toEqual(all.map((_, n) => `${n}`));
    });
  });
}
