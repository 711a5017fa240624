import type { ChatError, StorageError } from '../../../chat/errors.js';
import type { Message } from '../../../chat/message.js';
import type { DroppedMessages } from './dropped-messages.js';
import { PendingCall, Step } from './step.js';

/** Counts messages that were dropped, at the price of adding them. */
export class DropMessages extends Step {
  readonly call = new PendingCall<void>();
  readonly #calls = [this.call];
  readonly #messages: Message[];

  constructor(
    private readonly dropped: DroppedMessages,
    messages: readonly Message[],
  ) {
    super();
    this.#messages = [...messages];
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof DropMessages)) return false;
    this.#calls.push(...later.#calls);
    this.#messages.push(...later.#messages);
    return true;
  }

  override async run(): Promise<void> {
    await this.dropped.add(this.#messages);
    for (const call of this.#calls) call.resolve();
    await this.dropped.trim();
  }

  override reject(error: StorageError | ChatError): void {
    for (const call of this.#calls) call.reject(error);
  }
}
