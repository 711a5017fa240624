import { contentText, entriesOf, MAX_BATCH_ENTRIES, queryWords, readContent } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  ConversationStore,
  ImportedMessage,
  MessagePlace,
  SearchQuery,
} from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { append, direct, receive, type StorePlace } from './changes.js';

/** What the search of every store does: the same results for the same query. */
export function searchContract(name: string, createPlace: () => Promise<StorePlace>): void {
  describe(`search of ConversationStore: ${name}`, () => {
    let place: StorePlace;
    let store: ConversationStore;
    let alice: TestFeed;
    let bob: TestFeed;
    let conversation: string;
    let now: number;

    beforeEach(async () => {
      place = await createPlace();
      store = await place.open();
      conversation = testConversation('Alice', 'Bob');
      alice = new TestFeed('Alice', conversation);
      bob = new TestFeed('Bob', conversation);
      now = 0;
      await store.commit([direct(conversation, bob.author)]);
    });

    afterEach(async () => {
      await store.close();
      await place.dispose();
    });

    /** Saves texts, a batch each, from both people in turn. @returns their ids */
    async function save(...texts: string[]): Promise<string[]> {
      const ids: string[] = [];
      for (const text of texts) {
        now += 1;
        const feed = now % 2 === 0 ? bob : alice;
        const batch = feed.batch([text], { clock: testClock(now) });
        await store.commit([feed === bob ? receive(batch) : append(batch)]);
        ids.push(feed.id(batch));
      }
      return ids;
    }

    async function textOf(found: MessagePlace): Promise<string> {
      if ('imported' in found) return `imported: ${found.imported.id}`;
      const stored = await store.batchOf(found.conversation, found.author, found.segment, found.seq);
      const entry = stored && entriesOf(stored.batch).find(({ seq }) => seq === found.seq);
      const read = readContent(entry?.content ?? '');
      return read.kind === 'text' ? read.body : read.kind;
    }

    async function find(text: string, more: Partial<SearchQuery> = {}): Promise<string[]> {
      const found = await store.search({ words: queryWords(text), limit: 100, ...more });
      return Promise.all(found.map(textOf));
    }

    const imported = (id: string, change: Partial<ImportedMessage> = {}): ImportedMessage => ({
      id,
      conversation,
      author: bob.author,
      clock: testClock(1),
      sentAt: 1,
      receivedAt: 2,
      content: contentText({ kind: 'text', body: 'once more' }),
      state: 'delivered',
      ...change,
    });

    it('finds nothing in an empty store', async () => {
      expect(await find('anything')).toEqual([]);
    });

    it('gives the places of messages, the one that was saved last first', async () => {
      const [first, , third] = await save('one apple', 'a pear', 'two apples');
      const found = await store.search({ words: ['apple'], limit: 10 });
      expect(found).toEqual([await store.find(third as string), await store.find(first as string)]);
    });

    it.each([
      ['every word must match', 'green build', ['the build is green'], ['the build is red', 'green']],
      ['in any order', 'green build', ['build: green', 'green build'], []],
      ['the beginning of a word is enough', 'mee', ['Meet me', 'meeting'], ['me', 'mistreat']],
      ['case does not count', 'ΟΔΟΣ strasse', ['οδος Straße'], []],
      ['diacritics do not count', 'cafe Muller', ['Müller im Café', 'MU\u0308LLER cafe\u0301'], []],
      ['what is written without spaces', '東京', ['私は東京に住む'], ['京東', '東 京']],
      ['a single character of it', '京', ['私は東京に', '京'], ['東']],
      ['right to left, with and without points', 'שלום', ['שָׁלוֹם לך', 'שלום'], []],
      ['vowel signs of India are letters', 'कि', ['किताब'], ['को']],
      ['numbers and parts of addresses', '192 example', ['http://example.org:192/'], ['example']],
      ['signs', '🚀', ['ship it 🚀', '🚀🚀'], ['🎉']],
      ['letters outside the first plane', '𐐨𐐩', ['𐐨𐐩𐐪'], ['𐐨𐐪']],
      ['punctuation says nothing', '"green" AND -build*', ['green and build'], ['green build']],
      ['operators of any query language are words', 'a OR b NOT c', ['a or b not c'], ['a', 'b']],
      ['patterns of any query language are text', 'a.c x%y', ['a c x y'], ['abc xzy']],
    ])('%s: %j', async (_name, query, matching, others) => {
      await save(...matching, ...others);
      expect(await find(query)).toEqual(matching.toReversed());
    });

    it('does not find what only the start of a very long word has', async () => {
      await save('x'.repeat(10_000));
      expect(await find('x'.repeat(100))).toHaveLength(1);
      expect(await find(`${'x'.repeat(10)}y`)).toEqual([]);
    });

    it('finds a message of any size by its last word, and one of punctuation only not at all', async () => {
      await save(`${'lorem ipsum '.repeat(5_000)}needle`, '...', '!?');
      expect(await find('needle')).toHaveLength(1);
      expect(await find('dolor')).toEqual([]);
    });

    it('takes a query of very many words', async () => {
      const words = Array.from({ length: 100 }, (_, n) => `w${n}x`);
      await save(words.join(' '), words.slice(1).join(' '));
      expect(await find(words.toReversed().join(' '))).toEqual([words.join(' ')]);
    });

    it('searches all conversations, or one', async () => {
      const other = testConversation('Alice', 'Carol');
      const carol = new TestFeed('Carol', other);
      await save('fish with Bob');
      await store.commit([
        direct(other, carol.author),
        receive(carol.batch(['fish with Carol'], { clock: testClock(1) })),
      ]);
      expect(await find('fish')).toEqual(['fish with Carol', 'fish with Bob']);
      expect(await find('fish', { conversation: other })).toEqual(['fish with Carol']);
      expect(await find('bob', { conversation: other })).toEqual([]);
      expect(await find('fish', { conversation: testConversation('Alice', 'Dave') })).toEqual([]);
    });

    it('orders by when a message was saved, whatever its clock, and within a batch by its number', async () => {
      await store.commit([receive(bob.batch(['late clock'], { clock: testClock(900) }))]);
      await store.commit([append(alice.batch(['clock 1', 'clock 2'], { clock: testClock(3) }))]);
      expect(await find('clock')).toEqual(['clock 2', 'clock 1', 'late clock']);
    });

    it('gives the next page where the last one ended, also while messages come', async () => {
      const texts = Array.from({ length: 24 }, (_, n) => (n % 5 === 4 ? 'other' : `tick ${n}`));
      const batch = alice.batch(texts.slice(0, 12), { clock: testClock(0) });
      await store.commit([append(batch)]);
      await save(...texts.slice(12));
      const pages: string[][] = [];
      for (let before: string | undefined; ;) {
        const query = { words: ['tick'], limit: 6, ...(before === undefined ? {} : { before }) };
        const page = await store.search(query);
        pages.push(await Promise.all(page.map(textOf)));
        const last = page.at(-1);
        if (page.length < 6 || last === undefined || 'imported' in last) break;
        const feed = last.author === bob.author ? bob : alice;
        before = feed.id({ ...batch, segment: last.segment, first: last.seq });
        await save('tick in between');
      }
      const ticks = texts.filter((text) => text.startsWith('tick'));
      expect(pages.map((page) => page.length)).toEqual([6, 6, 6, 2]);
      expect(pages.flat()).toEqual(ticks.toReversed());
    });

    it('takes any message as the end of the page before, and none that is unknown or dropped', async () => {
      const [, second] = await save('first', 'second', 'first again');
      expect(await find('first', { before: second as string })).toEqual(['first']);
      const poll = alice.batch([], { clock: testClock(50), contents: ['{"kind":"poll"}'] });
      await store.commit([append(poll)]);
      expect(await find('first', { before: alice.id(poll) })).toEqual(['first again', 'first']);
      const dropped = bob.batch(['first of all'], { clock: testClock(60) });
      await store.commit([receive(dropped, true)]);
      for (const before of ['', 'no id', `${'a'.repeat(26)}-7`, bob.id(dropped)]) {
        await expect(find('first', { before })).rejects.toMatchObject({ code: 'message-unknown' });
      }
    });

    it('finds a message once, however often it was committed', async () => {
      const batch = bob.batch(['again and again'], { clock: testClock(1) });
      await store.commit([receive(batch), receive(batch)]);
      await find('again');
      await store.commit([receive(batch)]);
      expect(await find('again')).toEqual(['again and again']);
    });

    it('knows texts only', async () => {
      const contents = [
        '{"kind":"poll","body":"word"}',
        'word',
        '"word"',
        '{"kind":"text","body":"word","body":"word"}',
      ];
      await store.commit([
        append(alice.batch([], { clock: testClock(1), contents })),
        { type: 'import', messages: [imported(`${'b'.repeat(26)}-1`, { content: contents[0] as string })] },
      ]);
      await save('word');
      expect(await find('word')).toEqual(['word']);
      expect(await find('poll')).toEqual([]);
    });

    it('finds nothing of what was dropped', async () => {
      await store.commit([receive(bob.batch(['secret'], { clock: testClock(1) }), true)]);
      expect(await find('secret')).toEqual([]);
      await store.commit([receive(bob.batch(['secret too'], { clock: testClock(2) }))]);
      expect(await find('secret')).toEqual(['secret too']);
    });

    it('finds an imported message, and once where its real entry is there or comes', async () => {
      const early = bob.batch(['once more'], { clock: testClock(1) });
      const late = bob.batch(['once more'], { clock: testClock(2) });
      const ids = [bob.id(early), bob.id(late), `${'b'.repeat(26)}-1`];
      await store.commit([receive(early)]);
      await store.commit([{ type: 'import', messages: ids.map((id) => imported(id)) }]);
      expect(await find('once')).toEqual([
        `imported: ${String(ids[2])}`,
        `imported: ${String(ids[1])}`,
        'once more',
      ]);
      await save('in between: once');
      await store.commit([receive(late)]);
      const rest = ['in between: once', `imported: ${String(ids[2])}`, 'once more'];
      expect(await find('once')).toEqual(['once more', ...rest]);
      // Now it stands at the place of the real entry.
      expect(await find('once', { before: bob.id(late) })).toEqual(rest);
      expect(await find('once', { before: ids[2] as string })).toEqual(['once more']);
    });

    it('finds what was saved in large numbers, before and after it was opened again', async () => {
      for (let from = 0; from < 3 * MAX_BATCH_ENTRIES; from += MAX_BATCH_ENTRIES) {
        const texts = Array.from({ length: MAX_BATCH_ENTRIES }, (_, n) => `bulk ${from + n}`);
        await store.commit([append(alice.batch(texts, { clock: testClock((now += 1)) }))]);
      }
      expect(await find('bulk 17', { limit: 3 })).toEqual(['bulk 1799', 'bulk 1798', 'bulk 1797']);
      await save('bulk 170 too');
      await store.close();
      store = await place.open();
      await save('bulk 1700 as well');
      expect(await find('bulk 170', { limit: 3 })).toEqual([
        'bulk 1700 as well',
        'bulk 170 too',
        'bulk 1709',
      ]);
    });

    it('answers searches that are asked at once, with the saving in between', async () => {
      await save('one');
      const [first, , second] = await Promise.all([find('o'), save('other'), find('o')]);
      expect(first).toContain('one');
      expect(second).toEqual(['other', 'one']);
    });
  });
}
