import type { Model } from 'mongoose';
import type { MessageDocument } from './message.schema.js';

/**
 * Inserts whose outcome is not known: they were rejected and may still have
 * reached the database, because the connection broke before the answer or a
 * part of them was refused. Their callers were told that nothing was saved, so
 * what is there of them is taken back before anything else is done.
 */
export class UnknownWrites {
  readonly #writes = new Map<string, string[]>();

  constructor(private readonly messages: Model<MessageDocument>) {}

  /** Notes, before a write, the documents that it, named in them, may add. */
  begin(write: string, keys: string[]): void {
    this.#writes.set(write, keys);
  }

  /** The outcome of the write is known. */
  end(write: string): void {
    this.#writes.delete(write);
  }

  /** Takes back what is there of them. May be repeated after it rejected. */
  async undo(): Promise<void> {
    for (const [write, keys] of this.#writes) {
      // The name of the write keeps a message that was there before.
      await this.messages.deleteMany({ _id: { $in: keys }, write: { $eq: write } });
      this.#writes.delete(write);
    }
  }
}
