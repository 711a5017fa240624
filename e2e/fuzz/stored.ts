import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directConversation, isMessageId, isUserName, MAX_BODY_BYTES, SystemClock } from '@p2p-chat/shared';
import { Chat } from '../../chat-node/dist/core/chat.js';
import type { Message } from '../../chat-node/dist/core/conversations/message.js';
import { ChatEvents } from '../../chat-node/dist/core/events.js';
import type { LinkHandler, PeerTransport } from '../../chat-node/dist/core/ports/peer-link.js';
import { OwnProfile } from '../../chat-node/dist/core/presence/own-profile.js';
import { NodeIdentityKeys } from '../../chat-node/dist/profile/identity-keys.js';
import { SqliteStore } from '../../chat-node/dist/storage/sqlite/sqlite-store.js';
import { LinkTable } from '../../chat-node/dist/transport/link-table.js';
import { FuzzFailure, randomOf } from './case.ts';
import { authorOf, input, sha256 } from './frames.ts';
import { feedInPieces, judgeVerified, Line, silent } from './wire.ts';

/** Peers that send, each on one link at a time; half of them contacts: strangers may leave little. */
const AUTHORS = Array.from({ length: 40 }, (_, n) => authorOf(n));
const PEERS = AUTHORS.map(({ peerId }) => peerId);
const BOB = authorOf(1_000);

/**
 * Feeds mutated frames and batches to a node with its real core and SQLite, and
 * looks at all that is stored in the end.
 * @param from the first case
 * @throws {FuzzFailure}
 */
export async function fuzzStored(seed: number, from: number, count: number): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'p2p-chat-fuzz-'));
  const store = await SqliteStore.open({ file: join(home, 'messages.sqlite') });
  const node = nodeOn(store);
  let index = from;
  try {
    await node.chat.start();
    for (const peerId of PEERS.slice(0, PEERS.length / 2)) await node.chat.accept(peerId);
    for (; index < from + count; index += AUTHORS.length) {
      const cases = Math.min(AUTHORS.length, from + count - index);
      const links = Array.from({ length: cases }, (_, n) => feed(node, seed, index + n));
      await node.untilDealt();
      for (const line of links) line.destroy();
    }
    const stored = await lookAtAll(node.chat, store);
    // In many cases nothing befalls a message of a contact.
    assert.ok(stored >= Math.floor(count / 100), `only ${stored} messages were stored`);
  } catch (error) {
    throw new FuzzFailure('stored', seed, index, error);
  } finally {
    await node.chat.stop();
    await store.close();
    await rm(home, { recursive: true });
  }
}

interface Node {
  chat: Chat;
  keys: NodeIdentityKeys;
  handler: LinkHandler;
  /** Waits until every frame so far was dealt with. */
  untilDealt(): Promise<void>;
}

/** A core that listens and dials nowhere: its links are made by hand. */
function nodeOn(store: SqliteStore): Node {
  const keys = new NodeIdentityKeys({ peerId: BOB.peerId, ...BOB.keys });
  const events = new ChatEvents((error) => {
    throw error;
  });
  const settings = { user: 'Bob', presence: 'online', status: '', receipts: true, typing: true } as const;
  let core: LinkHandler | undefined;
  const transport: PeerTransport = {
    listen: async (handler) => {
      core = handler;
      return 1;
    },
    dial: () => Promise.reject(new Error('nobody is there')),
    stop: async () => undefined,
  };
  const chat = new Chat({
    keys,
    profile: new OwnProfile(settings, { save: async () => undefined }, events),
    instance: 'fuzz',
    host: '127.0.0.1',
    staticAddresses: [],
    contacts: 'everyone',
    store,
    transport,
    discovery: [],
    events,
    clock: new SystemClock(),
    random: Math.random,
    log: silent,
  });
  const there = (): LinkHandler => {
    assert.ok(core !== undefined, 'the core listens');
    return core;
  };
  let dealt: Promise<void>[] = [];
  const handler: LinkHandler = {
    admits: (peerId) => there().admits(peerId),
    prefers: (peerId) => there().prefers(peerId),
    onOpen: (link) => there().onOpen(link),
    onFrame: (link, frame) => {
      const one = there().onFrame(link, frame);
      dealt.push(one);
      return one;
    },
    onClosed: (link, reason) => there().onClosed(link, reason),
  };
  const untilDealt = async (): Promise<void> => {
    const waiting = dealt;
    dealt = [];
    await Promise.allSettled(waiting);
  };
  return { chat, keys, handler, untilDealt };
}

function feed({ keys, handler }: Node, seed: number, index: number): Line {
  const random = randomOf(seed, index);
  const author = AUTHORS[index % AUTHORS.length] ?? BOB;
  const table = new LinkTable(
    {
      self: BOB.peerId,
      user: 'Bob',
      agent: 'fuzz/1',
      instance: 'me',
      clock: new SystemClock(),
      logger: silent,
      onGone: () => undefined,
      onProtocolError: () => undefined,
    },
    handler,
    () => 1,
  );
  const line = new Line();
  table
    .establish(line as unknown as Duplex, author.peerId, '192.0.2.1', false, () =>
      keys.learn(author.keys.publicKey),
    )
    .catch(() => undefined);
  const conversation = directConversation(BOB.peerId, author.peerId, sha256);
  feedInPieces(line, input(random, author, conversation), random);
  return line;
}

/** @returns how many messages there are */
async function lookAtAll(chat: Chat, store: SqliteStore): Promise<number> {
  for (const { peerId, user, addresses } of await store.peers()) {
    assert.ok(PEERS.includes(peerId), 'a peer that never was');
    assert.ok(isUserName(user), `a name: ${JSON.stringify(user)}`);
    for (const { host, port } of addresses)
      assert.deepEqual([host, port > 0 && port < 65_536], ['192.0.2.1', true]);
  }
  let count = 0;
  for (const { record } of await store.conversations()) {
    assert.ok(
      PEERS.some((peerId) => record.id === directConversation(BOB.peerId, peerId, sha256)),
      'a conversation with nobody',
    );
    for (const { batch } of await store.batches(record.id, record.peerId ?? '', 0, ALL)) judgeVerified(batch);
    let page = await chat.messages.history(record.id, { limit: 1_000 });
    while (page.length > 0) {
      for (const message of page) judge(message);
      count += page.length;
      page = await chat.messages.history(record.id, { limit: 1_000, before: page[0]?.id ?? '' });
    }
  }
  return count;
}

const ALL = { batches: 1_000_000, bytes: Number.MAX_SAFE_INTEGER };

function judge({ id, author, direction, content, sentAt, state }: Message): void {
  assert.ok(isMessageId(id), `an id that is none: ${id}`);
  assert.ok(PEERS.includes(author), 'an author who sent nothing');
  assert.deepEqual([direction, state], ['in', 'delivered']);
  assert.ok(Number.isSafeInteger(sentAt) && sentAt >= 0, `a time: ${sentAt}`);
  if (content.kind !== 'text') return;
  const bytes = Buffer.byteLength(content.body);
  assert.ok(content.body.isWellFormed() && bytes > 0 && bytes <= MAX_BODY_BYTES, `a body of ${bytes} bytes`);
}
