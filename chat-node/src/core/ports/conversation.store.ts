import type { Batch, ReadMark, Tip } from '@p2p-chat/shared';
import type { MessageRange } from '../events.js';
import type { PeerRecord } from '../peers/peer.js';

/** Two people, or a group. */
export type ConversationKind = 'direct' | 'group';

/** A conversation as it is stored. */
export interface ConversationRecord {
  id: string;
  kind: ConversationKind;
  /** Of a direct conversation: the other one's peer id. */
  peerId: string | null;
  /** Up to where the person here has read each feed, whether others are told or not. */
  seen: readonly FeedMarks[];
  /** What notifies the person here; absent where they said nothing of it. */
  mute?: MuteLevel;
  /** Of a group: the person here does not want to hear of this invitation, or of the room, any more. */
  hidden?: boolean;
}

/** `all`: every message notifies; `mentions`: those that name the person; `off`: none. */
export type MuteLevel = 'all' | 'mentions' | 'off';

/** Marks in the feed of one author. */
export interface FeedMarks {
  author: string;
  marks: readonly ReadMark[];
}

/** What one member has told, or was told, of the feed of one author. */
export interface Watermark {
  conversation: string;
  /** Whose feed. */
  author: string;
  /** Whose statement. */
  member: string;
  have: readonly Tip[];
  read: readonly ReadMark[];
  /** When this node learnt that, of its own feed. */
  times?: ReceiptTimes;
}

/** What was learnt in one minute of a segment: all up to a number, less what came before. */
export interface ReceiptTime {
  segment: string;
  seq: number;
  /** The minute, in milliseconds since 1970; null where it is not known any more. */
  at: number | null;
}

/** The latest ones, oldest first. */
export interface ReceiptTimes {
  have: readonly ReceiptTime[];
  read: readonly ReceiptTime[];
}

/** What is known of a segment without its batches. */
export interface SegmentRecord {
  segment: string;
  /** What the ids of its messages begin with. */
  tag: string;
  /** Of its last batch. */
  tip: Tip;
  /**
   * The batches of it that name tips of other segments, in order: the seq of their first entry, and those tips.
   * Where the first batch that is held is not the first of the segment, it stands here with the tip before it.
   */
  links: readonly { first: number; follows: readonly Tip[] }[];
}

/** A conversation as it is after a start: a cost that does not grow with its length. */
export interface ConversationSnapshot {
  record: ConversationRecord;
  /** The tips of every feed that has any. */
  feeds: readonly { author: string; tips: readonly Tip[] }[];
  watermarks: readonly Watermark[];
  /** The greatest clock of its batches; '' while it is empty. */
  lastClock: string;
}

/** A batch that is durable here. */
export interface KeptBatch {
  batch: Batch;
  /** When it was saved here, in milliseconds since 1970; null where it was written here. */
  receivedAt: number | null;
}

/** A batch with its place in the store. */
export interface StoredBatch extends KeptBatch {
  /** Rises with each batch that is stored in this database. A batch comes after all that it follows. */
  position: number;
  /** Numbers of its entries that have no line of their own: they change other messages, or are hidden here. In no order. */
  silent: readonly number[];
}

/** A message of an earlier history: local, unsigned, never sent. Its id is that of the real entry. */
export interface ImportedMessage {
  id: string;
  conversation: string;
  /** Peer id. */
  author: string;
  clock: string;
  sentAt: number;
  receivedAt: number | null;
  /** JSON text of its content. */
  content: string;
  /** What had become of it. */
  state: 'queued' | 'delivered' | 'read';
}

/** A roster operation that is durable here. */
export interface KeptOperation {
  hash: string;
  conversation: string;
  bytes: Uint8Array;
}

/** A key that a client gave to a message of a batch. */
export interface MessageKey {
  key: string;
  seq: number;
}

/** Some entries of a segment. */
export interface SegmentEntries {
  conversation: string;
  author: string;
  segment: string;
  seqs: readonly number[];
}

/** One thing that changes. */
export type Change =
  /** A batch of this node's own. A key that the conversation has already rejects with `key-taken`. */
  | { type: 'append'; batch: Batch; keys: readonly MessageKey[] }
  /**
   * A batch that arrived. Where it is dropped (its author is blocked), the segment
   * moves on and its row is as any other, without the bytes: it is in no page,
   * found by no search, and never sent. It costs as much as one that is kept.
   * A `late` one may be the first that is held of its segment: what it follows was not written for this node.
   */
  | { type: 'receive'; batch: Batch; receivedAt: number; dropped: boolean; late?: boolean }
  /** Adds operations of rosters; one that is there stays as it is. */
  | { type: 'roster'; operations: readonly KeptOperation[] }
  /**
   * Of these entries only the leaf is left: see `eraseEntries`. Their content is gone from the disk
   * when the commit resolves, from pages, log and search. Entries that are not there stay away.
   */
  | ({ type: 'erase' } & SegmentEntries)
  /** These entries have no line of their own from now on, and no search finds them. */
  | ({ type: 'silence' } & SegmentEntries)
  /** Erases imported messages. */
  | { type: 'forget'; ids: readonly string[] }
  /** Adds a conversation or takes the place of its record. */
  | { type: 'conversation'; record: ConversationRecord }
  /** Takes the place of the watermark of that (conversation, author, member). */
  | { type: 'watermark'; watermark: Watermark }
  /** Adds messages of an earlier history; an id that is there stays as it is. */
  | { type: 'import'; messages: readonly ImportedMessage[] }
  /** Adds a peer or takes the place of its record. */
  | { type: 'peer'; record: PeerRecord };

/** Where a page of batches begins. See {@link ConversationStore.before}. */
export interface BatchCursor {
  clock: string;
  position: number;
}

/** Where a message is stored. */
export type MessagePlace =
  { conversation: string; author: string; segment: string; seq: number } | { imported: ImportedMessage };

export interface SearchQuery {
  /** At least one, as `queryWords` gives them: a message has for each of them a word that begins so. */
  words: readonly string[];
  /** Only messages of this conversation. */
  conversation?: string;
  /** Only messages that were saved before the one with this id. */
  before?: string;
  /** 1 to MAX_SEARCH_PAGE. */
  limit: number;
}

/**
 * Where conversations and peers are kept. One write makes one durable change;
 * reads are few and paged by keyset.
 *
 * {@link commit} resolves when its changes survive SIGKILL and a power cut.
 * Where it rejects with a {@link StorageError}, `outcome` says whether nothing
 * of it was done (`none`) or that is not known (`unknown`): then the very same
 * changes are committed again, which does no harm where they were done.
 * Commits that are asked for while another one runs may share the next one.
 * They take effect in the order of the calls.
 */
export abstract class ConversationStore {
  /** @throws {StorageError} */
  abstract commit(changes: readonly Change[]): Promise<void>;

  /** Every conversation. */
  abstract conversations(): Promise<ConversationSnapshot[]>;

  /** The segments of a feed, in no order. Segments of batches that were dropped are among them. */
  abstract segments(conversation: string, author: string): Promise<SegmentRecord[]>;

  /**
   * Batches of a feed in the order in which they were stored. Dropped ones are
   * passed over.
   * @param after only those with a greater position; 0 for the first
   * @param limit stops after so many batches, or after the one that reaches so many bytes
   */
  abstract batches(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): Promise<StoredBatch[]>;

  /** The batch that holds an entry; null where there is none, or it was dropped. */
  abstract batchOf(
    conversation: string,
    author: string,
    segment: string,
    seq: number,
  ): Promise<StoredBatch | null>;

  /** The batches, once each and in no order, with an entry that changes one of these messages, or on one of these lists. */
  abstract referring(ranges: readonly MessageRange[]): Promise<StoredBatch[]>;

  /** How many entries of a feed beyond these marks, each in its segment, have no line of their own. */
  abstract countSilent(conversation: string, author: string, beyond: readonly ReadMark[]): Promise<number>;

  /** Whether a feed has dropped batches in a segment after an entry; with seq 0, any. */
  abstract hasDropped(
    conversation: string,
    author: string,
    segment: string,
    afterSeq: number,
  ): Promise<boolean>;

  /** Batches of all feeds that hold an entry before and one after a clock, or one at it, in no order. */
  abstract around(conversation: string, clock: string): Promise<StoredBatch[]>;

  /**
   * Batches of all feeds that are over before a clock, the latest first.
   * @param cursor only those whose (last clock, position) is less
   */
  abstract before(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]>;

  /**
   * Batches of all feeds that begin after a clock, the earliest first.
   * @param cursor only those whose (first clock, position) is greater
   */
  abstract after(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]>;

  /**
   * Imported messages next to a place in the order (clock, author, id): the ones before it, latest
   * first, or the ones after it, earliest first.
   */
  abstract imported(
    conversation: string,
    side: 'before' | 'after',
    place: { clock: string; author: string; id: string },
    limit: number,
  ): Promise<ImportedMessage[]>;

  /** The message with an id; null where there is none. A real entry counts before an imported one. */
  abstract find(id: string): Promise<MessagePlace | null>;

  /** Which message of a conversation has a client's key; null where none has. */
  abstract keyed(conversation: string, key: string): Promise<{ segment: string; seq: number } | null>;

  /**
   * The messages that match, the one that was saved last first. What was
   * committed before the call is found; saving does no work for it. The cost of a page
   * does not grow with the pages before it. An imported message whose real entry came is given once.
   * @throws {ChatError} `message-unknown` where no message has the id of `before`
   */
  abstract search(query: SearchQuery): Promise<MessagePlace[]>;

  /** The operations of a group's roster, in no order. */
  abstract roster(conversation: string): Promise<KeptOperation[]>;

  /** Everyone who was saved, in no order. */
  abstract peers(): Promise<PeerRecord[]>;

  /** Makes sure that a write becomes durable. Changes nothing. @throws {StorageError} */
  abstract check(): Promise<void>;

  /** Finishes what was asked for before, then lets go of the database. */
  abstract close(): Promise<void>;
}
