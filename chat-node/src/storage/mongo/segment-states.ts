import { createHash } from 'node:crypto';
import type { Batch, Tip } from '@p2p-chat/shared/protocol/batch';
import { segmentTag } from '@p2p-chat/shared/protocol/conversation';
import type { AnyBulkWriteOperation } from 'mongoose';
import { advance } from '../../core/feeds/segments.js';
import type { SegmentRecord } from '../../core/ports/conversation.store.js';
import type { SegmentDocument } from './documents.js';
import type { Models } from './models.js';

const SEQ_DIGITS = 15;

/** The id of the document of a batch: by it the batches of a segment are in order. */
export function batchId(tag: string, first: number): string {
  return `${tag}-${String(first).padStart(SEQ_DIGITS, '0')}`;
}

/** A filter for the batches of a segment. */
export function ofSegment(tag: string): { _id: { $gte: string; $lt: string } } {
  return { _id: { $gte: `${tag}-`, $lt: `${tag}.` } };
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

export function tagOf({ conversation, author, segment }: Segment): string {
  return segmentTag(conversation, author, segment, sha256);
}

type Segment = Pick<Batch, 'conversation' | 'author' | 'segment'>;

/**
 * Where each segment that this start writes to stands. A batch and the record
 * of its segment are two documents, so the records are stored only now and
 * then: what the batches say beyond them is added when they are needed.
 */
export class SegmentStates {
  /** By tag; null where nothing is stored of it. */
  readonly #states = new Map<string, SegmentRecord | null>();
  /** Tags of segments whose document says that this start writes to them. */
  readonly #announced = new Set<string>();
  /** Tags of those that are further than their document. */
  readonly #changed = new Set<string>();
  /** Tips that batches of other segments follow. */
  #followed: { tag: string; tip: Tip }[] = [];
  /** Whether documents of this start may be behind in ways that are not noted above. */
  #isForgotten = false;

  /** @param start the number of this start */
  constructor(
    private readonly models: Models,
    private readonly start: number,
  ) {}

  /** Looks where a segment stands. @returns null where nothing is stored of it */
  async load(segment: Segment): Promise<SegmentRecord | null> {
    const tag = tagOf(segment);
    const known = this.#states.get(tag);
    if (known !== undefined) return known;
    const document = await this.models.segments.findById(tag).lean();
    return this.#complete(tag, segment, document);
  }

  /** A batch was stored. */
  move(segment: Segment, record: SegmentRecord): void {
    const before = this.#states.get(record.tag)?.links.length ?? 0;
    this.#states.set(record.tag, record);
    this.#changed.add(record.tag);
    for (const { follows } of record.links.slice(before)) this.#follow(segment, follows);
  }

  /** Says in their documents that this start writes to them: before its first batch in each. */
  async announce(segments: readonly Segment[]): Promise<void> {
    const news = new Map(segments.map((one) => [tagOf(one), one]));
    for (const tag of this.#announced) news.delete(tag);
    if (news.size === 0) return;
    const { start } = this;
    await this.models.segments.bulkWrite(
      Array.from(news, ([tag, { conversation, author, segment }]) => ({
        updateOne: {
          filter: { _id: tag },
          update: {
            $set: { start },
            $setOnInsert: { conversation, author, segment, tip: null, links: [], isTip: false },
          },
          upsert: true,
        },
      })),
      { ordered: false },
    );
    for (const tag of news.keys()) this.#announced.add(tag);
  }

  /** Brings the documents up to date. */
  async store(): Promise<void> {
    if (this.#isForgotten) await this.#completeSince(this.start);
    this.#isForgotten = false;
    const changed = [...this.#changed];
    const followed = this.#followed;
    const writes: AnyBulkWriteOperation<SegmentDocument>[] = changed.map((tag) => {
      const { tip, links } = this.#states.get(tag) as SegmentRecord;
      return { updateOne: { filter: { _id: tag }, update: { $set: { tip, links, isTip: true } } } };
    });
    writes.push(
      ...followed.map(({ tag, tip }) => ({
        updateOne: { filter: { _id: tag, 'tip.seq': tip.seq }, update: { $set: { isTip: false } } },
      })),
    );
    if (writes.length > 0) await this.models.segments.bulkWrite(writes as never, { ordered: true });
    for (const tag of changed) this.#changed.delete(tag);
    this.#followed = this.#followed.slice(followed.length);
  }

  /** Adds to the documents of earlier starts what the batches say beyond them. */
  async settle(sinceStart: number): Promise<void> {
    await this.#completeSince(sinceStart);
    await this.store();
  }

  /** What is in the database is no longer known. */
  forget(): void {
    this.#isForgotten = true;
    this.#states.clear();
    this.#changed.clear();
    this.#followed = [];
  }

  async #completeSince(start: number): Promise<void> {
    const open = await this.models.segments.find({ start: { $gte: start } }).lean();
    for (const document of open) {
      await this.#complete(document._id, document, document);
      // Its links may have been stored without what they say of other segments.
      for (const { follows } of document.links) this.#follow(document, follows);
    }
  }

  /** Stores where a segment is that was written to since its document was. */
  async #complete(
    tag: string,
    segment: Segment,
    document: SegmentDocument | null,
  ): Promise<SegmentRecord | null> {
    const stored =
      document === null || document.tip === null
        ? null
        : { segment: segment.segment, tag, tip: document.tip, links: document.links };
    const record = (await this.#beyond(tag, stored)) ?? stored;
    this.#states.set(tag, stored);
    if (record !== null && record !== stored) this.move(segment, record);
    return record;
  }

  /** @returns null where the batches say nothing that is not stored */
  async #beyond(tag: string, stored: SegmentRecord | null): Promise<SegmentRecord | null> {
    const seq = stored?.tip.seq ?? 0;
    const last = await this.models.batches.findOne(ofSegment(tag), { bytes: 0 }).sort({ _id: -1 }).lean();
    if (last === null || last.last <= seq) return null;
    const linking = await this.models.batches
      .find(
        { _id: { $gt: batchId(tag, seq), $lte: last._id }, follows: { $exists: true } },
        { first: 1, follows: 1 },
      )
      .sort({ _id: 1 })
      .lean();
    const tip = { segment: last.segment, seq: last.last, clock: last.lastClock, hash: last.hash };
    const links = linking.map(({ first, follows = [] }) => ({ first, follows }));
    return { segment: last.segment, tag, tip, links: [...(stored?.links ?? []), ...links] };
  }

  #follow({ conversation, author }: Segment, tips: readonly Tip[]): void {
    for (const tip of tips) {
      this.#followed.push({ tag: tagOf({ conversation, author, segment: tip.segment }), tip });
    }
  }
}

/** The record of a segment after its next batch. */
export function advanced(record: SegmentRecord | null, batch: Batch): SegmentRecord {
  return advance(record ?? undefined, batch, record?.tag ?? tagOf(batch));
}
