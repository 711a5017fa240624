import { randomUUID } from 'node:crypto';
import { newMessageId } from '@p2p-chat/shared';
import type { Model } from 'mongoose';
import type { MessageDocument } from './message.schema.js';

/** Stands for the body of a message that was dropped: an ordinary line. */
const BODY = 'x'.repeat(128);

/** So many are kept before all are removed. */
const MAX_DECOYS = 10_000;

/**
 * Documents in the place of messages that were dropped, in a collection of
 * the same shape: the sender must not tell a block by the time of an ack.
 */
export class Decoys {
  #kept = 0;

  constructor(private readonly decoys: Model<MessageDocument>) {}

  /** Takes as long as adding so many messages. */
  async insert(count: number): Promise<void> {
    if (count === 0) return;
    const documents = Array.from({ length: count }, decoy);
    await this.decoys.insertMany(documents, { ordered: false, lean: true, rawResult: true });
    this.#kept += count;
  }

  /** Removes them, now and then. Never rejects: the next call tries again. */
  async trim(): Promise<void> {
    if (this.#kept < MAX_DECOYS) return;
    try {
      await this.decoys.deleteMany({});
      this.#kept = 0;
    } catch {
      // A server that is away tells those who wait for something.
    }
  }

  /** Removes those of an earlier start. */
  async clear(): Promise<void> {
    await this.decoys.deleteMany({});
  }
}

function decoy(): MessageDocument {
  const now = Date.now();
  return {
    _id: randomUUID(),
    id: newMessageId(now),
    conversation: '',
    author: '',
    direction: 'in',
    kind: 'text',
    body: BODY,
    clock: '0'.repeat(16),
    sentAt: now,
    receivedAt: now,
    state: 'delivered',
    waiting: 'reading',
    write: '',
  };
}
