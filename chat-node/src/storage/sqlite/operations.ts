import type { DatabaseSync } from 'node:sqlite';
import type {
  BatchCursor,
  Change,
  ConversationSnapshot,
  ImportedMessage,
  MessagePlace,
  SearchQuery,
  SegmentRecord,
  StoredBatch,
} from '../../core/ports/conversation.store.js';
import type { PeerRecord } from '../../core/peers/peer.js';
import { BatchReader } from './batch-reader.js';
import { ChangeWriter } from './change-writer.js';
import { ConversationReader } from './conversation-reader.js';
import { type IndexProgress, SearchIndex } from './search-index.js';

/** What the storage thread does: the calls of the port without the waiting, and the filling of the index. */
export interface Operations {
  commit(changes: readonly Change[]): void;
  check(): void;
  indexMore(upTo?: number): IndexProgress;
  conversations(): ConversationSnapshot[];
  segments(conversation: string, author: string): SegmentRecord[];
  batches(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): StoredBatch[];
  batchOf(conversation: string, author: string, segment: string, seq: number): StoredBatch | null;
  hasDropped(conversation: string, author: string, segment: string, afterSeq: number): boolean;
  around(conversation: string, clock: string): StoredBatch[];
  before(conversation: string, cursor: BatchCursor, limit: number): StoredBatch[];
  after(conversation: string, cursor: BatchCursor, limit: number): StoredBatch[];
  imported(
    conversation: string,
    side: 'before' | 'after',
    place: { clock: string; author: string; id: string },
    limit: number,
  ): ImportedMessage[];
  find(id: string): MessagePlace | null;
  keyed(conversation: string, key: string): { segment: string; seq: number } | null;
  search(query: SearchQuery): MessagePlace[];
  peers(): PeerRecord[];
}

const WRITES: ReadonlySet<keyof Operations> = new Set(['commit', 'check', 'indexMore']);

/** Whether an operation needs a transaction. */
export function isWrite(method: keyof Operations): boolean {
  return WRITES.has(method);
}

/** The operations on an open database. */
export function operationsOf(database: DatabaseSync): Operations {
  const writer = new ChangeWriter(database);
  const reader = new BatchReader(database);
  const conversations = new ConversationReader(database);
  const search = new SearchIndex(database, reader);
  return {
    commit: (changes) => changes.forEach((change) => writer.apply(change)),
    check: () => writer.touch(),
    indexMore: (upTo) => search.indexMore(upTo),
    search: (query) => search.search(query),
    conversations: () => conversations.snapshots(),
    segments: (...feed) => conversations.segments(...feed),
    keyed: (...key) => conversations.keyed(...key),
    peers: () => conversations.peers(),
    batches: (...page) => reader.ofFeed(...page),
    batchOf: (...place) => reader.holding(...place),
    hasDropped: (...place) => reader.hasDropped(...place),
    around: (...place) => reader.around(...place),
    before: (...page) => reader.before(...page),
    after: (...page) => reader.after(...page),
    imported: (...page) => reader.imported(...page),
    find: (id) => reader.find(id),
  };
}
