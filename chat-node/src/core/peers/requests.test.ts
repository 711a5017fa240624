import { MAX_REQUEST_MESSAGES, MAX_REQUESTS, REQUEST_RETRY_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory/memory-store.js';
import { testClock, TestFeed } from '../../testing/feeds.js';
import { MemoryNetwork } from '../../testing/memory-network.js';
import { MemoryNode } from '../../testing/memory-node.js';
import { TestKeys } from '../../testing/test-keys.js';
import { untilOn } from '../../testing/until.js';
import { Conversations } from '../conversations/conversations.js';
import { ChatEvents } from '../events.js';
import { Peers } from './peers.js';
import { type ContactsPolicy, Requests } from './requests.js';

const texts = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => `text ${from + index}`);

describe('a stranger who writes', () => {
  let clock: ManualClock;
  let network: MemoryNetwork;
  let alice: MemoryNode;
  let bob: MemoryNode;

  beforeEach(async () => {
    clock = new ManualClock();
    network = new MemoryNetwork(clock);
    alice = await new MemoryNode('Alice', network).start();
    bob = await new MemoryNode('Bob', network).start();
  });

  const until = untilOn(() => clock);
  /** Writes each text in a batch of its own. */
  const write = async (...bodies: string[]): Promise<void> => {
    for (const body of bodies) await alice.send(bob, body);
  };
  const inState = async (state: string): Promise<number> =>
    (await alice.history(bob)).filter((one) => one.state === state).length;
  const waits = (): number | undefined => bob.chat.requests.of(alice.peerId);
  const unread = async (): Promise<number | undefined> =>
    (await bob.chat.list.summary(bob.chat.conversations.direct(alice.peerId).id))?.unread;

  it('is a request: counted apart, readable, and not told of a reading', async () => {
    await write('hello');
    await until('a request', () => waits() === 1);
    await until('delivered', async () => (await inState('delivered')) === 1);
    expect(bob.chat.peers.get(alice.peerId)).toMatchObject({ contact: false, remembered: true });
    expect(bob.chat.requests.count).toBe(1);
    expect(await bob.texts(alice)).toEqual(['hello']);
    expect(await bob.read(alice)).toBe(0);
    await clock.advance(REQUEST_RETRY_MS);
    expect(await inState('delivered')).toBe(1);
    // Nothing was marked: it counts as unread once it is accepted.
    await bob.chat.accept(alice.peerId);
    expect(bob.chat.peers.isContact(alice.peerId)).toBe(true);
    expect(waits()).toBeUndefined();
    expect(bob.chat.requests.count).toBe(0);
    expect(await unread()).toBe(1);
    expect(await bob.read(alice)).toBe(1);
    await until('read', async () => (await inState('read')) === 1);
  });

  it(`has ${MAX_REQUEST_MESSAGES} messages waiting here, and the others at home, until they are accepted`, async () => {
    await write(...texts(MAX_REQUEST_MESSAGES));
    await until('delivered', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES);
    await write(...texts(20, MAX_REQUEST_MESSAGES + 1));
    await clock.advance(3 * REQUEST_RETRY_MS);
    expect(await bob.texts(alice)).toEqual(texts(MAX_REQUEST_MESSAGES));
    expect(await inState('queued')).toBe(20);
    expect(waits()).toBe(MAX_REQUEST_MESSAGES);
    const acceptedAt = clock.monotonic();
    await bob.chat.accept(alice.peerId);
    await until('all there', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES + 20);
    // At once, not at the next try of the sender.
    expect(clock.monotonic() - acceptedAt).toBeLessThan(REQUEST_RETRY_MS / 10);
    expect(await bob.texts(alice)).toEqual(texts(MAX_REQUEST_MESSAGES + 20));
    const told = bob.events.flatMap((event) =>
      event.type === 'messages' ? bob.chat.messages.project(event.kept) : [],
    );
    expect(told.map(({ content }) => content.kind === 'text' && content.body)).toEqual(
      texts(MAX_REQUEST_MESSAGES + 20),
    );
  });

  it('is asked to wait again by a node that starts anew, and forgets nothing', async () => {
    await write(...texts(MAX_REQUEST_MESSAGES + 2));
    await until('delivered', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES);
    bob.crash();
    await bob.start();
    expect(waits()).toBe(MAX_REQUEST_MESSAGES);
    await clock.advance(REQUEST_RETRY_MS);
    await until('linked', () => bob.chat.peers.links === 1);
    expect(await bob.texts(alice)).toEqual(texts(MAX_REQUEST_MESSAGES));
    await bob.chat.accept(alice.peerId);
    await until('all there', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES + 2);
    expect(await bob.texts(alice)).toEqual(texts(MAX_REQUEST_MESSAGES + 2));
  });

  it('is accepted by an answer', async () => {
    await write(...texts(MAX_REQUEST_MESSAGES + 1));
    await until('a request', () => waits() === MAX_REQUEST_MESSAGES);
    await bob.send(alice, 'welcome');
    await until('all there', async () => (await bob.texts(alice)).length === MAX_REQUEST_MESSAGES + 2);
    expect(waits()).toBeUndefined();
  });

  it('cannot tell a block from an acceptance: all that waited is taken off them', async () => {
    await write(...texts(MAX_REQUEST_MESSAGES + 3));
    await until('a request', () => waits() === MAX_REQUEST_MESSAGES);
    await bob.chat.setBlocked(alice.peerId, true);
    expect(bob.chat.requests.count).toBe(0);
    await until('acked', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES + 3);
    expect(await bob.texts(alice)).toEqual(texts(MAX_REQUEST_MESSAGES));
    await expect(bob.chat.accept(alice.peerId)).rejects.toMatchObject({ code: 'peer-blocked' });
    // Unblocked, they are the stranger that they were.
    await bob.chat.setBlocked(alice.peerId, false);
    expect(bob.chat.peers.isContact(alice.peerId)).toBe(false);
    expect(bob.chat.requests.count).toBe(1);
    expect(await bob.texts(alice)).toEqual(texts(MAX_REQUEST_MESSAGES));
    // What they write now waits, and comes with an acceptance.
    await write('later');
    await clock.advance(REQUEST_RETRY_MS);
    expect(await inState('queued')).toBe(1);
    await bob.chat.accept(alice.peerId);
    await until('the later one', async () => (await inState('queued')) === 0);
    expect(await bob.texts(alice)).toEqual([...texts(MAX_REQUEST_MESSAGES), 'later']);
  });
});

describe('a node that takes contacts only', () => {
  let clock: ManualClock;
  let alice: MemoryNode;
  let bob: MemoryNode;
  const until = untilOn(() => clock);

  beforeEach(async () => {
    clock = new ManualClock();
    const network = new MemoryNetwork(clock);
    alice = await new MemoryNode('Alice', network).start();
    bob = await new MemoryNode('Bob', network, { contacts: 'only' }).start();
    await alice.send(bob, 'let me in');
    for (let round = 0; round < 20; round += 1) await clock.advance(REQUEST_RETRY_MS / 20);
  });

  it('has no link to a stranger, and the message waits at its author', async () => {
    expect(bob.chat.peers.links).toBe(0);
    expect(bob.chat.requests.count).toBe(0);
    expect(await bob.texts(alice)).toEqual([]);
    expect(await alice.chat.list.queued()).toBe(1);
  });

  it.each(['accepts them', 'writes to them'])('takes it as soon as somebody here %s', async (how) => {
    if (how === 'accepts them') await bob.chat.accept(alice.peerId);
    else await bob.send(alice, 'come in');
    await until('delivery', async () => (await alice.chat.list.queued()) === 0);
    expect(await bob.texts(alice)).toContain('let me in');
    // From then on as any contact, also after a start.
    bob.crash();
    await bob.start();
    expect(bob.chat.peers.isContact(alice.peerId)).toBe(true);
  });
});

describe('many strangers', () => {
  const bob = new TestKeys('Bob');
  const strangers = Array.from({ length: MAX_REQUESTS + 2 }, (_, n) => new TestKeys(`stranger ${n}`).peerId);
  const stranger = (nth: number): string => strangers[nth]!;
  let store: MemoryStore;
  let peers: Peers;
  let conversations: Conversations;
  let requests: Requests;
  let changed: string[];

  const make = async (policy: ContactsPolicy = 'all'): Promise<void> => {
    changed = [];
    const events = new ChatEvents((error) => {
      throw error;
    });
    events.subscribe((event) => {
      if (event.type === 'peer') changed.push(event.peerId);
    });
    peers = new Peers({
      self: bob.peerId,
      ownName: () => 'Bob',
      store,
      events,
      clock: new ManualClock(),
      onNews: () => undefined,
    });
    conversations = new Conversations({ store, keys: bob });
    await peers.load();
    await conversations.load();
    requests = new Requests({ policy, peers, conversations });
    await requests.load();
  };
  beforeEach(async () => {
    store = new MemoryStore();
    await make();
  });
  /** Messages of that stranger come and are saved. */
  const arrives = async (nth: number, count = 1): Promise<void> => {
    const peerId = stranger(nth);
    const conversation = conversations.direct(peerId);
    const feed = new TestFeed(`stranger ${nth}`, conversation.id);
    const batch = feed.batch(texts(count), { clock: testClock(0) });
    await store.commit([
      ...conversation.toStore(),
      { type: 'receive', batch, receivedAt: 0, dropped: false },
    ]);
    (await conversation.feed(peerId)).add(batch, feed.id(batch).split('-')[0]!);
    await requests.changed(peerId);
  };

  it(`are ${MAX_REQUESTS} at most; the next one is asked to wait, and pushes nobody out`, async () => {
    for (let nth = 0; nth < MAX_REQUESTS; nth += 1) {
      expect(requests.admission(stranger(nth), 0)).toBe('take');
      await arrives(nth);
    }
    expect(requests.count).toBe(MAX_REQUESTS);
    expect(requests.admission(stranger(MAX_REQUESTS), 0)).toBe('hold');
    expect(requests.of(stranger(0))).toBe(1);
    // Those who are there may go on.
    expect(requests.admission(stranger(0), 1)).toBe('take');
    // A contact is no stranger.
    await peers.accept(stranger(MAX_REQUESTS + 1));
    expect(requests.admission(stranger(MAX_REQUESTS + 1), 1_000)).toBe('take');
    // A decision makes room.
    await peers.setBlocked(stranger(1), true);
    requests.decided(stranger(1));
    expect(changed).toContain(stranger(1));
    expect(requests.admission(stranger(1), 1_000)).toBe('drop');
    expect(requests.admission(stranger(MAX_REQUESTS), 0)).toBe('take');
  });

  it('fill only their own places', () => {
    expect(requests.admission(stranger(0), MAX_REQUEST_MESSAGES - 1)).toBe('take');
    expect(requests.admission(stranger(0), MAX_REQUEST_MESSAGES)).toBe('hold');
    expect(requests.admission(stranger(1), 0)).toBe('take');
  });

  it('are found again among the stored conversations', async () => {
    await arrives(0, 2);
    await arrives(1, 3);
    await arrives(2, 4);
    await peers.accept(stranger(1));
    await peers.setBlocked(stranger(2), true);
    await make();
    expect(requests.count).toBe(1);
    expect(strangers.slice(0, 3).map((peerId) => requests.of(peerId))).toEqual([2, undefined, undefined]);
  });

  it('all wait where only contacts are wanted', async () => {
    await make('only');
    expect(requests.admission(stranger(0), 0)).toBe('hold');
    await peers.accept(stranger(0));
    expect(requests.admission(stranger(0), 0)).toBe('take');
  });

  it('are taken like contacts where everyone may write, unless they are blocked', async () => {
    await make('everyone');
    expect(requests.admission(stranger(0), 1_000)).toBe('take');
    await peers.setBlocked(stranger(0), true);
    expect(requests.admission(stranger(0), 0)).toBe('drop');
  });
});
