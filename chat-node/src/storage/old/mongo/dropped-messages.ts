import { randomUUID } from 'node:crypto';
import type { Message } from '../../../chat/message.js';
import { documentOf } from './message.schema.js';
import type { Models } from './models.js';
import { duplicatesOf } from './mongo-errors.js';

/** So many are kept before they are counted and removed. */
const MAX_KEPT = 10_000;
/** The same in bytes of bodies (16 MiB). */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Messages that were dropped. Each leaves a document like that of a message,
 * in a collection with the same indexes and as large, with nothing of what it
 * said, for the sender must not tell a block by the time of an ack; now and
 * then they become one number for each peer.
 */
export class DroppedMessages {
  #kept = 0;
  #keptBytes = 0;

  constructor(private readonly models: Models) {}

  async add(messages: readonly Message[]): Promise<void> {
    if (messages.length === 0) return;
    const write = randomUUID();
    const now = Date.now();
    const documents = messages.map((message) => {
      const bytes = Buffer.byteLength(message.body);
      this.#keptBytes += bytes;
      return documentOf({ ...message, body: 'x'.repeat(bytes) }, write, now);
    });
    try {
      await this.models.dropped.insertMany(documents, { ordered: false, lean: true, rawResult: true });
    } catch (error) {
      // Repeats.
      duplicatesOf(error);
    }
    this.#kept += documents.length;
  }

  /** Counts and removes them where there are many. Never rejects: the next call tries again. */
  async trim(): Promise<void> {
    if (this.#kept < MAX_KEPT && this.#keptBytes < MAX_KEPT_BYTES) return;
    try {
      await this.total();
    } catch {
      // A server that is away tells those who wait for something.
    }
  }

  /** Counts and removes them. After a crash in between some are counted twice. */
  async total(): Promise<void> {
    const counts = await this.models.dropped.aggregate<{ _id: string; count: number }>([
      { $group: { _id: '$author', count: { $sum: 1 } } },
    ]);
    if (counts.length > 0) {
      await this.models.droppedTotals.bulkWrite(
        counts.map(({ _id, count }) => ({
          updateOne: { filter: { _id: { $eq: _id } }, update: { $inc: { count } }, upsert: true },
        })),
      );
      await this.models.dropped.deleteMany({});
    }
    this.#kept = 0;
    this.#keptBytes = 0;
  }
}
