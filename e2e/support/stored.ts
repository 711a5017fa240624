/** What tests and benchmarks put into stores, and read of them as a node does. */
import { hash, randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import {
  type Batch,
  contentText,
  createBatch,
  directConversation,
  hex,
  messageId,
  peerIdOfKey,
  segmentTag,
  SystemClock,
  type Tip,
  tipOf,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import mongoose from 'mongoose';
import { ConversationList } from '../../chat-node/dist/core/conversations/conversation-list.js';
import { Conversations } from '../../chat-node/dist/core/conversations/conversations.js';
import { Messages } from '../../chat-node/dist/core/conversations/messages.js';
import { StorageHealth } from '../../chat-node/dist/core/delivery/storage-health.js';
import { ChatEvents } from '../../chat-node/dist/core/events.js';
import { type Change, ConversationStore } from '../../chat-node/dist/core/ports/conversation.store.js';
import { SqliteStore } from '../../chat-node/dist/storage/sqlite/sqlite-store.js';
import { MongoStorageModule } from '../../chat-node/dist/storage/mongo/mongo-storage.module.js';

const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');
const random = (length: number): Uint8Array => randomBytes(length);
/** No store looks at a signature, so that nothing else is measured. */
const NOT_SIGNED = new Uint8Array(64);
const SIGNER = { sha256, random, sign: () => NOT_SIGNED };

/** The peer id of a made-up person. */
export function peerIdOf(name: string): string {
  return peerIdOfKey(testKeys(name).publicKey);
}

/** Whose stores these are. */
export const ME = peerIdOf('me');
/** Somebody else. */
export const THEM = peerIdOf('them');

/** Milliseconds since 1970 of the latest batch: stores know that a batch spans a minute at most. */
let now = Date.UTC(2026, 0, 1);
const APART_MS = 1_000;

/** The conversation with somebody, as two feeds. */
export class StoredConversation {
  readonly id: string;
  readonly ours: StoredFeed;
  readonly theirs: StoredFeed;
  readonly #peerId: string;

  constructor(peerId: string) {
    this.#peerId = peerId;
    this.id = directConversation(ME, peerId, sha256);
    this.ours = new StoredFeed(this.id, ME);
    this.theirs = new StoredFeed(this.id, peerId);
  }

  /** What makes it one that is stored. */
  record(): Change {
    return { type: 'conversation', record: { id: this.id, kind: 'direct', peerId: this.#peerId, seen: [] } };
  }

  /** The other one has all of ours. */
  delivered(): Change {
    return this.watermark(this.ours.tip === null ? [] : [this.ours.tip]);
  }

  /** The other one has ours up to these. */
  watermark(have: readonly Tip[]): Change {
    const watermark = { conversation: this.id, author: ME, member: this.#peerId, have, read: [] };
    return { type: 'watermark', watermark };
  }
}

/** One author's feed: each batch comes after all that were made before it, in any feed. */
export class StoredFeed {
  tip: Tip | null = null;
  readonly #conversation: string;
  readonly #author: string;
  #segment = hex(randomBytes(16));
  #first = 1;

  constructor(conversation: string, author: string) {
    this.#conversation = conversation;
    this.#author = author;
  }

  /** As after another start of its author. */
  newSegment(): void {
    this.#segment = hex(randomBytes(16));
    this.#first = 1;
  }

  batch(bodies: readonly string[]): Batch {
    now += APART_MS;
    const clock = BigInt(now) << 16n;
    const entries = bodies.map((body, nth) => ({
      clock: (clock + BigInt(nth)).toString(16).padStart(16, '0'),
      sentAt: now,
      content: contentText({ kind: 'text', body }),
    }));
    const header = {
      conversation: this.#conversation,
      author: this.#author,
      segment: this.#segment,
      first: this.#first,
      follows: this.tip === null ? [] : [this.tip],
    };
    const batch = createBatch(header, entries, SIGNER);
    this.#first += bodies.length;
    this.tip = tipOf(batch);
    return batch;
  }

  /** A batch as its change: of ours it is appended, of others received. */
  change(bodies: readonly string[]): Change & { batch: Batch } {
    const batch = this.batch(bodies);
    if (this.#author === ME) return { type: 'append', batch, keys: [] };
    return { type: 'receive', batch, receivedAt: now, dropped: false };
  }
}

/** The id of a batch's first message. */
export function firstMessage({
  conversation,
  author,
  segment,
  first,
}: Pick<Batch, 'conversation' | 'author' | 'segment' | 'first'>): string {
  return messageId(segmentTag(conversation, author, segment, sha256), first);
}

export interface Reader {
  messages: Messages;
  list: ConversationList;
}

/** Reads a store as a node does that has just started. */
export async function readerOf(store: ConversationStore): Promise<Reader> {
  const keys = { peerId: ME, sha256, learnMember: () => undefined };
  const conversations = new Conversations({ store, keys });
  await conversations.load();
  const events = new ChatEvents((error) => {
    throw error;
  });
  const messages = new Messages({
    store,
    keys,
    conversations,
    outgoing: { append: () => Promise.reject(new Error('nothing is written here')) },
    events,
    health: new StorageHealth(new SystemClock()),
    people: {
      isContact: () => true,
      isBlocked: () => false,
      nameOf: (peerId) => peerId,
      introduce: () => Promise.resolve(),
      accept: () => Promise.resolve(),
    },
    mayDelete: () => (by, author) => by === author,
    receipts: () => false,
    onTold: () => undefined,
  });
  return { messages, list: new ConversationList({ self: ME, conversations, messages }) };
}

/** Opens the built store: SQLite at a path, MongoDB at a connection string. */
export function openStore(target: string): Promise<ConversationStore> {
  return target.startsWith('mongodb') ? openMongodb(target) : SqliteStore.open({ file: target });
}

/** A store in a database of its own; closing it ends its connection. */
export async function openMongodb(uri: string): Promise<ConversationStore> {
  const app = await NestFactory.createApplicationContext(MongoStorageModule.of({ uri }), { logger: false });
  const store = app.get(ConversationStore);
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await app.close();
  };
  return store;
}

export async function dropDatabase(uri: string): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}
