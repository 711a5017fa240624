import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newMessageId, peerIdOfKey, queryWords } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import type { Message } from '../message.js';
import type { MessageRepository } from './message.repository.js';
import { incoming, outgoing } from './message.repository.contract.js';
import type { MessageSearch, SearchQuery } from './message-search.js';

/** An open store that can be searched. */
export interface SearchableStorage {
  readonly messages: MessageRepository;
  readonly search: MessageSearch;
  close(): Promise<void>;
}

/** A place for a store. */
export interface SearchablePlace {
  /** Opens the store in this place; may be called again after a close. */
  open(): Promise<SearchableStorage>;
  /** Removes the place. */
  dispose(): Promise<void>;
}

const BOB = peerIdOfKey(testKeys('bob').publicKey);

/** What every MessageSearch does: the same results for the same query. `createPlace` gives an empty place for each test. */
export function messageSearchContract(name: string, createPlace: () => Promise<SearchablePlace>): void {
  describe(`MessageSearch: ${name}`, () => {
    let place: SearchablePlace;
    let storage: SearchableStorage;
    let clock: number;

    beforeEach(async () => {
      place = await createPlace();
      storage = await place.open();
      clock = 0;
    });

    afterEach(async () => {
      await storage.close();
      await place.dispose();
    });

    /** Saves messages, one call each, in turn from both people. */
    async function save(...bodies: string[]): Promise<Message[]> {
      const saved: Message[] = [];
      for (const body of bodies) {
        clock += 1;
        const message = clock % 2 === 0 ? incoming(clock, { body }) : outgoing(clock, { body });
        if (message.direction === 'in') await storage.messages.addIncoming([message]);
        else await storage.messages.addOutgoing([message]);
        saved.push(message);
      }
      return saved;
    }

    async function find(text: string, more: Partial<SearchQuery> = {}): Promise<string[]> {
      const found = await storage.search.search({ words: queryWords(text), limit: 100, ...more });
      return found.map(({ body }) => body);
    }

    it('finds nothing in an empty store', async () => {
      expect(await find('anything')).toEqual([]);
    });

    it('gives messages as they were saved, the last one first', async () => {
      const saved = await save('one apple', 'a pear', 'two apples');
      const found = await storage.search.search({ words: ['apple'], limit: 10 });
      expect(found).toEqual([saved[2], saved[0]]);
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

    it('finds a message of any size by its last word, and one of signs only not at all', async () => {
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
      await save('fish with Alice');
      await storage.messages.addIncoming([incoming(50, { conversationId: BOB, body: 'fish with Bob' })]);
      expect(await find('fish')).toEqual(['fish with Bob', 'fish with Alice']);
      expect(await find('fish', { conversationId: BOB })).toEqual(['fish with Bob']);
      expect(await find('alice', { conversationId: BOB })).toEqual([]);
      expect(await find('fish', { conversationId: peerIdOfKey(testKeys('carol').publicKey) })).toEqual([]);
    });

    it('orders by when a message was saved, whatever its clock', async () => {
      await storage.messages.addIncoming([incoming(900, { body: 'late clock' })]);
      await storage.messages.addOutgoing([outgoing(3, { body: 'early clock' })]);
      expect(await find('clock')).toEqual(['early clock', 'late clock']);
    });

    it('gives the next page where the last one ended, also while messages come', async () => {
      const saved = await save(
        ...Array.from({ length: 25 }, (_, n) => (n % 5 === 4 ? 'other' : `tick ${n}`)),
      );
      const pages: string[][] = [];
      for (let before: string | undefined; ;) {
        const page = await storage.search.search({
          words: ['tick'],
          limit: 6,
          ...(before === undefined ? {} : { before }),
        });
        pages.push(page.map(({ body }) => body));
        if (page.length < 6) break;
        before = page.at(-1)?.id;
        await save('tick in between');
      }
      expect(pages.map((page) => page.length)).toEqual([6, 6, 6, 2]);
      const expected = saved.filter(({ body }) => body.startsWith('tick')).map(({ body }) => body);
      expect(pages.flat()).toEqual(expected.toReversed());
    });

    it('takes any message as the end of the page before, and none that is unknown', async () => {
      const [, second] = await save('first', 'second', 'first again');
      expect(await find('first', { before: second!.id })).toEqual(['first']);
      await expect(find('first', { before: newMessageId(0) })).rejects.toMatchObject({
        code: 'message-unknown',
      });
    });

    it('finds a message once, however often it arrived', async () => {
      const message = incoming(1, { body: 'again and again' });
      await storage.messages.addIncoming([message, message]);
      await find('again');
      await storage.messages.addIncoming([message]);
      expect(await find('again')).toEqual(['again and again']);
    });

    it('shows the state that a message has now', async () => {
      const [message] = await save('on its way');
      await find('way');
      await storage.messages.setState(message!.conversationId, [message!.id], 'delivered');
      expect(await storage.search.search({ words: ['way'], limit: 1 })).toEqual([
        { ...message, state: 'delivered' },
      ]);
    });

    it('finds what was saved in large numbers, before and after it was opened again', async () => {
      const many = Array.from({ length: 3_000 }, (_, n) => outgoing(n + 1, { body: `bulk ${n}` }));
      await storage.messages.addOutgoing(many);
      expect(await find('bulk 17', { limit: 3 })).toEqual(['bulk 1799', 'bulk 1798', 'bulk 1797']);
      await storage.messages.addOutgoing([outgoing(4_000, { body: 'bulk 170 too' })]);
      await storage.close();
      storage = await place.open();
      await storage.messages.addOutgoing([outgoing(4_001, { body: 'bulk 1700 as well' })]);
      expect(await find('bulk 170', { limit: 3 })).toEqual([
        'bulk 1700 as well',
        'bulk 170 too',
        'bulk 1709',
      ]);
    });

    it('answers searches that are asked at once, with the saving in between', async () => {
      await save('one');
      const [first, , second] = await Promise.all([
        find('o'),
        storage.messages.addOutgoing([outgoing(80, { body: 'other' })]),
        find('o'),
      ]);
      expect(first).toEqual(expect.arrayContaining(['one']));
      expect(second).toEqual(['other', 'one']);
    });
  });
}
