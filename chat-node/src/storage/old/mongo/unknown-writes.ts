import type { Model } from 'mongoose';
import type { MessageDocument } from './message.schema.js';
import { duplicatesOf } from './mongo-errors.js';
import type { UnknownWritesFile } from './unknown-writes-file.js';

// Outside the keys of every conversation, so that no range and no list shows them.
const BARRIER_PREFIX = 'refused/';
const AFTER_BARRIERS = 'refused0';
/** How long a server may take to carry out what it was sent before its connection ended, in milliseconds: much longer than any does. */
export const LATE_WRITE_MS = 24 * 60 * 60 * 1_000;
/** Messages that are remembered as perhaps arriving late, about 200 bytes each. */
const MAX_LATE = 10_000;

/** A message of a write, by which it is found in the database. */
interface UnknownMessage {
  /** The primary key. */
  key: string;
  id: string;
  author: string;
  /** Whether its author is a person here, who was told that it was not saved. */
  refused: boolean;
}

/** An insert whose outcome is not known. */
interface UnknownWrite {
  /** The name of the write. */
  write: string;
  messages: UnknownMessage[];
}

/**
 * Inserts whose outcome is not known: they were rejected and may still have
 * reached the database, or reach it later, because the connection broke before
 * the answer or a part of them was refused. Their callers were told that
 * nothing was saved, so what is there of them is taken back before anything
 * else is done.
 */
export class UnknownWrites {
  readonly #running = new Map<string, readonly MessageDocument[]>();
  readonly #unknown = new Map<string, UnknownWrite>();
  /** Names of writes that may still be carried out, by message. */
  readonly #late = new Map<string, string>();

  /** @param file keeps them while the process may be killed; null where nobody needs that */
  constructor(
    private readonly messages: Model<MessageDocument>,
    private readonly file: UnknownWritesFile<UnknownWrite> | null,
  ) {}

  /** Takes over what an earlier process left, and forgets what is long over. */
  async recall(): Promise<void> {
    for (const one of (await this.file?.load()) ?? []) this.#unknown.set(one.write, one);
    const before = Date.now() - LATE_WRITE_MS;
    await this.messages.deleteMany({
      _id: { $gt: BARRIER_PREFIX, $lt: AFTER_BARRIERS },
      sentAt: { $lt: before },
    });
  }

  /** Notes, before a write, the documents that it, named in them, may add. */
  begin(write: string, documents: readonly MessageDocument[]): void {
    this.#running.set(write, documents);
  }

  /** The outcome of the write is known. */
  end(write: string): void {
    this.#running.delete(write);
  }

  /**
   * The writes that are under way have failed. To be called before anybody is
   * told so: once it resolves, also a process that is killed takes them back.
   */
  async failed(): Promise<void> {
    if (this.#running.size === 0) return;
    for (const [write, documents] of this.#running)
      this.#unknown.set(write, unknownWriteOf(write, documents));
    this.#running.clear();
    try {
      await this.file?.save([...this.#unknown.values()]);
    } catch {
      // The disk fails too: the rest of this process is as good as it gets.
    }
  }

  /** Takes back what is there of them, and keeps out what may come yet. May be repeated after it rejected. */
  async undo(): Promise<void> {
    if (this.#unknown.size === 0) return;
    for (const [write, { messages }] of this.#unknown) {
      await this.#keepOut(messages.filter(({ refused }) => refused));
      // The name of the write keeps a message that was there before.
      await this.messages.deleteMany({ _id: { $in: messages.map(({ key }) => key) }, write: { $eq: write } });
      for (const one of messages) if (!one.refused) this.#mayComeLate(nameOf(one), write);
      this.#unknown.delete(write);
    }
    await this.file?.clear();
  }

  /**
   * Of documents that were there already: those that came late, by a write that
   * failed. Nobody was told of them, so they are new.
   */
  async cameLate(documents: readonly MessageDocument[]): Promise<Set<MessageDocument>> {
    const suspects = documents.filter((document) => this.#late.has(nameOf(document)));
    if (suspects.length === 0) return new Set();
    const keys = suspects.map(({ _id }) => _id);
    const stored = await this.messages.find({ _id: { $in: keys } }, { write: 1 }).lean();
    const writes = new Map(stored.map(({ _id, write }) => [_id, write]));
    const late = suspects.filter((one) => writes.get(one._id) === this.#late.get(nameOf(one)));
    if (late.length > 0) {
      // Their numbers are those of then, which search may have passed.
      await this.messages.bulkWrite(
        late.map(({ _id, n }) => ({ updateOne: { filter: { _id: { $eq: _id } }, update: { $set: { n } } } })),
      );
    }
    for (const one of suspects) this.#late.delete(nameOf(one));
    return new Set(late);
  }

  /**
   * A server that hung may carry out an insert long after its connection ended.
   * So documents with the same unique key are put there: where they go in, the
   * message cannot any more; where they do not, it is there and can be removed.
   */
  async #keepOut(messages: UnknownWrite['messages']): Promise<void> {
    if (messages.length === 0) return;
    const sentAt = Date.now();
    const barriers = messages.map(({ id, author }): Partial<MessageDocument> => ({
      _id: BARRIER_PREFIX + nameOf({ id, author }),
      id,
      author,
      sentAt,
    }));
    try {
      // Lean documents are not held against the schema.
      await this.messages.insertMany(barriers, { ordered: false, lean: true, rawResult: true });
    } catch (error) {
      duplicatesOf(error);
    }
  }

  #mayComeLate(message: string, write: string): void {
    this.#late.set(message, write);
    for (const [oldest] of this.#late) {
      if (this.#late.size <= MAX_LATE) return;
      this.#late.delete(oldest);
    }
  }
}

function unknownWriteOf(write: string, documents: readonly MessageDocument[]): UnknownWrite {
  return {
    write,
    messages: documents.map(({ _id, id, author, waiting }) => ({
      key: _id,
      id,
      author,
      refused: waiting === 'delivery',
    })),
  };
}

function nameOf({ id, author }: Pick<MessageDocument, 'id' | 'author'>): string {
  return `${id}/${author}`;
}
