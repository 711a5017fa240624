import type { ChatError, StorageError } from '../../chat/errors.js';
import type { Decoys } from './decoys.js';
import type { Models } from './models.js';
import { PendingCall, Step } from './step.js';

/** Counts messages that were dropped, at the price of adding them. */
export class DropMessages extends Step {
  readonly call = new PendingCall<void>();
  readonly #calls = [this.call];
  readonly #counts: Map<string, number>;

  constructor(
    private readonly models: Models,
    private readonly decoys: Decoys,
    peerId: string,
    count: number,
  ) {
    super();
    this.#counts = new Map([[peerId, count]]);
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof DropMessages)) return false;
    this.#calls.push(...later.#calls);
    for (const [peerId, count] of later.#counts)
      this.#counts.set(peerId, (this.#counts.get(peerId) ?? 0) + count);
    return true;
  }

  override async run(): Promise<void> {
    await Promise.all([
      this.decoys.insert([...this.#counts.values()].reduce((sum, count) => sum + count, 0)),
      this.models.dropped.bulkWrite(
        [...this.#counts].map(([peerId, count]) => ({
          updateOne: { filter: { _id: { $eq: peerId } }, update: { $inc: { count } }, upsert: true },
        })),
      ),
    ]);
    for (const call of this.#calls) call.resolve();
    await this.decoys.trim();
  }

  override reject(error: StorageError | ChatError): void {
    for (const call of this.#calls) call.reject(error);
  }
}
