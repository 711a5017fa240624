import type { DatabaseSync } from 'node:sqlite';
import type { Change, ConversationStore } from '../../core/ports/conversation.store.js';
import { BatchReader } from './batch-reader.js';
import { ChangeWriter } from './change-writer.js';
import { ConversationReader } from './conversation-reader.js';
import { type IndexProgress, SearchIndex } from './search-index.js';
import { Statements } from './statements.js';
import type { Call } from './thread-messages.js';

type Port = Omit<ConversationStore, 'close'>;

/** What the storage thread does: the calls of the port without the waiting, and the filling of the index. */
export type Operations = {
  [Method in keyof Port]: (...args: Parameters<Port[Method]>) => Awaited<ReturnType<Port[Method]>>;
} & { indexMore: (upTo?: number) => IndexProgress };

const ERASING: ReadonlySet<Change['type']> = new Set(['erase', 'silence', 'forget']);
const WRITES: ReadonlySet<keyof Operations> = new Set(['commit', 'check', 'indexMore']);

/** Whether an operation needs a transaction. */
export function isWrite(method: keyof Operations): boolean {
  return WRITES.has(method);
}

/** Whether a call erases something for good. */
export function isErasing({ method, args }: Call): boolean {
  return method === 'commit' && (args[0] as readonly Change[]).some(({ type }) => ERASING.has(type));
}

/** The operations on an open database. */
export function operationsOf(database: DatabaseSync): Operations {
  const sql = new Statements(database);
  const reader = new BatchReader(sql);
  const conversations = new ConversationReader(sql);
  const search = new SearchIndex(sql, reader);
  const writer = new ChangeWriter(sql, search);
  return {
    commit: (changes) => changes.forEach((change) => writer.apply(change)),
    referring: (ranges) => reader.referring(ranges),
    countSilent: (...feed) => reader.countSilent(...feed),
    check: () => writer.touch(),
    indexMore: (upTo) => search.indexMore(upTo),
    search: (query) => search.search(query),
    conversations: () => conversations.snapshots(),
    segments: (...feed) => conversations.segments(...feed),
    keyed: (...key) => conversations.keyed(...key),
    roster: (id) => conversations.roster(id),
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
