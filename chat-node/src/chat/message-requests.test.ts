import {
  MAX_REQUEST_BODY_BYTES,
  MAX_REQUEST_MESSAGES,
  MAX_REQUESTS,
  MIN_RETRY_AFTER_MS,
  newMessageId,
  peerIdOfKey,
  REQUEST_RETRY_MS,
  type WireMessage,
} from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../testing/memory-network.js';
import { MemoryNode } from '../testing/memory-node.js';
import { MemoryDisk, MemoryStorage } from '../testing/memory-storage.js';
import { untilOn } from '../testing/until.js';
import { ChatEvents } from './events.js';
import { fromWire } from './message.js';
import { messagesOf } from './message-run.js';
import { MessageRequests } from './message-requests.js';
import { PeerDirectory } from './peer-directory.js';
import type { PeerLink } from './ports/peer-link.js';

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

  const until = untilOn(() => clock, MIN_RETRY_AFTER_MS);
  const arrived = async (): Promise<string[]> =>
    (await bob.chat.history(alice.peerId, { limit: 1_000 })).map(({ body }) => body);
  const states = async (): Promise<string[]> =>
    (await alice.chat.history(bob.peerId, { limit: 1_000 })).map(({ state }) => state);
  const inState = async (state: string): Promise<number> =>
    (await states()).filter((one) => one === state).length;
  const alicesRequest = async () => (await bob.chat.peer(alice.peerId))?.request;

  it('is a request: counted apart, readable, and not told of a reading', async () => {
    await alice.chat.send(bob.peerId, ['hello']);
    await until('delivered', async () => (await states())[0] === 'delivered');
    expect(await bob.chat.peer(alice.peerId)).toMatchObject({
      contact: false,
      unread: 0,
      request: { messages: 1 },
    });
    expect(bob.chat.requests).toBe(1);
    expect(await arrived()).toEqual(['hello']);
    expect(await bob.chat.markRead(alice.peerId)).toBe(0);
    await clock.advance(REQUEST_RETRY_MS);
    expect(await states()).toEqual(['delivered']);
    // Nothing was marked: it counts as unread once it is accepted.
    await bob.chat.accept(alice.peerId);
    expect(await bob.chat.peer(alice.peerId)).toMatchObject({ contact: true, unread: 1, request: null });
    expect(bob.chat.requests).toBe(0);
    expect(await bob.chat.markRead(alice.peerId)).toBe(1);
    await until('read', async () => (await states())[0] === 'read');
  });

  it(`has ${MAX_REQUEST_MESSAGES} messages waiting here, and the others at home, until they are accepted`, async () => {
    await alice.chat.send(bob.peerId, texts(MAX_REQUEST_MESSAGES));
    await until('delivered', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES);
    await alice.chat.send(bob.peerId, texts(20, MAX_REQUEST_MESSAGES + 1));
    await clock.advance(3 * REQUEST_RETRY_MS);
    expect(await arrived()).toEqual(texts(MAX_REQUEST_MESSAGES));
    expect(await inState('queued')).toBe(20);
    expect(await alicesRequest()).toEqual({ messages: MAX_REQUEST_MESSAGES });
    await bob.chat.accept(alice.peerId);
    // At once, not at the next try of the sender.
    await clock.advance(MIN_RETRY_AFTER_MS);
    await until('all there', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES + 20);
    expect(await arrived()).toEqual(texts(MAX_REQUEST_MESSAGES + 20));
    const told = bob.events.flatMap((event) => (event.type === 'messages' ? messagesOf(event.run) : []));
    expect(told.map(({ body }) => body)).toEqual(texts(MAX_REQUEST_MESSAGES + 20));
  });

  it('is asked to wait again by a node that starts anew, and forgets nothing', async () => {
    await alice.chat.send(bob.peerId, texts(MAX_REQUEST_MESSAGES + 2));
    await until('delivered', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES);
    bob.crash();
    await bob.start();
    await clock.advance(REQUEST_RETRY_MS);
    await until('linked', () => bob.chat.links === 1);
    expect(await arrived()).toEqual(texts(MAX_REQUEST_MESSAGES));
    expect(await alicesRequest()).toEqual({ messages: MAX_REQUEST_MESSAGES });
    await bob.chat.accept(alice.peerId);
    await until('all there', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES + 2);
    expect(await arrived()).toEqual(texts(MAX_REQUEST_MESSAGES + 2));
  });

  it('gets a repeat acked although no further message fits', async () => {
    network.takeDown('block');
    await alice.chat.send(bob.peerId, texts(MAX_REQUEST_MESSAGES));
    network.heal();
    await until('there', async () => (await arrived()).length === MAX_REQUEST_MESSAGES);
    // The acks are lost with the sender's memory of them.
    for (const message of alice.disk.messages.values()) message.state = 'queued';
    alice.crash();
    await alice.start();
    await until('acked', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES);
    expect(await arrived()).toEqual(texts(MAX_REQUEST_MESSAGES));
  });

  it(`may write ${MAX_REQUEST_BODY_BYTES} bytes at once, and shows up as a request with more`, async () => {
    await alice.chat.send(bob.peerId, ['x'.repeat(MAX_REQUEST_BODY_BYTES)]);
    await until('there', async () => (await arrived()).length === 1);
    const carol = await new MemoryNode('Carol', network).start();
    await carol.chat.send(bob.peerId, ['y'.repeat(MAX_REQUEST_BODY_BYTES + 1), 'short']);
    await until('knocked', async () => (await bob.chat.peer(carol.peerId))?.request);
    await clock.advance(2 * REQUEST_RETRY_MS);
    expect((await bob.chat.peer(carol.peerId))?.request).toEqual({ messages: 0 });
    expect(await bob.chat.history(carol.peerId, { limit: 10 })).toEqual([]);
    await bob.chat.accept(carol.peerId);
    await until('both', async () => (await bob.chat.history(carol.peerId, { limit: 10 })).length === 2);
    const bodies = (await bob.chat.history(carol.peerId, { limit: 10 })).map(({ body }) => body.length);
    expect(bodies).toEqual([MAX_REQUEST_BODY_BYTES + 1, 'short'.length]);
  });

  it('is accepted by an answer', async () => {
    await alice.chat.send(bob.peerId, texts(MAX_REQUEST_MESSAGES + 1));
    await until('a request', alicesRequest);
    await bob.chat.send(alice.peerId, ['welcome']);
    await until('all there', async () => (await arrived()).length === MAX_REQUEST_MESSAGES + 2);
    expect(await alicesRequest()).toBeNull();
  });

  it('cannot tell a block from an acceptance: all that waited is taken off them', async () => {
    await alice.chat.send(bob.peerId, texts(MAX_REQUEST_MESSAGES + 3));
    await until('a request', async () => (await alicesRequest())?.messages === MAX_REQUEST_MESSAGES);
    await bob.chat.setBlocked(alice.peerId, true);
    expect(bob.chat.requests).toBe(0);
    await until('acked', async () => (await inState('delivered')) === MAX_REQUEST_MESSAGES + 3);
    expect(await arrived()).toEqual(texts(MAX_REQUEST_MESSAGES));
    // Unblocked, they are the stranger that they were, with what waited before.
    await bob.chat.setBlocked(alice.peerId, false);
    expect(await alicesRequest()).toEqual({ messages: MAX_REQUEST_MESSAGES });
    await expect(bob.chat.setBlocked(alice.peerId, true)).resolves.toBeDefined();
    await expect(bob.chat.accept(alice.peerId)).rejects.toMatchObject({ code: 'peer-blocked' });
  });
});

describe('a node that takes contacts only', () => {
  let clock: ManualClock;
  let network: MemoryNetwork;
  let alice: MemoryNode;
  let bob: MemoryNode;

  beforeEach(async () => {
    clock = new ManualClock();
    network = new MemoryNetwork(clock);
    alice = await new MemoryNode('Alice', network).start();
    bob = await new MemoryNode('Bob', network, () => 0.5, { contactsOnly: true }).start();
    await alice.chat.send(bob.peerId, ['let me in']);
    for (let round = 0; round < 20; round += 1) await clock.advance(REQUEST_RETRY_MS / 20);
  });

  const heard = async (): Promise<string[]> =>
    (await bob.chat.history(alice.peerId, { limit: 10 })).map(({ body }) => body);

  it('has no link to a stranger, and the message waits at its author', async () => {
    expect(bob.chat.links).toBe(0);
    expect(bob.chat.requests).toBe(0);
    expect(await heard()).toEqual([]);
    expect(await alice.chat.queuedCount()).toBe(1);
  });

  it.each(['accepts them', 'writes to them'])('takes it as soon as somebody here %s', async (how) => {
    if (how === 'accepts them') await bob.chat.accept(alice.peerId);
    else await bob.chat.send(alice.peerId, ['come in']);
    for (let round = 0; round < 20 && (await alice.chat.queuedCount()) > 0; round += 1) {
      await clock.advance(1_000);
      for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await alice.chat.queuedCount()).toBe(0);
    expect(await heard()).toContain('let me in');
    // From then on as any contact, also after a start.
    bob.crash();
    await bob.start();
    expect(bob.chat.knownPeer(alice.peerId)?.contact).toBe(true);
  });
});

describe('many strangers', () => {
  const storage = (): MemoryStorage => new MemoryStorage(new MemoryDisk());
  let store: MemoryStorage;
  let directory: PeerDirectory;
  let requests: MessageRequests;

  beforeEach(() => {
    store = storage();
    const events = new ChatEvents((error) => {
      throw error;
    });
    directory = new PeerDirectory('self', store.peers, events, new ManualClock());
    requests = new MessageRequests(store.messages, directory, false);
  });

  interface Rejected {
    id: string;
    code: string;
    retryAfterMs: number | undefined;
  }

  function linkOf(peerId: string): { link: PeerLink; rejected: Rejected[] } {
    const rejected: Rejected[] = [];
    const link: PeerLink = {
      peer: { peerId, user: peerId, instance: 'one', agent: 'test', features: [], address: null },
      sendRuns: () => undefined,
      sendAck: () => undefined,
      sendPresence: () => undefined,
      sendTyping: () => undefined,
      sendReceipt: () => undefined,
      sendReject: (id, code, retryAfterMs) => void rejected.push({ id, code, retryAfterMs }),
      isAlive: () => Promise.resolve(true),
      close: () => undefined,
    };
    return { link, rejected };
  }

  let count = 0;
  const wire = (body = 'hello'): WireMessage => ({
    id: newMessageId(0),
    clock: (count += 1).toString(16).padStart(16, '0'),
    sentAt: 0,
    kind: 'text',
    body,
  });
  const take = async (link: PeerLink, ...messages: WireMessage[]): Promise<number> => {
    const { peerId } = link.peer;
    const admitted = await requests.admit(link, messages);
    await store.messages.addIncoming(admitted.map((one) => fromWire(one, peerId, peerId, 0)));
    await requests.stored(peerId);
    return admitted.length;
  };
  const stranger = (index: number): string => peerIdOfKey(testKeys(`stranger ${index}`).publicKey);

  it(`are ${MAX_REQUESTS} at most; the next one is asked to wait, and pushes nobody out`, async () => {
    for (let index = 0; index < MAX_REQUESTS; index += 1) {
      expect(await take(linkOf(stranger(index)).link, wire())).toBe(1);
    }
    const { link: late, rejected } = linkOf(stranger(MAX_REQUESTS));
    const message = wire();
    expect(await take(late, message)).toBe(0);
    expect(rejected).toEqual([{ id: message.id, code: 'requests-full', retryAfterMs: REQUEST_RETRY_MS }]);
    expect(requests.count).toBe(MAX_REQUESTS);
    expect(requests.of(stranger(0))).toBe(1);
    // Those who are there may go on.
    expect(await take(linkOf(stranger(0)).link, wire())).toBe(1);
    // A contact is no stranger.
    await directory.accept(stranger(MAX_REQUESTS + 1));
    expect(await take(linkOf(stranger(MAX_REQUESTS + 1)).link, wire())).toBe(1);
    // A decision makes room.
    await directory.setBlocked(stranger(1), true);
    requests.decided(stranger(1));
    expect(await take(late, message)).toBe(1);
  });

  it('are refused one by one: who floods fills only his own places', async () => {
    const { link: flooder, rejected } = linkOf(stranger(0));
    expect(await take(flooder, ...Array.from({ length: 100 }, () => wire()))).toBe(MAX_REQUEST_MESSAGES);
    expect(rejected).toHaveLength(100 - MAX_REQUEST_MESSAGES);
    expect(new Set(rejected.map(({ code }) => code))).toEqual(new Set(['request-pending']));
    expect(await take(linkOf(stranger(1)).link, wire())).toBe(1);
  });

  it('are found again among the stored conversations', async () => {
    await take(linkOf(stranger(0)).link, wire(), wire());
    const again = new MessageRequests(store.messages, directory, false);
    again.load(await store.messages.conversations());
    expect(again.count).toBe(1);
    expect(again.of(stranger(0))).toBe(2);
  });

  it('keep their order: what follows a refused message waits for it', async () => {
    const { link, rejected } = linkOf(stranger(0));
    const all = Array.from({ length: MAX_REQUEST_MESSAGES + 2 }, () => wire());
    await take(link, ...all);
    const [sixth, seventh] = all.slice(MAX_REQUEST_MESSAGES) as [WireMessage, WireMessage];
    await directory.accept(stranger(0));
    requests.decided(stranger(0));
    // Still on its way when the first refused one was called back.
    expect(await take(link, seventh)).toBe(0);
    expect(rejected.slice(2)).toEqual([
      { id: sixth.id, code: 'request-pending', retryAfterMs: 0 },
      { id: seventh.id, code: 'request-pending', retryAfterMs: 0 },
    ]);
    expect(await take(link, sixth, seventh)).toBe(2);
    expect(requests.concern(stranger(0))).toBe(false);
  });

  it('are refused altogether where only contacts are wanted', async () => {
    requests = new MessageRequests(store.messages, directory, true);
    const { link, rejected } = linkOf(stranger(0));
    expect(await take(link, wire())).toBe(0);
    expect(rejected).toMatchObject([{ code: 'contacts-only', retryAfterMs: REQUEST_RETRY_MS }]);
    expect(requests.count).toBe(0);
  });
});
