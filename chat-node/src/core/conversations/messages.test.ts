import { contentText, createBatch, MAX_BODY_BYTES, messageId, segmentTag } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryDisk, MemoryStore } from '../../storage/memory/memory-store.js';
import { TestKeys } from '../../testing/test-keys.js';
import { StorageHealth } from '../delivery/storage-health.js';
import { type ChatEvent, ChatEvents } from '../events.js';
import { Mutex } from '../mutex.js';
import type { Change } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { Erasing } from './erasing.js';
import { ConversationList, MAX_COUNTED_UNREAD } from './conversation-list.js';
import { Conversations } from './conversations.js';
import type { EarlierMessage } from './import.js';
import { Messages } from './messages.js';
import { Outgoing } from './outgoing.js';

const KEYS = new TestKeys('alice');
const BOB = new TestKeys('bob');
const CAROL = new TestKeys('carol');

const people = {
  contacts: new Set<string>(),
  blocked: new Set<string>(),
  isContact: (peerId: string) => people.contacts.has(peerId),
  isBlocked: (peerId: string) => people.blocked.has(peerId),
  nameOf: (peerId: string) => peerId,
  introduce: vi.fn(async (_peerId: string, _user?: string) => undefined),
  accept: vi.fn(async (peerId: string) => void people.contacts.add(peerId)),
};

let clock: ManualClock;
let disk: MemoryDisk;
let store: MemoryStore;
let conversations: Conversations;
let messages: Messages;
let list: ConversationList;
let events: ChatEvent[];
let receipts: boolean;
let told: string[];
let bob: Conversation;

const mayDelete = (by: string, author: string): boolean => by === author;
const start = async (): Promise<void> => {
  store = new MemoryStore(disk, queueMicrotask);
  conversations = new Conversations({ store, keys: KEYS });
  await conversations.load();
  const chatEvents = new ChatEvents((error) => {
    throw error;
  });
  events = [];
  chatEvents.subscribe((event) => events.push(event));
  const outgoing = new Outgoing({
    store,
    keys: KEYS,
    events: chatEvents,
    clock,
    random: () => 0.5,
    log: { info: vi.fn(), warn: vi.fn(), debug: vi.fn(), error: vi.fn() } as never,
    commitAsContact: async ({ peerId }, changes) => {
      await store.commit(changes);
      people.contacts.add(peerId ?? '');
    },
    mutex: new Mutex(),
    erasing: new Erasing({
      store,
      sha256: KEYS.sha256,
      mayDelete: () => mayDelete,
      self: KEYS.peerId,
    }),
    onAppended: vi.fn(),
  });
  messages = new Messages({
    store,
    keys: KEYS,
    conversations,
    outgoing,
    events: chatEvents,
    health: new StorageHealth(clock),
    people,
    mayDelete: () => mayDelete,
    receipts: () => receipts,
    onTold: ({ id }) => told.push(id),
  });
  list = new ConversationList({ self: KEYS.peerId, conversations, messages });
  bob = conversations.direct(BOB.peerId);
};

beforeEach(async () => {
  clock = new ManualClock();
  disk = new MemoryDisk();
  receipts = true;
  told = [];
  people.contacts.clear();
  people.blocked.clear();
  vi.clearAllMocks();
  await start();
});

/** Messages of the other one arrive, in one batch. @param segment one of theirs, by a digit */
const arrive = async (
  bodies: readonly string[],
  { keys = BOB, segment = '1' }: { keys?: TestKeys; segment?: string } = {},
): Promise<string[]> => {
  const conversation = conversations.direct(keys.peerId);
  const feed = await conversation.feed(keys.peerId);
  const name = segment.repeat(32);
  const before = feed.get(name)?.tip;
  const contents = bodies.map((body) => contentText({ kind: 'text', body }));
  const batch = createBatch(
    {
      conversation: conversation.id,
      author: keys.peerId,
      segment: name,
      first: (before?.seq ?? 0) + 1,
      follows: before === undefined ? [] : [before],
    },
    contents.map((content) => ({ clock: conversation.nextClock(clock.now()), sentAt: clock.now(), content })),
    keys,
  );
  const changes: Change[] = [
    ...conversation.toStore(),
    { type: 'receive', batch, receivedAt: clock.now(), dropped: false },
  ];
  await store.commit(changes);
  conversation.committed(changes);
  const tag = segmentTag(conversation.id, keys.peerId, name, KEYS.sha256);
  feed.add(batch, tag);
  return bodies.map((_, nth) => messageId(tag, batch.first + nth));
};

/** The other one says what it holds, and what was read. */
const state = async (have: boolean, read: boolean): Promise<void> => {
  const tips = [...bob.tips(KEYS.peerId)];
  const before = bob.watermark(KEYS.peerId, BOB.peerId);
  const watermark = { ...before, have: have ? tips : before.have, read: read ? tips : before.read };
  const changes: Change[] = [{ type: 'watermark', watermark }];
  await store.commit(changes);
  bob.committed(changes);
};

const history = async (page: { before?: string; after?: string } = {}): Promise<string[]> =>
  (await messages.history(bob.id, { limit: 1_000, ...page })).map(({ content }) =>
    content.kind === 'text' ? content.body : content.kind,
  );
const states = async (): Promise<string[]> =>
  (await messages.history(bob.id, { limit: 1_000 })).map(({ state: one }) => one);

describe('sending', () => {
  it('gives durable messages, queued until the other one holds them, then read', async () => {
    const [sent] = await messages.send(bob.id, ['hello']);
    expect(sent).toMatchObject({
      conversation: bob.id,
      author: KEYS.peerId,
      direction: 'out',
      content: { kind: 'text', body: 'hello' },
      receivedAt: null,
      state: 'queued',
    });
    expect(await messages.find(sent!.id)).toEqual(sent);
    await state(true, false);
    await messages.send(bob.id, ['again']);
    expect(await states()).toEqual(['delivered', 'queued']);
    await state(false, true);
    expect(await states()).toEqual(['read', 'read']);
    await start();
    expect(await states()).toEqual(['read', 'read']);
  });

  it('gives the numbers of a burst, in order, across batches', async () => {
    const bodies = Array.from({ length: 1_500 }, (_, nth) => `line ${nth}`);
    const ranges = await messages.sendRanges(bob.id, bodies);
    expect(ranges.map(({ first, last }) => [first, last])).toEqual([
      [1, 1_024],
      [1_025, 1_500],
    ]);
    const last = await messages.find(messageId(ranges[1]!.tag, 1_500));
    expect(last?.content).toEqual({ kind: 'text', body: 'line 1499' });
  });

  it.each([
    ['nothing', '', 'body-empty'],
    ['only spaces', ' \n\t', 'body-empty'],
    ['nothing that can be seen', '\u200b\u2800\u3164\u0301', 'body-empty'],
    ['more than 64 KiB', 'x'.repeat(MAX_BODY_BYTES + 1), 'body-too-large'],
    ['more than 64 KiB in bytes', 'é'.repeat(MAX_BODY_BYTES / 2 + 1), 'body-too-large'],
    ['what is too large with its escapes', `a${'\u0001'.repeat(MAX_BODY_BYTES / 2)}`, 'body-too-large'],
    ['half a character', '\ud800', 'body-malformed'],
  ])('refuses %s, and with it all of its call', async (_what, body, code) => {
    await expect(messages.send(bob.id, ['fine', body])).rejects.toMatchObject({ code });
    expect(await history()).toEqual([]);
  });

  it('takes a body of 64 KiB', async () => {
    await messages.send(bob.id, ['x'.repeat(MAX_BODY_BYTES)]);
    expect(await history()).toEqual(['x'.repeat(MAX_BODY_BYTES)]);
  });

  it('refuses what goes to oneself, to a blocked person, or nowhere', async () => {
    const self = conversations.direct(KEYS.peerId);
    await expect(messages.send(self.id, ['hi'])).rejects.toMatchObject({ code: 'peer-is-self' });
    people.blocked.add(BOB.peerId);
    await expect(messages.send(bob.id, ['hi'])).rejects.toMatchObject({ code: 'peer-blocked' });
    await expect(messages.send('unknown', ['hi'])).rejects.toMatchObject({ code: 'conversation-unknown' });
  });

  it('keeps nothing of what a full storage refused', async () => {
    disk.full = true;
    await expect(messages.send(bob.id, ['lost'])).rejects.toMatchObject({ code: 'storage-full' });
    disk.full = false;
    await messages.send(bob.id, ['kept']);
    expect(await history()).toEqual(['kept']);
  });
});

describe('a key', () => {
  it('gives the same message again, at once, later and after a restart', async () => {
    const both = await Promise.all([
      messages.send(bob.id, ['once'], 'key'),
      messages.send(bob.id, ['once'], 'key'),
    ]);
    const [first] = both[0];
    expect(both[1]).toEqual([first]);
    expect(await messages.send(bob.id, ['once'], 'key')).toEqual([first]);
    await start();
    expect(await messages.send(bob.id, ['once'], 'key')).toEqual([first]);
    expect(await history()).toEqual(['once']);
  });

  it('is refused for another message of the conversation, not for one of another', async () => {
    const running = messages.send(bob.id, ['once'], 'key');
    await expect(messages.send(bob.id, ['other'], 'key')).rejects.toMatchObject({ code: 'key-reused' });
    await running;
    await expect(messages.send(bob.id, ['other'], 'key')).rejects.toMatchObject({ code: 'key-reused' });
    const carol = conversations.direct(CAROL.peerId);
    expect(await messages.send(carol.id, ['other'], 'key')).toHaveLength(1);
  });

  it.each([
    ['an empty one', '', ['one']],
    ['one of 129 characters', 'k'.repeat(129), ['one']],
    ['one for two messages', 'key', ['one', 'two']],
  ])('is refused: %s', async (_what, key, bodies) => {
    await expect(messages.send(bob.id, bodies, key)).rejects.toMatchObject({ code: 'key-malformed' });
  });

  it('goes on after a write of unknown outcome that is refused for good', async () => {
    disk.away = () => false;
    await expect(messages.send(bob.id, ['lost'], 'key')).rejects.toMatchObject({ outcome: 'unknown' });
    disk.away = null;
    disk.keys.set(`${bob.id} key`, { segment: 'f'.repeat(32), seq: 1 });
    await messages.send(bob.id, ['later']);
    expect(await history()).toEqual(['later']);
  });

  it.each([
    ['was carried out', true],
    ['was not', false],
  ])('makes a retry safe after a write of unknown outcome that %s', async (_what, done) => {
    disk.away = () => done;
    await expect(messages.send(bob.id, ['once'], 'key')).rejects.toMatchObject({ outcome: 'unknown' });
    disk.away = null;
    expect(await messages.send(bob.id, ['once'], 'key')).toHaveLength(1);
    await clock.advance(60_000);
    expect(await history()).toEqual(['once']);
  });
});

describe('history', () => {
  it('mixes both feeds in the order of their clocks, in pages', async () => {
    await arrive(['1', '2']);
    await messages.send(bob.id, ['3']);
    const [fourth] = await arrive(['4', '5']);
    expect(await history()).toEqual(['1', '2', '3', '4', '5']);
    expect(await history({ before: fourth! })).toEqual(['1', '2', '3']);
    expect(await history({ after: fourth! })).toEqual(['5']);
    expect(await messages.history(bob.id, { limit: 2 })).toMatchObject([
      { content: { body: '4' }, direction: 'in', receivedAt: clock.now() },
      { content: { body: '5' }, state: 'delivered' },
    ]);
  });

  it('knows no page beside a message of another conversation', async () => {
    const [other] = await arrive(['hi'], { keys: CAROL });
    await expect(history({ before: other! })).rejects.toMatchObject({ code: 'message-unknown' });
    await expect(history({ after: 'nonsense' })).rejects.toMatchObject({ code: 'message-unknown' });
  });
});

describe('reading', () => {
  beforeEach(() => void people.contacts.add(BOB.peerId));

  it('marks all, tells of it, and counts what was unread', async () => {
    await arrive(['1', '2']);
    await arrive(['3'], { segment: '2' });
    expect(await list.summary(bob.id)).toMatchObject({ unread: 3 });
    expect(await messages.markRead(bob.id)).toBe(3);
    expect(await list.summary(bob.id)).toMatchObject({ unread: 0 });
    expect(await states()).toEqual(['read', 'read', 'read']);
    expect(bob.watermark(BOB.peerId, KEYS.peerId).read).toHaveLength(2);
    expect(told).toEqual([bob.id]);
    expect(events).toMatchObject([
      {
        type: 'states',
        state: 'read',
        ranges: [
          { first: 1, last: 2 },
          { first: 1, last: 1 },
        ],
      },
      { type: 'conversation', conversation: bob.id },
    ]);
    expect(await messages.markRead(bob.id)).toBe(0);
    expect(events).toHaveLength(2);
    await start();
    expect(await list.summary(bob.id)).toMatchObject({ unread: 0 });
  });

  it('marks up to a message of theirs, of oneself, or from before the first', async () => {
    const [early] = await messages.send(bob.id, ['before all']);
    const [first] = await arrive(['1', '2', '3']);
    const [answer] = await messages.send(bob.id, ['answer']);
    await arrive(['4']);
    expect(await messages.markRead(bob.id, early!.id)).toBe(0);
    expect(await messages.markRead(bob.id, first)).toBe(1);
    expect(await messages.markRead(bob.id, answer!.id)).toBe(2);
    expect(await messages.markRead(bob.id, first)).toBe(0);
    expect(await list.summary(bob.id)).toMatchObject({ unread: 1 });
    await expect(messages.markRead(bob.id, 'nonsense')).rejects.toMatchObject({ code: 'message-unknown' });
  });

  it('is noted but not told where receipts are off or the person is blocked', async () => {
    await arrive(['1']);
    receipts = false;
    expect(await messages.markRead(bob.id)).toBe(1);
    await arrive(['2']);
    receipts = true;
    people.blocked.add(BOB.peerId);
    expect(await messages.markRead(bob.id)).toBe(1);
    expect(bob.watermark(BOB.peerId, KEYS.peerId).read).toEqual([]);
    expect(told).toEqual([]);
    expect(await states()).toEqual(['read', 'read']);
  });

  it('changes nothing of a stranger', async () => {
    people.contacts.clear();
    await arrive(['1']);
    expect(await messages.markRead(bob.id)).toBe(0);
    expect(await list.summary(bob.id)).toMatchObject({ unread: 1 });
  });

  it('leaves all as it was where the storage refuses', async () => {
    await arrive(['1']);
    disk.full = true;
    await expect(messages.markRead(bob.id)).rejects.toMatchObject({ code: 'storage-full' });
    disk.full = false;
    expect(await states()).toEqual(['delivered']);
    expect(await messages.markRead(bob.id)).toBe(1);
  });
});

describe('the list', () => {
  it('counts what is unread up to where more makes no difference', async () => {
    await arrive(Array.from({ length: MAX_COUNTED_UNREAD - 1 }, (_, n) => `${n}`));
    expect(await list.summary(bob.id)).toMatchObject({ unread: MAX_COUNTED_UNREAD - 1 });
    await arrive(['one', 'two']);
    expect(await list.summary(bob.id)).toMatchObject({ unread: MAX_COUNTED_UNREAD });
  });

  it('has the latest first, with what is unread and queued', async () => {
    expect(await list.summaries()).toEqual([]);
    await arrive(['hi']);
    await messages.send(bob.id, ['one', 'two']);
    clock.jump(1_000);
    await arrive(['later'], { keys: CAROL });
    expect(await list.summaries()).toMatchObject([
      { peerId: CAROL.peerId, unread: 1, queued: 0, last: { content: { body: 'later' } } },
      { peerId: BOB.peerId, kind: 'direct', unread: 1, queued: 2, last: { content: { body: 'two' } } },
    ]);
    expect(await list.queued()).toBe(2);
    await state(true, false);
    expect(await list.queued()).toBe(0);
    expect(await list.summary('unknown')).toBeNull();
  });

  it('loads no segments where all is delivered and read', async () => {
    people.contacts.add(BOB.peerId);
    await arrive(['hi']);
    await messages.send(bob.id, ['hello']);
    await state(true, true);
    await messages.markRead(bob.id);
    await start();
    const segments = vi.spyOn(store, 'segments');
    expect(await list.summaries()).toMatchObject([{ unread: 0, queued: 0, last: { state: 'read' } }]);
    expect(segments).not.toHaveBeenCalled();
  });

  it('counts no more than a thousand unread', async () => {
    await arrive(Array.from({ length: 1_001 }, () => 'x'));
    expect(await list.summary(bob.id)).toMatchObject({ unread: 1_000 });
  });
});

describe('import', () => {
  const earlier = (nth: number, more: Partial<EarlierMessage> = {}): EarlierMessage => ({
    id: messageId('a'.repeat(26), nth),
    peerId: BOB.peerId,
    direction: 'in',
    user: 'Bob',
    clock: `0000000000${nth.toString(16).padStart(6, '0')}`,
    sentAt: nth,
    receivedAt: nth,
    content: contentText({ kind: 'text', body: `earlier ${nth}` }),
    state: 'delivered',
    ...more,
  });

  it('restores both sides once, read, and introduces the person', async () => {
    const all = [earlier(1), earlier(2, { direction: 'out', user: 'Alice', receivedAt: null })];
    expect(await messages.import(all)).toEqual({ imported: 2, known: 0 });
    expect(await messages.import([...all, earlier(3), earlier(3)])).toEqual({ imported: 1, known: 3 });
    expect(await history()).toEqual(['earlier 1', 'earlier 2', 'earlier 3']);
    expect(await states()).toEqual(['read', 'delivered', 'read']);
    expect(people.introduce).toHaveBeenCalledWith(BOB.peerId, 'Bob');
    expect(people.accept).toHaveBeenCalledWith(BOB.peerId);
    const told = ['conversation', 'history'].map((type) => ({ type, conversation: bob.id }));
    expect(events).toEqual([...told, ...told]);
    await start();
    expect(await list.summaries()).toMatchObject([{ unread: 0, queued: 0, peerId: BOB.peerId }]);
  });

  it('accepts nobody who only wrote', async () => {
    await messages.import([earlier(1)]);
    expect(people.accept).not.toHaveBeenCalled();
  });

  it('refuses a history with oneself, all of it', async () => {
    const all = [earlier(1), earlier(2, { peerId: KEYS.peerId })];
    await expect(messages.import(all)).rejects.toMatchObject({ code: 'peer-is-self' });
    expect(await history()).toEqual([]);
  });

  it('gives way to the real entry, before and after it came', async () => {
    const tag = segmentTag(bob.id, BOB.peerId, '1'.repeat(32), KEYS.sha256);
    await messages.import([earlier(1, { id: messageId(tag, 1) }), earlier(2, { id: messageId(tag, 9) })]);
    const ids = await arrive(['real']);
    expect(ids).toEqual([messageId(tag, 1)]);
    expect(await history()).toEqual(['earlier 2', 'real']);
    expect(await messages.import([earlier(1, { id: messageId(tag, 1) })])).toEqual({ imported: 0, known: 1 });
  });

  it('moves the clock of the conversation, but not by centuries', async () => {
    const tomorrow = (clock.now() + 86_400_000).toString(16).padStart(12, '0');
    await messages.import([
      earlier(1, { clock: `${tomorrow}0000` }),
      earlier(2, { clock: '0600000000000000' }),
    ]);
    const [sent] = await messages.send(bob.id, ['after']);
    expect(sent!.clock).toBe(`${tomorrow}0001`);
  });
});

describe('search', () => {
  it('finds messages with their neighbours and states, the last saved first', async () => {
    await arrive(['one apple', 'a pear']);
    await messages.send(bob.id, ['two apples']);
    await arrive(['apple of Carol'], { keys: CAROL });
    const found = await messages.search('APPLE', { limit: 10 });
    expect(found).toMatchObject([
      { message: { content: { body: 'apple of Carol' } }, previous: null, next: null },
      {
        message: { content: { body: 'two apples' }, state: 'queued' },
        previous: { content: { body: 'a pear' } },
      },
      { message: { content: { body: 'one apple' } }, previous: null, next: { content: { body: 'a pear' } } },
    ]);
    expect(await messages.search('apple', { limit: 10, conversation: bob.id })).toEqual(found.slice(1));
    expect(await messages.search('apple', { limit: 1, before: found[0]!.message.id })).toEqual([found[1]]);
  });

  it('needs a word, and a message that is known', async () => {
    await expect(messages.search('...', { limit: 1 })).rejects.toMatchObject({ code: 'search-empty' });
    await expect(messages.search('a', { limit: 1, before: 'nonsense' })).rejects.toMatchObject({
      code: 'message-unknown',
    });
  });
});
