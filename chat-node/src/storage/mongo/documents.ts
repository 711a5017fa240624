import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { Tip } from '@p2p-chat/shared/protocol/batch';
import type { ReadMark } from '@p2p-chat/shared/protocol/conversation';
import { Schema as MongooseSchema } from 'mongoose';
import type { PeerRecord } from '../../core/peers/peer.js';
import type {
  Change,
  ConversationRecord,
  MessageKey,
  ReceiptTimes,
  SegmentRecord,
} from '../../core/ports/conversation.store.js';

// A field that a schema does not know is a fault of the program, in a filter most of all.
const STRICT = { versionKey: false, autoIndex: false, strict: 'throw', strictQuery: 'throw' } as const;
const { Mixed } = MongooseSchema.Types;

/** A change that takes out what is stored. */
export type Erasure = Extract<Change, { type: 'erase' | 'silence' | 'forget' }>;

/**
 * One batch with all its entries, written whole: what makes a crash harmless
 * without transactions. Only erasing and hiding change it, to the same however often. Clocks are their 16 hexadecimal
 * digits, so they compare as texts.
 */
@Schema({ collection: 'batches', ...STRICT })
export class BatchDocument {
  /** As `batchId` gives it: the batches of a segment are in order by it. */
  @Prop({ type: String, required: true })
  _id!: string;

  /** Rises over batches and imported messages together: the order of saving. */
  @Prop({ type: Number, required: true })
  position!: number;

  @Prop({ type: String, required: true })
  conversation!: string;

  @Prop({ type: String, required: true })
  author!: string;

  @Prop({ type: String, required: true })
  segment!: string;

  /** Its bytes are zeros, so that the sender cannot tell by the time; the index gives their space back. */
  @Prop({ type: Boolean, required: true })
  dropped!: boolean;

  @Prop({ type: Number, required: true })
  first!: number;

  @Prop({ type: Number, required: true })
  last!: number;

  @Prop({ type: String, required: true })
  firstClock!: string;

  @Prop({ type: String, required: true })
  lastClock!: string;

  @Prop({ type: String, required: true })
  hash!: string;

  /** In milliseconds since 1970; null where it was written here. */
  @Prop({ type: Number, default: null })
  receivedAt!: number | null;

  @Prop({ type: Buffer })
  bytes?: Buffer;

  /** Tips of other segments that it names; absent where it names none. */
  @Prop({ type: Mixed })
  follows?: Tip[];

  /** Numbers of the entries that have no line of their own; absent where there are none. */
  @Prop({ type: [Number], default: undefined })
  silent?: number[];

  /** The messages that it changes, as `batchId` writes them; absent where there are none. */
  @Prop({ type: [String], default: undefined })
  refs?: string[];

  /** What clients gave with its messages; absent where they gave nothing. */
  @Prop({ type: [{ _id: false, key: String, seq: Number }], default: undefined })
  keys?: MessageKey[];

  /** What is to be erased because of it, and of the batches committed with it; absent once that is done. */
  @Prop({ type: Mixed, default: undefined })
  erasures?: Erasure[];

  /** Written with it, so that it is found whenever it lands; absent once its words are in the index. */
  @Prop({ type: Boolean, default: undefined })
  unindexed?: boolean;
}
export const BatchSchema = SchemaFactory.createForClass(BatchDocument);
BatchSchema.index({ position: 1 });
BatchSchema.index({ unindexed: 1, position: 1 }, { partialFilterExpression: { unindexed: true } });
BatchSchema.index({ conversation: 1, author: 1, dropped: 1, position: 1 });
BatchSchema.index({ conversation: 1, dropped: 1, lastClock: 1, position: 1 });
BatchSchema.index({ conversation: 1, dropped: 1, firstClock: 1, position: 1 });
BatchSchema.index({ refs: 1 }, { sparse: true });
BatchSchema.index(
  { conversation: 1, author: 1, segment: 1 },
  { partialFilterExpression: { silent: { $exists: true } } },
);
BatchSchema.index({ first: 1 }, { partialFilterExpression: { erasures: { $exists: true } } });
BatchSchema.index(
  { conversation: 1, 'keys.key': 1 },
  { unique: true, partialFilterExpression: { keys: { $exists: true } } },
);

/**
 * What is known of a segment without its batches, as far as it was told when a
 * start ended: what batches say beyond that is added from them.
 */
@Schema({ collection: 'segments', ...STRICT })
export class SegmentDocument {
  /** Its tag. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  conversation!: string;

  @Prop({ type: String, required: true })
  author!: string;

  @Prop({ type: String, required: true })
  segment!: string;

  /** The last start of the node that may have written to it; stored before the first batch of that start. */
  @Prop({ type: Number, required: true })
  start!: number;

  @Prop({ type: Mixed, default: null })
  tip!: Tip | null;

  @Prop({ type: Mixed, default: [] })
  links!: SegmentRecord['links'];

  /** Whether no other batch follows its tip. */
  @Prop({ type: Boolean, required: true })
  isTip!: boolean;
}
export const SegmentSchema = SchemaFactory.createForClass(SegmentDocument);
SegmentSchema.index({ conversation: 1, author: 1 });
SegmentSchema.index({ start: 1 });
SegmentSchema.index({ isTip: 1 }, { partialFilterExpression: { isTip: true } });

/** A document that is replaced whole. A write that lands late does nothing where a newer one is there. */
class ReplacedDocument {
  @Prop({ type: String, required: true })
  _id!: string;

  /** Rises with each write. */
  @Prop({ type: Number, required: true })
  version!: number;
}

@Schema({ collection: 'conversations', ...STRICT })
export class ConversationDocument extends ReplacedDocument {
  @Prop({ type: Mixed, required: true })
  record!: ConversationRecord;
}
export const ConversationSchema = SchemaFactory.createForClass(ConversationDocument);

@Schema({ collection: 'peers', ...STRICT })
export class PeerDocument extends ReplacedDocument {
  @Prop({ type: Mixed, required: true })
  record!: PeerRecord;
}
export const PeerSchema = SchemaFactory.createForClass(PeerDocument);

/** A roster operation, never changed. */
@Schema({ collection: 'operations', ...STRICT })
export class OperationDocument {
  /** Its hash. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  conversation!: string;

  @Prop({ type: Buffer, required: true })
  bytes!: Buffer;
}
export const OperationSchema = SchemaFactory.createForClass(OperationDocument);
OperationSchema.index({ conversation: 1 });

@Schema({ collection: 'watermarks', ...STRICT })
export class WatermarkDocument extends ReplacedDocument {
  @Prop({ type: String, required: true })
  conversation!: string;

  @Prop({ type: String, required: true })
  author!: string;

  @Prop({ type: String, required: true })
  member!: string;

  @Prop({ type: Mixed, required: true })
  have!: Tip[];

  @Prop({ type: Mixed, required: true })
  read!: ReadMark[];

  @Prop({ type: Mixed })
  times?: ReceiptTimes;
}
export const WatermarkSchema = SchemaFactory.createForClass(WatermarkDocument);

/** A message of an earlier history. */
@Schema({ collection: 'imported', ...STRICT })
export class ImportedDocument {
  /** The message's id. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  position!: number;

  @Prop({ type: String, required: true })
  conversation!: string;

  @Prop({ type: String, required: true })
  author!: string;

  @Prop({ type: String, required: true })
  clock!: string;

  @Prop({ type: Number, required: true })
  sentAt!: number;

  @Prop({ type: Number, default: null })
  receivedAt!: number | null;

  @Prop({ type: String, required: true })
  content!: string;

  @Prop({ type: String, required: true })
  state!: 'queued' | 'delivered' | 'read';

  /** As of a batch. */
  @Prop({ type: Boolean, default: undefined })
  unindexed?: boolean;
}
export const ImportedSchema = SchemaFactory.createForClass(ImportedDocument);
ImportedSchema.index({ position: 1 });
ImportedSchema.index({ unindexed: 1, position: 1 }, { partialFilterExpression: { unindexed: true } });
ImportedSchema.index({ conversation: 1, clock: 1, author: 1, _id: 1 });

/** The words of one message, for search; made some time after it was saved. */
@Schema({ collection: 'messageWords', ...STRICT })
export class WordsDocument {
  /** The position of its batch times the entries that a batch can have, and its place in the batch. */
  @Prop({ type: Number, required: true })
  _id!: number;

  @Prop({ type: String, required: true })
  conversation!: string;

  /** As `searchWords` gives them. */
  @Prop({ type: [String], required: true })
  words!: string[];
}
export const WordsSchema = SchemaFactory.createForClass(WordsDocument);
WordsSchema.index({ words: 1 });

/** One document that tells of all others. */
@Schema({ collection: 'meta', ...STRICT })
export class MetaDocument {
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: Number, required: true })
  schemaVersion!: number;

  /** Counts the starts of the node. */
  @Prop({ type: Number, default: 0 })
  start!: number;

  /** The last start that has added to the segments what the batches said beyond them. */
  @Prop({ type: Number, default: 0 })
  settledStart!: number;

  /** Counts the checks of whether a write becomes durable. */
  @Prop({ type: Number, default: 0 })
  checks!: number;
}
export const MetaSchema = SchemaFactory.createForClass(MetaDocument);

/** The id of the one document. */
export const META_ID = 'p2p-chat';
/** The version that this program reads and writes. Less than 100 was the form of before, which it does not read. */
export const SCHEMA_VERSION = 101;
export const FIRST_VERSION = 101;
