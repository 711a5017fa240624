import { randomUUID } from 'node:crypto';
import { newMessageId } from '@p2p-chat/shared';
import type { MessageDocument } from './message.schema.js';
import type { Models } from './models.js';

/** Stands for the body of a message that was dropped: an ordinary line. */
const BODY = 'x'.repeat(128);

/** So many are kept before they are counted and removed. */
const MAX_KEPT = 10_000;

/**
 * Messages that were dropped. Each leaves a document like that of a message,
 * in a collection with the same indexes, for the sender must not tell a block
 * by the time of an ack; now and then they become one number for each peer.
 */
export class DroppedMessages {
  #kept = 0;

  constructor(private readonly models: Models) {}

  /** @param counts by peer id */
  async add(counts: ReadonlyMap<string, number>): Promise<void> {
    const documents = [...counts].flatMap(([peerId, count]) =>
      Array.from({ length: count }, () => documentFrom(peerId)),
    );
    if (documents.length === 0) return;
    await this.models.dropped.insertMany(documents, { ordered: false, lean: true, rawResult: true });
    this.#kept += documents.length;
  }

  /** Counts and removes them where there are many. Never rejects: the next call tries again. */
  async trim(): Promise<void> {
    if (this.#kept < MAX_KEPT) return;
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
  }
}

function documentFrom(peerId: string): MessageDocument {
  const now = Date.now();
  return {
    _id: randomUUID(),
    id: newMessageId(now),
    conversation: peerId,
    author: peerId,
    direction: 'in',
    kind: 'text',
    body: BODY,
    clock: '0'.repeat(16),
    sentAt: now,
    receivedAt: now,
    state: 'delivered',
    waiting: 'reading',
    n: now,
    write: '',
  };
}
