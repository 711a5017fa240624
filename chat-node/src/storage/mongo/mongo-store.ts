import type { Tip } from '@p2p-chat/shared/protocol/batch';
import type { ReadMark } from '@p2p-chat/shared/protocol/conversation';
import type { Connection } from 'mongoose';
import { type ChatError, StorageError } from '../../core/errors.js';
import type { MessageRange } from '../../core/events.js';
import type { PeerRecord } from '../../core/peers/peer.js';
import {
  type BatchCursor,
  type Change,
  type ConversationSnapshot,
  ConversationStore,
  type ImportedMessage,
  type KeptOperation,
  type MessagePlace,
  type SearchQuery,
  type SegmentRecord,
  type StoredBatch,
} from '../../core/ports/conversation.store.js';
import { BatchReader } from './batch-reader.js';
import { ChangeWriter, type Commit } from './change-writer.js';
import { FIRST_VERSION, type MetaDocument, META_ID, SCHEMA_VERSION } from './documents.js';
import type { Models } from './models.js';
import { storageErrorOf } from './mongo-errors.js';
import { reachAgain } from './mongo-server.js';
import { SegmentStates } from './segment-states.js';
import { WordIndex } from './word-index.js';

/** Positions that each start has for itself, so that writes of an earlier one that land late have none of its. */
const POSITIONS_PER_START = 2 ** 24;
/** How long nothing must have been written before the index is filled, in milliseconds. */
const IDLE_MS = 1_000;

/** Conversations and peers in one MongoDB database, which this node alone uses. */
export class MongoStore extends ConversationStore {
  readonly #reader: BatchReader;
  readonly #index: WordIndex;
  readonly #segments: SegmentStates;
  readonly #writer: ChangeWriter;
  #waiting: (Commit & { settled: Promise<unknown> })[] = [];
  /** What writes, one after the other. */
  #writing: Promise<unknown> = Promise.resolve();
  #position: number;
  #reaching: Promise<void> | null = null;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  private constructor(
    private readonly connection: Connection,
    private readonly models: Models,
    private readonly uri: string,
    meta: MetaDocument,
  ) {
    super();
    this.#position = meta.start * POSITIONS_PER_START;
    this.#segments = new SegmentStates(models, meta.start);
    this.#reader = new BatchReader(models);
    this.#index = new WordIndex(models, this.#reader);
    this.#writer = new ChangeWriter(models, this.#segments, this.#index, () => ++this.#position);
  }

  /**
   * Creates collections and indexes where they are missing.
   * @param connection is open
   * @throws {StorageError} `storage-unavailable`, `storage-too-new` or
   * `storage-too-old` (nothing was changed), `storage-failed`
   */
  static async open(connection: Connection, models: Models, uri: string): Promise<MongoStore> {
    try {
      const meta = await begin(models);
      const store = new MongoStore(connection, models, uri, meta);
      // A write of the start before the last one may have landed only when the last one had looked.
      await store.#segments.settle(meta.settledStart - 1);
      await store.#writer.finish();
      await models.meta.updateOne({ _id: META_ID }, { $set: { settledStart: meta.start } });
      return store;
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  override commit(changes: readonly Change[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settled = promise.catch(() => undefined);
    this.#waiting.push({ changes, resolve, reject, settled });
    if (this.#waiting.length === 1) void this.#alone(() => this.#writeWaiting());
    return promise;
  }

  override async check(): Promise<void> {
    await this.#alone(() =>
      this.#look(({ meta }) => meta.updateOne({ _id: META_ID }, { $inc: { checks: 1 } }).exec()),
    );
  }

  override async conversations(): Promise<ConversationSnapshot[]> {
    await this.#storeSegments();
    return this.#read(async ({ conversations, segments, watermarks }) => {
      const [records, tips, clocks, marks] = await Promise.all([
        conversations.find().lean(),
        segments.find({ isTip: true }).lean(),
        segments.aggregate<{ _id: string; last: string }>([
          { $group: { _id: '$conversation', last: { $max: '$tip.clock' } } },
        ]),
        watermarks.find({}, { _id: 0, version: 0 }).lean(),
      ]);
      const tipsOf = Map.groupBy(tips, ({ conversation }) => conversation);
      const marksOf = Map.groupBy(marks, ({ conversation }) => conversation);
      const clockOf = new Map(clocks.map(({ _id, last }) => [_id, last]));
      return records.map(({ _id, record }) => ({
        record,
        feeds: Array.from(
          Map.groupBy(tipsOf.get(_id) ?? [], ({ author }) => author),
          ([author, all]) => ({ author, tips: all.map(({ tip }) => tip as Tip) }),
        ),
        watermarks: marksOf.get(_id) ?? [],
        lastClock: clockOf.get(_id) ?? '',
      }));
    });
  }

  override async segments(conversation: string, author: string): Promise<SegmentRecord[]> {
    await this.#storeSegments();
    return this.#read(async ({ segments }) => {
      const documents = await segments
        .find({ conversation: { $eq: conversation }, author: { $eq: author } })
        .lean();
      return documents.flatMap(({ _id, segment, tip, links }) =>
        tip === null ? [] : [{ segment, tag: _id, tip, links }],
      );
    });
  }

  override batches(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): Promise<StoredBatch[]> {
    return this.#read(() => this.#reader.ofFeed(conversation, author, after, limit));
  }

  override batchOf(
    conversation: string,
    author: string,
    segment: string,
    seq: number,
  ): Promise<StoredBatch | null> {
    return this.#read(() => this.#reader.holding(conversation, author, segment, seq));
  }

  override referring(ranges: readonly MessageRange[]): Promise<StoredBatch[]> {
    return this.#read(() => this.#reader.referring(ranges));
  }

  override countSilent(conversation: string, author: string, beyond: readonly ReadMark[]): Promise<number> {
    return this.#read(() => this.#reader.countSilent(conversation, author, beyond));
  }

  override hasDropped(
    conversation: string,
    author: string,
    segment: string,
    afterSeq: number,
  ): Promise<boolean> {
    return this.#read(() => this.#reader.hasDropped(conversation, author, segment, afterSeq));
  }

  override around(conversation: string, clock: string): Promise<StoredBatch[]> {
    return this.#read(() => this.#reader.around(conversation, clock));
  }

  override before(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]> {
    return this.#read(() => this.#reader.before(conversation, cursor, limit));
  }

  override after(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]> {
    return this.#read(() => this.#reader.after(conversation, cursor, limit));
  }

  override imported(
    conversation: string,
    side: 'before' | 'after',
    place: { clock: string; author: string; id: string },
    limit: number,
  ): Promise<ImportedMessage[]> {
    return this.#read(() => this.#reader.imported(conversation, side, place, limit));
  }

  override find(id: string): Promise<MessagePlace | null> {
    return this.#read(() => this.#reader.find(id));
  }

  override keyed(conversation: string, key: string): Promise<{ segment: string; seq: number } | null> {
    return this.#read(async ({ batches }) => {
      const document = await batches
        .findOne({ conversation: { $eq: conversation }, 'keys.key': { $eq: key } }, { segment: 1, keys: 1 })
        .lean();
      const seq = document?.keys?.find((one) => one.key === key)?.seq;
      return document === null || seq === undefined ? null : { segment: document.segment, seq };
    });
  }

  override search(query: SearchQuery): Promise<MessagePlace[]> {
    return this.#read(() => this.#index.search(query));
  }

  override roster(conversation: string): Promise<KeptOperation[]> {
    return this.#read(async ({ operations }) => {
      const documents = await operations.find({ conversation: { $eq: conversation } });
      return documents.map(({ _id, bytes }) => ({ hash: _id, conversation, bytes: new Uint8Array(bytes) }));
    });
  }

  override peers(): Promise<PeerRecord[]> {
    return this.#read(async ({ peers }) => (await peers.find().lean()).map(({ record }) => record));
  }

  /** Finishes what was asked for before. The connection stays its owner's. */
  override async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idle);
    await this.#writing;
    // Where this fails, the next start does it.
    await this.#segments.store().catch(() => undefined);
  }

  async #writeWaiting(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    let outcome: StorageError['outcome'] = 'none';
    try {
      await this.#reach();
      outcome = 'unknown';
      await this.#writer.write(group);
      this.#fillWhenIdle();
    } catch (thrown) {
      this.#segments.forget();
      const { code, message, hint, cause } = storageErrorOf(thrown);
      const error = new StorageError(code as StorageError['code'], message, {
        cause,
        outcome,
        ...(hint === undefined ? {} : { hint }),
      });
      for (const { reject } of group) reject(error);
    }
  }

  #storeSegments(): Promise<void> {
    if (this.#isClosed) return Promise.reject(closed());
    // Without waiting for commits that were asked for meanwhile: they wait for this.
    return this.#alone(() => this.#look(() => this.#segments.store()));
  }

  /** Runs what writes when all that was asked for before has ended. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#writing.then(work);
    this.#writing = mine.catch(() => undefined);
    return mine;
  }

  /** Reads when the writes that were asked for before have ended. */
  async #read<T>(look: (models: Models) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closed();
    await this.#waiting.at(-1)?.settled;
    return this.#look(look);
  }

  async #look<T>(look: (models: Models) => Promise<T>): Promise<T> {
    try {
      await this.#reach();
      return await look(this.models);
    } catch (error) {
      throw storageErrorOf(error);
    }
  }

  /** Connects anew where the server was lost, once for all calls that need it. */
  #reach(): Promise<void> {
    this.#reaching ??= reachAgain(this.connection, this.uri).finally(() => (this.#reaching = null));
    return this.#reaching;
  }

  #fillWhenIdle(): void {
    clearTimeout(this.#idle);
    // A server that is away is left alone until the next write.
    this.#idle = setTimeout(() => void this.#index.fill().catch(() => undefined), IDLE_MS).unref();
  }
}

/** Counts the start. @returns what was stored before, with the number of this start */
async function begin(models: Models): Promise<MetaDocument> {
  const meta = await models.meta.findById(META_ID).lean();
  if (meta !== null) requireVersion(meta.schemaVersion);
  await models.createIndexes();
  const positions = await Promise.all(
    [models.batches, models.imported].map((model) =>
      (model as Models['batches']).findOne({}, { position: 1 }).sort({ position: -1 }).lean(),
    ),
  );
  const used = Math.max(...positions.map((one) => Math.floor((one?.position ?? 0) / POSITIONS_PER_START)));
  const start = Math.max(meta?.start ?? 0, used) + 1;
  await models.meta.updateOne(
    { _id: META_ID },
    { $set: { start, schemaVersion: SCHEMA_VERSION } },
    { upsert: true },
  );
  return {
    _id: META_ID,
    schemaVersion: SCHEMA_VERSION,
    checks: 0,
    settledStart: meta?.settledStart ?? 0,
    start,
  };
}

function requireVersion(version: number): void {
  const options = {
    hint: 'It was left as it is. Start it with the newer version of p2p-chat that last used it.',
  };
  if (version > SCHEMA_VERSION) {
    throw new StorageError(
      'storage-too-new',
      `The message database has schema version ${version}; this program knows versions up to ${SCHEMA_VERSION}.`,
      options,
    );
  }
  if (version < FIRST_VERSION) {
    throw new StorageError('storage-too-old', 'The message database is of a version before 1.', {
      hint: 'It was left as it is. Export it with that version, name another database, and import it there.',
    });
  }
}

function closed(): StorageError | ChatError {
  return new StorageError('storage-failed', 'The storage is closed.');
}
