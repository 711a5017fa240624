import { type Batch, eraseEntries, lastSeq } from '@p2p-chat/shared/protocol/batch';
import { MAX_BATCH_ENTRIES } from '@p2p-chat/shared/protocol/limits';
import type { AnyBulkWriteOperation, Model } from 'mongoose';
import { listOf, referencesOf } from '../../core/conversations/references.js';
import { StorageError } from '../../core/errors.js';
import { linkedTips } from '../../core/feeds/segments.js';
import type {
  Change,
  ImportedMessage,
  KeptOperation,
  MessageKey,
  SegmentRecord,
} from '../../core/ports/conversation.store.js';
import type { BatchDocument, Erasure, ImportedDocument, OperationDocument } from './documents.js';
import type { Models } from './models.js';
import { isDuplicate } from './mongo-errors.js';
import { storedOf } from './batch-reader.js';
import { advanced, batchId, ofSegment, type SegmentStates, sha256, tagOf } from './segment-states.js';
import type { WordIndex } from './word-index.js';

/** Changes of one caller. */
export interface Commit {
  readonly changes: readonly Change[];
  resolve(): void;
  reject(error: unknown): void;
}

/** A document that is replaced whole, without its version. */
interface Replacement {
  _id: string;
  [field: string]: unknown;
}

/**
 * Carries out changes, in an order in which a crash between two writes harms
 * nothing: a segment's document before its first batch, batches before the
 * watermarks that tell of them. Batches name what is to be erased because of
 * them until that is done: a start erases what a crash left.
 */
export class ChangeWriter {
  /** @param next gives the next position or version; they rise over all starts */
  constructor(
    private readonly models: Models,
    private readonly segments: SegmentStates,
    private readonly index: WordIndex,
    private readonly next: () => number,
  ) {}

  /**
   * Resolves when each commit is durable or was refused by itself.
   * @throws what the database refuses; then it is not known what was done
   */
  async write(commits: readonly Commit[]): Promise<void> {
    const plan = new Plan();
    const taken: Commit[] = [];
    for (const commit of commits) {
      const draft = plan.draft();
      try {
        for (const change of commit.changes) await this.#add(draft, change);
        draft.nameErasures();
        plan.take(draft);
        taken.push(commit);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        commit.reject(error);
      }
    }
    await this.#carryOut(plan);
    for (const { resolve } of taken) resolve();
  }

  /** Carries out what an earlier start did not come to. */
  async finish(): Promise<void> {
    const left = { first: { $gte: 1 }, erasures: { $exists: true } };
    for (const { _id, erasures = [] } of await this.models.batches.find(left, { erasures: 1 }).lean())
      await this.#eraseAll(erasures, [_id]);
  }

  async #add(plan: Plan, change: Change): Promise<void> {
    switch (change.type) {
      case 'append':
        await this.#requireFree(plan, change.batch, change.keys);
        return this.#addBatch(plan, change.batch, { receivedAt: null, dropped: false, keys: change.keys });
      case 'receive':
        return this.#addBatch(plan, change.batch, { ...change, keys: [] });
      case 'erase':
      case 'silence':
      case 'forget':
        plan.erasures.push(change);
        return;
      case 'roster':
        plan.operations.push(...change.operations);
        return;
      case 'conversation':
        return plan.replace('conversations', { _id: change.record.id, record: change.record });
      case 'watermark': {
        const { conversation, author, member } = change.watermark;
        return plan.replace('watermarks', {
          _id: `${conversation}/${author}/${member}`,
          ...change.watermark,
        });
      }
      case 'import':
        plan.imported.push(...change.messages);
        return;
      case 'peer':
        return plan.replace('peers', { _id: change.record.peerId, record: change.record });
    }
  }

  async #addBatch(
    plan: Plan,
    batch: Batch,
    {
      receivedAt,
      dropped,
      keys,
      late = false,
    }: { receivedAt: number | null; dropped: boolean; keys: readonly MessageKey[]; late?: boolean },
  ): Promise<void> {
    const tag = tagOf(batch);
    const record = plan.record(tag) ?? (await this.segments.load(batch));
    const _id = batchId(tag, batch.first);
    if (batch.first !== (record?.tip.seq ?? 0) + 1 && !(late && record === null)) {
      const there = plan.batch(_id) ?? (await this.models.batches.findById(_id, { hash: 1 }).lean());
      if (there?.hash === batch.hash) return;
      throw new StorageError('storage-failed', 'A batch does not go on from what is stored.', {
        hint: 'This is a fault of the program; please report it.',
      });
    }
    const { conversation, author, segment, first, firstClock, lastClock, hash, bytes } = batch;
    const follows = linkedTips(batch, record === null);
    const { silent, targets, lists } = referencesOf(batch);
    const refs = targets.map((one) => batchId(tagOf({ ...one, conversation }), one.seq));
    for (const listed of lists) refs.push(batchId(listOf(listed, conversation).tag, 0));
    plan.add(batch, advanced(record, batch), {
      ...{ _id, position: this.next(), conversation, author, segment, dropped, first, last: lastSeq(batch) },
      ...{ firstClock, lastClock, hash, receivedAt, unindexed: true },
      bytes: dropped
        ? Buffer.alloc(bytes.length)
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      ...(follows.length === 0 ? {} : { follows }),
      ...(silent.length === 0 ? {} : { silent: [...silent] }),
      ...(refs.length === 0 ? {} : { refs }),
      ...(keys.length === 0 ? {} : { keys: [...keys] }),
    });
  }

  /** @throws {StorageError} `key-taken` */
  async #requireFree(
    plan: Plan,
    { conversation, segment }: Batch,
    keys: readonly MessageKey[],
  ): Promise<void> {
    if (keys.length === 0) return;
    const names = keys.map(({ key }) => key);
    const stored = await this.models.batches
      .find({ conversation: { $eq: conversation }, 'keys.key': { $in: names } }, { segment: 1, keys: 1 })
      .lean();
    const planned = plan.batches().filter((one) => one.conversation === conversation);
    for (const there of [...stored, ...planned]) {
      for (const { key, seq } of there.keys ?? []) {
        const own = keys.find((one) => one.key === key);
        if (own === undefined || (there.segment === segment && own.seq === seq)) continue;
        throw new StorageError('key-taken', 'The key is that of another message.');
      }
    }
  }

  async #carryOut(plan: Plan): Promise<void> {
    const { models } = this;
    const batches = plan.batches();
    await this.segments.announce(batches);
    if (plan.operations.length > 0) {
      await models.operations.bulkWrite(plan.operations.map(addOperation), { ordered: false });
    }
    await Promise.all([
      this.#replace(models.conversations, plan.replaced('conversations')),
      // In order, so that what a crash leaves of a segment has no holes.
      batches.length > 0
        ? models.batches.insertMany(batches, { ordered: true, lean: true, rawResult: true })
        : undefined,
    ]);
    for (const { batch, record } of plan.moves()) this.segments.move(batch, record);
    // After the batches that tell why.
    const naming = batches.filter(({ erasures }) => erasures !== undefined).map(({ _id }) => _id);
    await this.#eraseAll(plan.erasures, naming);
    if (plan.imported.length > 0)
      await models.imported.bulkWrite(plan.imported.map((one) => this.#import(one)));
    await Promise.all([
      this.#replace(models.watermarks, plan.replaced('watermarks')),
      this.#replace(models.peers, plan.replaced('peers')),
    ]);
  }

  /** @param naming ids of the batches that name it until it is done */
  async #eraseAll(erasures: readonly Erasure[], naming: readonly string[]): Promise<void> {
    for (const erasure of erasures) await this.index.remove(() => this.#erase(erasure));
    if (naming.length > 0)
      await this.models.batches.updateMany({ _id: { $in: [...naming] } }, { $unset: { erasures: 1 } });
  }

  /** @returns the rows of the index that have no words any more */
  async #erase(change: Erasure): Promise<number[]> {
    const { batches, imported } = this.models;
    if (change.type === 'forget') {
      const documents = await imported.find({ _id: { $in: [...change.ids] } }, { position: 1 }).lean();
      await imported.deleteMany({ _id: { $in: [...change.ids] } });
      return documents.map(({ position }) => position * MAX_BATCH_ENTRIES);
    }
    const rows: number[] = [];
    for (const seq of change.seqs) {
      const holding = {
        ...ofSegment(tagOf(change)),
        first: { $lte: seq },
        last: { $gte: seq },
        dropped: false,
      };
      const there =
        change.type === 'erase'
          ? await this.#eraseOne(holding, seq)
          : await batches.findOneAndUpdate(holding, { $addToSet: { silent: seq } }).lean();
      if (there !== null) rows.push(there.position * MAX_BATCH_ENTRIES + seq - there.first);
    }
    return rows;
  }

  async #eraseOne(holding: object, seq: number): Promise<BatchDocument | null> {
    const { batches } = this.models;
    for (;;) {
      const there = await batches.findOne(holding).lean();
      if (there === null) return null;
      const { bytes } = eraseEntries(storedOf(there).batch, new Set([seq]), sha256);
      // Of bytes that another write has changed meanwhile nothing comes back.
      const same = { _id: there._id, bytes: there.bytes as Buffer };
      const { matchedCount } = await batches.updateOne(same, { $set: { bytes: Buffer.from(bytes) } });
      if (matchedCount === 1) return there;
    }
  }

  #import({ id, ...message }: ImportedMessage): AnyBulkWriteOperation<ImportedDocument> {
    const update = { $setOnInsert: { ...message, position: this.next(), unindexed: true } };
    return { updateOne: { filter: { _id: id }, update, upsert: true } };
  }

  async #replace<T extends { _id: string; version: number }>(
    model: Model<T>,
    documents: readonly Replacement[],
  ): Promise<void> {
    if (documents.length === 0) return;
    const version = this.next();
    const writes = documents.map(({ _id, ...fields }) => ({
      updateOne: {
        filter: { _id, version: { $lt: version } },
        update: { $set: { ...fields, version } },
        upsert: true,
      },
    }));
    try {
      await model.bulkWrite(writes, { ordered: false });
    } catch (error) {
      // A newer one is there: this write waited somewhere on its way.
      if (!isDuplicate(error)) throw error;
    }
  }
}

function addOperation({
  hash,
  conversation,
  bytes,
}: KeptOperation): AnyBulkWriteOperation<OperationDocument> {
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const update = { $setOnInsert: { conversation, bytes: stored } };
  return { updateOne: { filter: { _id: hash }, update, upsert: true } };
}

/** What a group of commits writes, as if one after the other. */
class Plan {
  readonly #batches = new Map<string, { batch: Batch; document: BatchDocument }>();
  readonly #records = new Map<string, SegmentRecord>();
  readonly #replaced = new Map<string, Replacement>();
  readonly imported: ImportedMessage[] = [];
  readonly erasures: Erasure[] = [];
  readonly operations: KeptOperation[] = [];

  constructor(private readonly before: Plan | null = null) {}

  /** What may be refused as a whole. */
  draft(): Plan {
    return new Plan(this);
  }

  take(draft: Plan): void {
    for (const [id, one] of draft.#batches) this.#batches.set(id, one);
    for (const [tag, record] of draft.#records) this.#records.set(tag, record);
    for (const [id, one] of draft.#replaced) this.#replaced.set(id, one);
    this.imported.push(...draft.imported);
    this.erasures.push(...draft.erasures);
    this.operations.push(...draft.operations);
  }

  /** Lets the last batch of a commit say what the commit erases: it is stored only after all others of it. */
  nameErasures(): void {
    const last = [...this.#batches.values()].at(-1);
    if (last !== undefined && this.erasures.length > 0) last.document.erasures = this.erasures;
  }

  add(batch: Batch, record: SegmentRecord, document: BatchDocument): void {
    this.#batches.set(document._id, { batch, document });
    this.#records.set(record.tag, record);
  }

  replace(collection: string, document: Replacement): void {
    this.#replaced.set(`${collection} ${document._id}`, document);
  }

  record(tag: string): SegmentRecord | undefined {
    return this.#records.get(tag) ?? this.before?.record(tag);
  }

  batch(id: string): BatchDocument | undefined {
    return this.#batches.get(id)?.document ?? this.before?.batch(id);
  }

  batches(): BatchDocument[] {
    const own = Array.from(this.#batches.values(), ({ document }) => document);
    return this.before === null ? own : [...this.before.batches(), ...own];
  }

  /** Where each segment is after it. */
  moves(): { batch: Batch; record: SegmentRecord }[] {
    const lastOf = new Map(Array.from(this.#batches.values(), ({ batch }) => [tagOf(batch), batch]));
    return Array.from(lastOf, ([tag, batch]) => ({ batch, record: this.#records.get(tag) as SegmentRecord }));
  }

  replaced(collection: string): Replacement[] {
    return [...this.#replaced].filter(([id]) => id.startsWith(`${collection} `)).map(([, one]) => one);
  }
}
