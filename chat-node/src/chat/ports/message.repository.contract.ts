import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES, newMessageId, peerIdOfKey } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { ChatError, StorageError } from '../errors.js';
import { compareMessages, type Message } from '../message.js';
import { messagesOf, packRuns } from '../message-run.js';
import type { MessageRepository } from './message.repository.js';
import type { PeerRepository } from './peer.repository.js';

/** An open store; `close` lets go of it and leaves what was saved. */
export interface OpenStorage {
  readonly messages: MessageRepository;
  readonly peers: PeerRepository;
  close(): Promise<void>;
}

/** A place for a store. */
export interface StoragePlace {
  /** Opens the store in this place; may be called again after a close. */
  open(): Promise<OpenStorage>;
  /** Removes the place. */
  dispose(): Promise<void>;
}

const ME = peerIdOfKey(testKeys('me').publicKey);
const ALICE = peerIdOfKey(testKeys('alice').publicKey);
const BOB = peerIdOfKey(testKeys('bob').publicKey);
const NOW = Date.UTC(2026, 0, 1);

/** The clock with this number. */
export function clockOf(n: number): string {
  return n.toString(16).padStart(16, '0');
}

/** A message that was written here; its clock is `n`. */
export function outgoing(n: number, changes: Partial<Message> = {}): Message {
  return {
    id: newMessageId(NOW + n),
    conversationId: ALICE,
    author: ME,
    direction: 'out',
    kind: 'text',
    body: `out ${n}`,
    clock: clockOf(n),
    sentAt: NOW + n,
    receivedAt: null,
    state: 'queued',
    ...changes,
  };
}

/** A message that arrived; its clock is `n`. */
export function incoming(n: number, changes: Partial<Message> = {}): Message {
  return outgoing(n, {
    author: changes.conversationId ?? ALICE,
    direction: 'in',
    body: `in ${n}`,
    receivedAt: NOW + n + 5,
    state: 'delivered',
    ...changes,
  });
}

function range<T>(from: number, to: number, make: (n: number) => T): T[] {
  return Array.from({ length: to - from + 1 }, (_, at) => make(from + at));
}

function idsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.id);
}

/** What every MessageRepository does. `createPlace` gives an empty one for each test. */
export function messageRepositoryContract(name: string, createPlace: () => Promise<StoragePlace>): void {
  describe(`MessageRepository: ${name}`, () => {
    let place: StoragePlace;
    let storage: OpenStorage;
    let repository: MessageRepository;

    async function open(): Promise<void> {
      storage = await place.open();
      repository = storage.messages;
    }

    async function reopen(): Promise<void> {
      await storage.close();
      await open();
    }

    async function wholeHistory(conversationId = ALICE): Promise<Message[]> {
      return repository.history(conversationId, { limit: 1000 });
    }

    beforeEach(async () => {
      place = await createPlace();
      await open();
    });

    afterEach(async () => {
      await storage.close();
      await place.dispose();
    });

    describe('addOutgoing', () => {
      it('saves messages as they are, state queued', async () => {
        const messages = range(1, 3, (n) => outgoing(n));
        await repository.addOutgoing(messages);
        expect(await wholeHistory()).toEqual(messages);
        expect(await repository.find(ALICE, messages[1]!.id)).toEqual(messages[1]);
      });

      it('creates conversations as needed', async () => {
        await repository.addOutgoing([outgoing(1), outgoing(2, { conversationId: BOB })]);
        expect(idsOf(await wholeHistory(ALICE))).toHaveLength(1);
        expect(idsOf(await wholeHistory(BOB))).toHaveLength(1);
      });

      it('takes no messages at all', async () => {
        await repository.addOutgoing([]);
        expect(await repository.conversations()).toEqual([]);
      });

      it('may be repeated: what is there stays as it is, also within one call', async () => {
        const [first, second] = [outgoing(1), outgoing(2)];
        await repository.addOutgoing([first]);
        await repository.setState(ALICE, [first.id], 'delivered');
        await repository.addOutgoing([first, second, second]);
        expect(await wholeHistory()).toEqual([{ ...first, state: 'delivered' }, second]);
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 1, last: second });
      });
    });

    describe('runs', () => {
      const joined = (messages: readonly Message[]): string => idsOf(messages).join('');

      it('that were written here are saved, queued and delivered as messages are', async () => {
        const messages = [
          ...range(1, 3, (n) => outgoing(n, { body: `"${n}" \u{1f600} \u0001` })),
          outgoing(4, { conversationId: BOB }),
        ];
        await repository.addOutgoingRuns(packRuns(messages));
        expect(await wholeHistory(ALICE)).toEqual(messages.slice(0, 3));
        expect(await wholeHistory(BOB)).toEqual(messages.slice(3));
        const queued = await repository.queuedRuns(ALICE, '', 10, 1_000);
        expect(queued.flatMap(messagesOf)).toEqual(messages.slice(0, 3));
        const [first, second] = messages as [Message, Message];
        expect(await repository.setDelivered(ALICE, joined([first, second]))).toBe(joined([first, second]));
        expect(await repository.setDelivered(ALICE, joined(messages))).toBe(joined(messages.slice(2, 3)));
        expect(await repository.queuedRuns(ALICE, '', 10, 1_000)).toEqual([]);
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 0 });
      });

      it('that arrive are saved, and the places of those that are new are told', async () => {
        const messages = range(1, 4, (n) => incoming(n));
        const others = range(1, 2, (n) => incoming(n, { conversationId: BOB }));
        await repository.addIncomingRuns(packRuns([messages[1]!]));
        const again = [
          packRuns(messages.map((one) => ({ ...one, receivedAt: NOW })))[0]!,
          packRuns(others.map((one) => ({ ...one, receivedAt: NOW })))[0]!,
        ];
        expect(await repository.addIncomingRuns(again)).toEqual([[0, 2, 3], null]);
        expect(await repository.addIncomingRuns(again)).toEqual([[], []]);
        expect(idsOf(await wholeHistory(ALICE))).toEqual(idsOf(messages));
        expect(await wholeHistory(BOB)).toEqual(again.slice(1).flatMap(messagesOf));
      });

      it('go on after a clock, within a number and a size', async () => {
        const messages = range(1, 20, (n) => outgoing(n, { body: 'x'.repeat(100) }));
        await repository.addOutgoingRuns(packRuns(messages));
        const ids = async (after: string, limit: number, bytes: number): Promise<string> =>
          (await repository.queuedRuns(ALICE, after, limit, bytes)).map((run) => run.ids).join('');
        expect(await ids('', 5, 10_000)).toBe(joined(messages.slice(0, 5)));
        expect(await ids(clockOf(5), 100, 10_000)).toBe(joined(messages.slice(5)));
        expect(await ids(clockOf(5), 100, 300)).toBe(joined(messages.slice(5, 8)));
      });

      it('take no runs at all', async () => {
        await repository.addOutgoingRuns([]);
        expect(await repository.addIncomingRuns([])).toEqual([]);
        expect(await repository.conversations()).toEqual([]);
      });
    });

    describe('addIncoming', () => {
      it('saves messages as they are, state delivered, and says that they are new', async () => {
        const messages = range(1, 3, (n) => incoming(n));
        expect(await repository.addIncoming(messages)).toEqual([true, true, true]);
        expect(await wholeHistory()).toEqual(messages);
      });

      it('takes no messages at all', async () => {
        expect(await repository.addIncoming([])).toEqual([]);
      });

      it('keeps what is there and says so, in the order of the call', async () => {
        const [first, second, third] = [incoming(1), incoming(2), incoming(3)];
        await repository.addIncoming([second]);
        await repository.markRead(ALICE, null, { limit: 10, receipts: true });
        const forged = { ...second, body: 'another text', clock: clockOf(9) };
        expect(await repository.addIncoming([first, forged, third])).toEqual([true, false, true]);
        expect(await wholeHistory()).toEqual([first, { ...second, state: 'read' }, third]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 2, lastClock: clockOf(3) });
      });

      it('takes the first of two with one id in one call', async () => {
        const message = incoming(1);
        expect(await repository.addIncoming([message, { ...message, body: 'second' }])).toEqual([
          true,
          false,
        ]);
        expect(await wholeHistory()).toEqual([message]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 1 });
      });

      it('says new once where calls with one id are made at once', async () => {
        const message = incoming(1);
        const answers = await Promise.all(range(1, 10, () => repository.addIncoming([message])));
        expect(answers).toEqual([[true], ...range(2, 10, () => [false])]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 1 });
      });

      it('tells authors with one id apart', async () => {
        const first = incoming(1);
        const second = incoming(2, { id: first.id, conversationId: BOB });
        expect(await repository.addIncoming([first, second])).toEqual([true, true]);
        expect(await repository.find(ALICE, first.id)).toEqual(first);
        expect(await repository.find(BOB, first.id)).toEqual(second);
      });

      it('keeps an own message apart from an incoming one with its id, and means the own one', async () => {
        const own = outgoing(2);
        const copied = incoming(1, { id: own.id });
        await repository.addOutgoing([own]);
        expect(await repository.addIncoming([copied])).toEqual([true]);
        expect(await wholeHistory()).toEqual([copied, own]);
        expect(await repository.find(ALICE, own.id)).toEqual(own);
        expect(await repository.setState(ALICE, [own.id], 'delivered')).toEqual([own.id]);
        expect(await repository.markRead(ALICE, null, { limit: 10, receipts: true })).toEqual([own.id]);
        await repository.receiptsSent(ALICE, [own.id]);
        expect(await wholeHistory()).toEqual([
          { ...copied, state: 'read' },
          { ...own, state: 'delivered' },
        ]);
      });
    });

    describe('addImported', () => {
      const history = (): Message[] => [
        outgoing(1, { state: 'delivered' }),
        incoming(2, { state: 'read' }),
        outgoing(3, { state: 'failed', reason: 'too late' }),
        outgoing(4, { state: 'read' }),
      ];

      it('saves messages as they are, waiting for nothing', async () => {
        const messages = history();
        expect(await repository.addImported(messages)).toEqual([true, true, true, true]);
        await reopen();
        expect(await wholeHistory()).toEqual(messages);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 0, queued: 0 });
        expect(await repository.queued(ALICE, '', 10, 1_000)).toEqual([]);
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([]);
        expect(await repository.markRead(ALICE, null, { limit: 10, receipts: true })).toEqual([]);
      });

      it('adds nothing twice, and leaves what is there as it is', async () => {
        const messages = history();
        const [first, second] = messages;
        await repository.addOutgoing([{ ...first!, state: 'queued' }]);
        await repository.addIncoming([{ ...second!, state: 'delivered' }]);
        expect(await repository.addImported(messages)).toEqual([false, false, true, true]);
        expect(await repository.addImported(messages)).toEqual([false, false, false, false]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 1, queued: 1 });
        expect(idsOf(await repository.queued(ALICE, '', 10, 1_000))).toEqual([first!.id]);
        expect(await wholeHistory()).toHaveLength(4);
      });

      it('puts them where their clocks say, among what is there and what comes', async () => {
        await repository.addOutgoing([outgoing(10), outgoing(12)]);
        await repository.addIncoming([incoming(11)]);
        const imported = [outgoing(5, { state: 'delivered' }), incoming(20, { state: 'read' })];
        await repository.addImported(imported);
        await repository.addOutgoing([outgoing(15), outgoing(25)]);
        await repository.addIncoming([incoming(16)]);
        expect((await wholeHistory()).map(({ clock }) => Number.parseInt(clock, 16))).toEqual([
          5, 10, 11, 12, 15, 16, 20, 25,
        ]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 2, queued: 4 });
        const queued = await repository.queued(ALICE, '', 10, 1_000);
        expect(queued.map(({ clock }) => Number.parseInt(clock, 16))).toEqual([10, 12, 15, 25]);
        await repository.setState(ALICE, idsOf(queued), 'delivered');
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 0 });
        expect(await repository.markRead(ALICE, null, { limit: 10, receipts: true })).toHaveLength(2);
        expect(await repository.receiptsDue(ALICE, 10)).toHaveLength(2);
      });
    });

    describe('addDropped', () => {
      it('leaves no message and no conversation behind', async () => {
        const messages = range(1, 3, (n) => incoming(n));
        await repository.addDropped(packRuns(messages));
        // Some of them once more, a long one, and none at all.
        const long = incoming(4, { body: 'é'.repeat(MAX_BODY_BYTES / 2) });
        await repository.addDropped(packRuns([...messages.slice(1), long]));
        await repository.addDropped([]);
        expect(await repository.conversations()).toEqual([]);
        expect(await wholeHistory()).toEqual([]);
      });

      it('leaves a conversation that is there as it was', async () => {
        const message = incoming(1);
        await repository.addIncoming([message]);
        const before = await repository.conversation(ALICE);
        const [, added] = await Promise.all([
          repository.addDropped(packRuns([message, incoming(2)])),
          repository.addIncoming([incoming(2, { conversationId: BOB })]),
        ]);
        expect(added).toEqual([true]);
        expect(await repository.conversation(ALICE)).toEqual(before);
        expect(await repository.conversation(BOB)).toMatchObject({ unread: 1 });
      });
    });

    describe('setState', () => {
      it('moves queued messages to delivered and then to read', async () => {
        const messages = range(1, 3, (n) => outgoing(n));
        const ids = idsOf(messages);
        await repository.addOutgoing(messages);
        expect(await repository.setState(ALICE, ids.slice(0, 2), 'delivered')).toEqual(ids.slice(0, 2));
        expect(await repository.setState(ALICE, ids.slice(0, 1), 'read')).toEqual(ids.slice(0, 1));
        expect((await wholeHistory()).map((message) => message.state)).toEqual([
          'read',
          'delivered',
          'queued',
        ]);
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 1 });
      });

      it('answers in the order given, and with each id once', async () => {
        const messages = range(1, 4, (n) => outgoing(n));
        const [a, b, c, d] = idsOf(messages) as [string, string, string, string];
        await repository.addOutgoing(messages);
        expect(await repository.setState(ALICE, [c, a, d, c, b], 'delivered')).toEqual([c, a, d, b]);
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 0 });
      });

      it('takes queued straight to read', async () => {
        const message = outgoing(1);
        await repository.addOutgoing([message]);
        expect(await repository.setState(ALICE, [message.id], 'read')).toEqual([message.id]);
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 0 });
        expect(await repository.find(ALICE, message.id)).toMatchObject({ state: 'read' });
      });

      it('keeps the reason of a failure', async () => {
        const message = outgoing(1);
        await repository.addOutgoing([message]);
        expect(await repository.setState(ALICE, [message.id], 'failed', 'body-too-large')).toEqual([
          message.id,
        ]);
        expect(await repository.find(ALICE, message.id)).toEqual({
          ...message,
          state: 'failed',
          reason: 'body-too-large',
        });
        expect(await repository.conversation(ALICE)).toMatchObject({ queued: 0 });
      });

      it.each([
        ['delivered', 'delivered'],
        ['delivered', 'failed'],
        ['read', 'delivered'],
        ['read', 'read'],
        ['read', 'failed'],
        ['failed', 'delivered'],
        ['failed', 'read'],
        ['failed', 'failed'],
      ] as const)('passes over a message that is %s when told %s', async (is, told) => {
        const message = outgoing(1);
        await repository.addOutgoing([message]);
        await repository.setState(ALICE, [message.id], is, is === 'failed' ? 'first reason' : undefined);
        const before = await repository.find(ALICE, message.id);
        expect(await repository.setState(ALICE, [message.id], told, 'later reason')).toEqual([]);
        expect(await repository.find(ALICE, message.id)).toEqual(before);
      });

      it('passes over what is not there, is in another conversation, or came in', async () => {
        const [own, other, theirs] = [outgoing(1), outgoing(2, { conversationId: BOB }), incoming(3)];
        await repository.addOutgoing([own, other]);
        await repository.addIncoming([theirs]);
        const ids = [newMessageId(NOW), other.id, own.id, theirs.id];
        expect(await repository.setState(ALICE, ids, 'delivered')).toEqual([own.id]);
        expect(await repository.setState(ALICE, [theirs.id], 'read')).toEqual([]);
        expect(await repository.setState(ALICE, [], 'delivered')).toEqual([]);
        expect(await repository.setState(ME, [own.id], 'delivered')).toEqual([]);
        expect(await repository.find(BOB, other.id)).toEqual(other);
        expect(await repository.find(ALICE, theirs.id)).toEqual(theirs);
      });
    });

    describe('queued', () => {
      it('gives outgoing messages in state queued in the order of their clocks', async () => {
        const messages = range(1, 5, (n) => outgoing(n));
        await repository.addOutgoing([messages[3]!, messages[0]!, messages[4]!, messages[1]!, messages[2]!]);
        await repository.addOutgoing([outgoing(6, { conversationId: BOB })]);
        await repository.addIncoming([incoming(7)]);
        await repository.setState(ALICE, [messages[1]!.id], 'delivered');
        await repository.setState(ALICE, [messages[2]!.id], 'failed', 'malformed-message');
        expect(await repository.queued(ALICE, '', 10, 1_000)).toEqual([
          messages[0],
          messages[3],
          messages[4],
        ]);
      });

      it('goes on after a clock, and stops at the limit', async () => {
        const messages = range(1, 5, (n) => outgoing(n));
        await repository.addOutgoing(messages);
        expect(await repository.queued(ALICE, '', 2, 1_000)).toEqual(messages.slice(0, 2));
        expect(await repository.queued(ALICE, clockOf(2), 2, 1_000)).toEqual(messages.slice(2, 4));
        expect(await repository.queued(ALICE, clockOf(4), 2, 1_000)).toEqual(messages.slice(4));
        expect(await repository.queued(ALICE, clockOf(5), 2, 1_000)).toEqual([]);
        expect(await repository.queued(BOB, '', 2, 1_000)).toEqual([]);
      });

      it('stops after the message that reaches the bytes, counted in UTF-8, and gives at least one', async () => {
        const messages = range(1, 4, (n) => outgoing(n, { body: 'éé' }));
        await repository.addOutgoing(messages);
        expect(await repository.queued(ALICE, '', 10, 1)).toEqual(messages.slice(0, 1));
        expect(await repository.queued(ALICE, '', 10, 4)).toEqual(messages.slice(0, 1));
        expect(await repository.queued(ALICE, '', 10, 5)).toEqual(messages.slice(0, 2));
        expect(await repository.queued(ALICE, '', 10, 16)).toEqual(messages);
      });

      it('gives large bodies beyond what one page holds', async () => {
        const messages = range(1, 40, (n) => outgoing(n, { body: 'x'.repeat(MAX_BODY_BYTES) }));
        await repository.addOutgoing(messages);
        expect(idsOf(await repository.queued(ALICE, '', 1_000, 33 * MAX_BODY_BYTES))).toEqual(
          idsOf(messages.slice(0, 33)),
        );
      });
    });

    describe('history', () => {
      const both = range(1, 25, (n) => (n % 3 === 0 ? outgoing(n) : incoming(n)));

      async function addBoth(): Promise<void> {
        // Late and early ones mixed, as they come from two sides.
        await repository.addIncoming(both.filter((message) => message.direction === 'in').reverse());
        await repository.addOutgoing(both.filter((message) => message.direction === 'out'));
      }

      it('gives the newest, oldest first', async () => {
        await addBoth();
        expect(await repository.history(ALICE, { limit: 10 })).toEqual(both.slice(15));
        expect(await repository.history(ALICE, { limit: 1 })).toEqual(both.slice(24));
        expect(await repository.history(ALICE, { limit: 1000 })).toEqual(both);
      });

      it('pages around a message, which is in neither page', async () => {
        await addBoth();
        const middle = both[12]!.id;
        expect(await repository.history(ALICE, { before: middle, limit: 4 })).toEqual(both.slice(8, 12));
        expect(await repository.history(ALICE, { after: middle, limit: 4 })).toEqual(both.slice(13, 17));
      });

      it('pages through all from either end, each message once', async () => {
        await addBoth();
        let page = await repository.history(ALICE, { limit: 7 });
        const backwards = [...page];
        while ((page = await repository.history(ALICE, { before: page[0]!.id, limit: 7 })).length > 0) {
          backwards.unshift(...page);
        }
        expect(backwards).toEqual(both);
        page = both.slice(0, 1);
        const forwards = [...page];
        while ((page = await repository.history(ALICE, { after: page.at(-1)!.id, limit: 7 })).length > 0) {
          forwards.push(...page);
        }
        expect(forwards).toEqual(both);
      });

      it('is empty past the ends', async () => {
        await addBoth();
        expect(await repository.history(ALICE, { before: both[0]!.id, limit: 5 })).toEqual([]);
        expect(await repository.history(ALICE, { after: both[24]!.id, limit: 5 })).toEqual([]);
      });

      it('orders equal clocks by author and then by id, and pages between them', async () => {
        const own = range(1, 4, (n) => outgoing(7, { sentAt: NOW + n }));
        const theirs = range(1, 4, (n) => incoming(7, { sentAt: NOW + n }));
        await repository.addOutgoing([...own].reverse());
        await repository.addIncoming([...theirs].reverse());
        const ordered = [...own, ...theirs].sort(compareMessages);
        expect(await wholeHistory()).toEqual(ordered);
        for (const [at, { id }] of ordered.entries()) {
          expect(await repository.history(ALICE, { before: id, limit: 10 })).toEqual(ordered.slice(0, at));
          expect(await repository.history(ALICE, { after: id, limit: 10 })).toEqual(ordered.slice(at + 1));
        }
      });

      it('orders clocks in the upper half after those in the lower', async () => {
        const clocks = ['0000000000000000', '7fffffffffffffff', '8000000000000000', 'ffffffffffffffff'];
        await repository.addOutgoing(clocks.map((clock, n) => outgoing(n, { clock })).reverse());
        expect((await wholeHistory()).map((message) => message.clock)).toEqual(clocks);
      });

      it('is empty for a conversation that is not there', async () => {
        expect(await wholeHistory()).toEqual([]);
      });

      it('rejects an unknown message, also one of another conversation', async () => {
        await addBoth();
        const elsewhere = incoming(1, { conversationId: BOB });
        await repository.addIncoming([elsewhere]);
        for (const id of [newMessageId(NOW), elsewhere.id, 'no id', '']) {
          for (const page of [{ before: id }, { after: id }]) {
            const error: unknown = await repository
              .history(ALICE, { ...page, limit: 5 })
              .catch((e: unknown) => e);
            expect(error).toBeInstanceOf(ChatError);
            expect(error).toMatchObject({ code: 'message-unknown' });
          }
        }
        await expect(repository.history(ME, { before: both[0]!.id, limit: 5 })).rejects.toMatchObject({
          code: 'message-unknown',
        });
      });
    });

    describe('find', () => {
      it('gives null for what is not there or elsewhere', async () => {
        const message = incoming(1);
        await repository.addIncoming([message]);
        expect(await repository.find(ALICE, message.id)).toEqual(message);
        expect(await repository.find(BOB, message.id)).toBeNull();
        expect(await repository.find(ALICE, newMessageId(NOW))).toBeNull();
        expect(await repository.find(ALICE, 'no id')).toBeNull();
      });
    });

    describe('bodies', () => {
      it.each([
        ['NUL', 'a\0b\0'],
        ['only NUL', '\0'],
        ['emoji', '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽'],
        ['newlines', 'one\ntwo\r\nthree\rfour\n'],
        ['spaces at the ends', '  \t x \u00a0 '],
        ['right to left', 'שלום \u202eevil\u202c مرحبا'],
        ['controls and escapes', '\u001b[31mred\u0007\u009b\u007f'],
        ['combining marks', `e${'\u0301'.repeat(1000)} e\u0301 \u00e9`],
        ['a byte order mark and non-characters', '\ufeffx\uffff\ufffe\u{10ffff}'],
        ['quotes and operators', `'); DROP TABLE messages; -- {"$gt": ""} \\u0000 "`],
        ['64 KiB', 'x'.repeat(MAX_BODY_BYTES)],
        ['64 KiB of four bytes each', '😀'.repeat(MAX_BODY_BYTES / 4)],
        ['64 KiB of NUL', '\0'.repeat(MAX_BODY_BYTES)],
      ])('come back as they were: %s', async (_name, body) => {
        const [sent, received] = [outgoing(1, { body }), incoming(2, { body })];
        await repository.addOutgoing([sent]);
        await repository.addIncoming([received]);
        await reopen();
        // Compared as a truth value: the difference of two 64 KiB texts helps nobody.
        const bodies = (await wholeHistory()).map((message) => message.body === body);
        expect(bodies).toEqual([true, true]);
        const [queued] = await repository.queued(ALICE, '', 1, 1);
        expect(queued?.body === body).toBe(true);
      });
    });

    describe('markRead', () => {
      it('marks incoming messages oldest first, up to the limit', async () => {
        const messages = range(1, 5, (n) => incoming(n));
        await repository.addIncoming([...messages].reverse());
        await repository.addOutgoing([outgoing(6)]);
        const options = { limit: 2, receipts: false };
        expect(await repository.markRead(ALICE, null, options)).toEqual(idsOf(messages.slice(0, 2)));
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 3 });
        expect(await repository.markRead(ALICE, null, options)).toEqual(idsOf(messages.slice(2, 4)));
        expect(await repository.markRead(ALICE, null, options)).toEqual(idsOf(messages.slice(4)));
        expect(await repository.markRead(ALICE, null, options)).toEqual([]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 0, queued: 1 });
        expect((await wholeHistory()).map((message) => message.state)).toEqual([
          ...range(1, 5, () => 'read'),
          'queued',
        ]);
      });

      it('stops at a clock, which is included', async () => {
        const messages = range(1, 5, (n) => incoming(n));
        await repository.addIncoming(messages);
        const options = { limit: 10, receipts: true };
        expect(await repository.markRead(ALICE, clockOf(0), options)).toEqual([]);
        expect(await repository.markRead(ALICE, clockOf(3), options)).toEqual(idsOf(messages.slice(0, 3)));
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 2 });
      });

      it('leaves other conversations alone, and takes one that is not there', async () => {
        await repository.addIncoming([incoming(1), incoming(2, { conversationId: BOB })]);
        await repository.markRead(ALICE, null, { limit: 10, receipts: true });
        expect(await repository.conversation(BOB)).toMatchObject({ unread: 1 });
        expect(await repository.markRead(ME, null, { limit: 10, receipts: true })).toEqual([]);
      });
    });

    describe('receipts', () => {
      it('are due for what was read, oldest first, until they are sent', async () => {
        const messages = range(1, 5, (n) => incoming(n));
        const ids = idsOf(messages);
        await repository.addIncoming([...messages].reverse());
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([]);
        await repository.markRead(ALICE, clockOf(4), { limit: 10, receipts: true });
        expect(await repository.receiptsDue(ALICE, 10)).toEqual(ids.slice(0, 4));
        expect(await repository.receiptsDue(ALICE, 3)).toEqual(ids.slice(0, 3));
        await repository.receiptsSent(ALICE, [ids[2]!, ids[0]!]);
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([ids[1], ids[3]]);
        await repository.receiptsSent(ALICE, ids.slice(0, 4));
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([]);
        expect((await wholeHistory()).map((message) => message.state)).toEqual([
          ...range(1, 4, () => 'read'),
          'delivered',
        ]);
      });

      it('are not due where they are switched off', async () => {
        await repository.addIncoming([incoming(1)]);
        await repository.markRead(ALICE, null, { limit: 10, receipts: false });
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([]);
      });

      it('that are not due can be acked without effect', async () => {
        const [unread, due, own] = [incoming(2), incoming(1), outgoing(3)];
        await repository.addIncoming([unread, due]);
        await repository.addOutgoing([own]);
        await repository.markRead(ALICE, clockOf(1), { limit: 10, receipts: true });
        await repository.receiptsSent(BOB, [due.id]);
        await repository.receiptsSent(ALICE, [unread.id, own.id, newMessageId(NOW)]);
        await repository.receiptsSent(ALICE, []);
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([due.id]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 1, queued: 1 });
      });
    });

    describe('conversations', () => {
      it('are none at first', async () => {
        expect(await repository.conversations()).toEqual([]);
        expect(await repository.conversation(ALICE)).toBeNull();
      });

      it('come with the greatest clock first, each with its counters and its last message', async () => {
        const alice = [incoming(1), incoming(4), outgoing(6)];
        const bob = [outgoing(2, { conversationId: BOB }), incoming(9, { conversationId: BOB })];
        await repository.addIncoming([alice[0]!, bob[1]!, alice[1]!]);
        await repository.addOutgoing([bob[0]!, alice[2]!]);
        const ofAlice = {
          id: ALICE,
          kind: 'direct',
          unread: 2,
          queued: 1,
          lastClock: clockOf(6),
          last: alice[2],
        };
        const ofBob = { id: BOB, kind: 'direct', unread: 1, queued: 1, lastClock: clockOf(9), last: bob[1] };
        expect(await repository.conversations()).toEqual([ofBob, ofAlice]);
        expect(await repository.conversation(ALICE)).toEqual(ofAlice);
        expect(await repository.conversation(BOB)).toEqual(ofBob);
        await repository.addIncoming([incoming(10)]);
        expect((await repository.conversations()).map((one) => one.id)).toEqual([ALICE, BOB]);
      });

      it('show the last message by order, not by arrival, in its present state', async () => {
        const [late, last] = [incoming(3), outgoing(8)];
        await repository.addOutgoing([last]);
        await repository.addIncoming([late]);
        await repository.setState(ALICE, [last.id], 'delivered');
        expect(await repository.conversation(ALICE)).toMatchObject({
          lastClock: clockOf(8),
          last: { ...last, state: 'delivered' },
        });
        const tied = incoming(8);
        await repository.addIncoming([tied]);
        const expected = [last, tied].sort(compareMessages).at(-1);
        expect((await repository.conversation(ALICE))?.last?.id).toBe(expected?.id);
        await repository.markRead(ALICE, null, { limit: 10, receipts: true });
        expect((await repository.conversation(ALICE))?.last).toEqual(
          await repository.find(ALICE, expected!.id),
        );
      });
    });

    describe('calls that are made at once', () => {
      it('take effect in the order in which they were made', async () => {
        const message = outgoing(1);
        const theirs = incoming(2);
        const answers = await Promise.all([
          repository.setState(ALICE, [message.id], 'delivered'),
          repository.addOutgoing([message]),
          repository.find(ALICE, message.id),
          repository.setState(ALICE, [message.id], 'delivered'),
          repository.queued(ALICE, '', 10, 10),
          repository.setState(ALICE, [message.id], 'read'),
          repository.markRead(ALICE, null, { limit: 10, receipts: true }),
          repository.addIncoming([theirs]),
          repository.conversation(ALICE),
          repository.markRead(ALICE, null, { limit: 10, receipts: true }),
          repository.receiptsDue(ALICE, 10),
          repository.receiptsSent(ALICE, [theirs.id]),
          repository.receiptsDue(ALICE, 10),
          repository.setState(ALICE, [message.id], 'delivered'),
        ]);
        expect(answers[0]).toEqual([]);
        expect(answers[2]).not.toBeNull();
        expect(answers[3]).toEqual([message.id]);
        expect(answers[4]).toEqual([]);
        expect(answers[5]).toEqual([message.id]);
        expect(answers[6]).toEqual([]);
        expect(answers[7]).toEqual([true]);
        expect(answers[8]).not.toBeNull();
        expect(answers[9]).toEqual([theirs.id]);
        expect(answers[10]).toEqual([theirs.id]);
        expect(answers[12]).toEqual([]);
        expect(answers[13]).toEqual([]);
        expect((await wholeHistory()).map((one) => one.state)).toEqual(['read', 'read']);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 0, queued: 0 });
      });

      it('are all done, a hundred in parallel of each kind', async () => {
        const sent = range(1, 100, (n) => outgoing(2 * n));
        const received = range(1, 100, (n) => incoming(2 * n + 1));
        const work: Promise<unknown>[] = [];
        for (let n = 0; n < 100; n += 1) {
          work.push(repository.addOutgoing([sent[n]!]), repository.addIncoming([received[n]!]));
          if (n % 2 === 0) work.push(repository.setState(ALICE, [sent[n]!.id], 'delivered'));
          if (n % 5 === 0)
            work.push(repository.markRead(ALICE, received[n]!.clock, { limit: 5, receipts: true }));
          if (n % 10 === 0) work.push(repository.history(ALICE, { limit: 3 }), repository.conversations());
        }
        await Promise.all(work);
        const all = [...sent, ...received].sort(compareMessages);
        const history = await wholeHistory();
        expect(idsOf(history)).toEqual(idsOf(all));
        const count = (state: string): number => history.filter((message) => message.state === state).length;
        expect([count('queued'), count('delivered'), count('read')]).toEqual([50, 50 + 4, 96]);
        expect(await repository.conversation(ALICE)).toMatchObject({ unread: 4, queued: 50 });
        expect(await repository.receiptsDue(ALICE, 1000)).toHaveLength(96);
        expect(await repository.queued(ALICE, '', 1000, 1_000_000)).toHaveLength(50);
      });
    });

    describe('after a close', () => {
      it('everything is there again', async () => {
        const sent = range(1, 4, (n) => outgoing(n));
        const received = range(5, 8, (n) => incoming(n));
        await repository.addOutgoing(sent);
        await repository.addIncoming(received);
        await repository.addOutgoing([outgoing(9, { conversationId: BOB })]);
        await repository.setState(ALICE, [sent[0]!.id], 'delivered');
        await repository.setState(ALICE, [sent[1]!.id], 'failed', 'blocked');
        await repository.markRead(ALICE, clockOf(6), { limit: 10, receipts: true });
        await repository.receiptsSent(ALICE, [received[0]!.id]);
        const [history, conversations] = [await wholeHistory(), await repository.conversations()];
        await reopen();
        expect(await wholeHistory()).toEqual(history);
        expect(await repository.conversations()).toEqual(conversations);
        expect(await repository.receiptsDue(ALICE, 10)).toEqual([received[1]!.id]);
        expect(await repository.queued(ALICE, '', 10, 1_000)).toEqual(sent.slice(2));
        expect(await repository.addIncoming(received)).toEqual([false, false, false, false]);
        expect(await repository.conversations()).toEqual(conversations);
      });

      it('what was asked before it was done', async () => {
        const messages = range(1, 20, (n) => outgoing(n));
        const work = messages.map((message) => repository.addOutgoing([message]));
        await reopen();
        await Promise.all(work);
        expect(idsOf(await wholeHistory())).toEqual(idsOf(messages));
      });

      it('calls reject', async () => {
        await storage.close();
        for (const call of [repository.addOutgoing([outgoing(1)]), repository.conversations()]) {
          const error: unknown = await call.catch((e: unknown) => e);
          expect(error).toBeInstanceOf(StorageError);
          expect(error).toMatchObject({ code: 'storage-failed' });
        }
      });
    });
  });
}
