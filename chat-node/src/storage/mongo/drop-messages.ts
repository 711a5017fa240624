import type { ChatError, StorageError } from '../../chat/errors.js';
import type { DroppedMessages } from './dropped-messages.js';
import { PendingCall, Step } from './step.js';

/** Counts messages that were dropped, at the price of adding them. */
export class DropMessages extends Step {
  readonly call = new PendingCall<void>();
  readonly #calls = [this.call];
  readonly #counts: Map<string, number>;

  constructor(
    private readonly dropped: DroppedMessages,
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
    await this.dropped.add(this.#counts);
    for (const call of this.#calls) call.resolve();
    await this.dropped.trim();
  }

  override reject(error: StorageError | ChatError): void {
    for (const call of this.#calls) call.reject(error);
  }
}
