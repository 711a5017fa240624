import { clockMs, storedBatch } from '@p2p-chat/shared/protocol/batch';
import { parseMessageId, type ReadMark } from '@p2p-chat/shared/protocol/conversation';
import { MAX_BATCH_SPAN_MS } from '@p2p-chat/shared/protocol/limits';
import type { Binary } from 'mongodb';
import type { MessageRange } from '../../core/events.js';
import type {
  BatchCursor,
  ImportedMessage,
  MessagePlace,
  StoredBatch,
} from '../../core/ports/conversation.store.js';
import type { BatchDocument, ImportedDocument } from './documents.js';
import type { Models } from './models.js';
import { batchId, ofSegment, tagOf } from './segment-states.js';

/** Batches that are asked for at once where the limit counts bytes: one is 256 KiB at most. */
const BATCHES_AT_ONCE = 16;

/** Reads batches and imported messages. */
export class BatchReader {
  constructor(private readonly models: Models) {}

  async ofFeed(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): Promise<StoredBatch[]> {
    const page: StoredBatch[] = [];
    const cursor = this.models.batches
      .find({
        conversation: { $eq: conversation },
        author: { $eq: author },
        dropped: false,
        position: { $gt: after },
      })
      .sort({ position: 1 })
      .limit(limit.batches)
      .lean()
      .cursor({ batchSize: BATCHES_AT_ONCE });
    let bytes = 0;
    for await (const document of cursor) {
      const stored = storedOf(document);
      page.push(stored);
      bytes += stored.batch.bytes.length;
      if (bytes >= limit.bytes) break;
    }
    return page;
  }

  async holding(
    conversation: string,
    author: string,
    segment: string,
    seq: number,
  ): Promise<StoredBatch | null> {
    const document = await this.#at(tagOf({ conversation, author, segment }), seq);
    return document === null ? null : storedOf(document);
  }

  async referring(ranges: readonly MessageRange[]): Promise<StoredBatch[]> {
    const found = new Map<string, StoredBatch>();
    for (const { tag, first, last } of ranges) {
      const documents = await this.models.batches
        .find({
          dropped: false,
          refs: { $elemMatch: { $gte: batchId(tag, first), $lte: batchId(tag, last) } },
        })
        .lean();
      for (const document of documents) found.set(document._id, storedOf(document));
    }
    return [...found.values()];
  }

  async countSilent(conversation: string, author: string, beyond: readonly ReadMark[]): Promise<number> {
    const seqOf = new Map(beyond.map(({ segment, seq }) => [segment, seq]));
    const documents = await this.models.batches
      .find(
        {
          ...{ conversation: { $eq: conversation }, author: { $eq: author } },
          ...{ segment: { $in: [...seqOf.keys()] }, silent: { $exists: true }, dropped: false },
        },
        { segment: 1, silent: 1 },
      )
      .lean();
    return documents
      .map(({ segment, silent = [] }) => silent.filter((seq) => seq > (seqOf.get(segment) ?? 0)).length)
      .reduce((sum, count) => sum + count, 0);
  }

  async hasDropped(
    conversation: string,
    author: string,
    segment: string,
    afterSeq: number,
  ): Promise<boolean> {
    const document = await this.models.batches
      .findOne(
        { ...ofSegment(tagOf({ conversation, author, segment })), dropped: true, last: { $gt: afterSeq } },
        { _id: 1 },
      )
      .lean();
    return document !== null;
  }

  async around(conversation: string, clock: string): Promise<StoredBatch[]> {
    const latest = (clockMs(clock) + MAX_BATCH_SPAN_MS).toString(16).padStart(12, '0');
    const documents = await this.models.batches
      .find({
        conversation: { $eq: conversation },
        dropped: false,
        // A batch ends within its span.
        lastClock: { $gte: clock, $lte: `${latest}ffff` },
        firstClock: { $lte: clock },
      })
      .lean();
    return documents.map(storedOf);
  }

  async before(
    conversation: string,
    { clock, position }: BatchCursor,
    limit: number,
  ): Promise<StoredBatch[]> {
    const documents = await this.models.batches
      .find({
        conversation: { $eq: conversation },
        dropped: false,
        lastClock: { $lte: clock },
        $or: [{ lastClock: { $lt: clock } }, { position: { $lt: position } }],
      })
      .sort({ lastClock: -1, position: -1 })
      .limit(limit)
      .lean();
    return documents.map(storedOf);
  }

  async after(conversation: string, { clock, position }: BatchCursor, limit: number): Promise<StoredBatch[]> {
    const documents = await this.models.batches
      .find({
        conversation: { $eq: conversation },
        dropped: false,
        firstClock: { $gte: clock },
        $or: [{ firstClock: { $gt: clock } }, { position: { $gt: position } }],
      })
      .sort({ firstClock: 1, position: 1 })
      .limit(limit)
      .lean();
    return documents.map(storedOf);
  }

  async imported(
    conversation: string,
    side: 'before' | 'after',
    { clock, author, id }: { clock: string; author: string; id: string },
    limit: number,
  ): Promise<ImportedMessage[]> {
    const [beyond, direction] = side === 'before' ? (['$lt', -1] as const) : (['$gt', 1] as const);
    const documents = await this.models.imported
      .find({
        conversation: { $eq: conversation },
        clock: { [`${beyond}e`]: clock },
        $or: [
          { clock: { [beyond]: clock } },
          { author: { [beyond]: author } },
          { author: { $eq: author }, _id: { [beyond]: id } },
        ],
      })
      .sort({ clock: direction, author: direction, _id: direction })
      .limit(limit)
      .lean();
    return documents.map(importedOf);
  }

  async find(id: string): Promise<MessagePlace | null> {
    return (await this.locate(id))?.place ?? null;
  }

  /** The message with an id, and where it stands in the order of saving: its nth entry of a position. */
  async locate(id: string): Promise<{ place: MessagePlace; position: number; nth: number } | null> {
    const parsed = parseMessageId(id);
    const batch = parsed === null ? null : await this.#at(parsed.tag, parsed.seq);
    if (parsed !== null && batch !== null) {
      const { conversation, author, segment, position, first } = batch;
      const { seq } = parsed;
      return { place: { conversation, author, segment, seq }, position, nth: seq - first };
    }
    const imported = await this.models.imported.findOne({ _id: { $eq: id } }).lean();
    if (imported === null) return null;
    return { place: { imported: importedOf(imported) }, position: imported.position, nth: 0 };
  }

  async #at(tag: string, seq: number): Promise<BatchDocument | null> {
    const document = await this.models.batches
      .findOne({ _id: { $gte: batchId(tag, 0), $lte: batchId(tag, seq) } })
      .sort({ _id: -1 })
      .lean();
    return document === null || document.last < seq || document.dropped ? null : document;
  }
}

/** The batch of a document. */
export function storedOf({ position, hash, receivedAt, silent = [], bytes }: BatchDocument): StoredBatch {
  // Without hydration the driver's own type of bytes arrives.
  const { buffer } = bytes as unknown as Binary;
  return { batch: storedBatch(buffer, hash), receivedAt, position, silent };
}

/** The message of a document. */
export function importedOf({
  _id,
  position: _,
  unindexed: _unindexed,
  ...message
}: ImportedDocument): ImportedMessage {
  return { id: _id, ...message };
}
