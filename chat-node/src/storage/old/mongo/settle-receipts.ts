import type { ChatError, StorageError } from '../../../chat/errors.js';
import type { Models } from './models.js';
import { PendingCall, Step } from './step.js';

/** Notes that the author knows of the reading of these messages. */
export class SettleReceipts extends Step {
  readonly call = new PendingCall<void>();
  readonly #calls = [this.call];
  readonly #ids: string[];

  constructor(
    private readonly models: Models,
    private readonly conversationId: string,
    ids: readonly string[],
  ) {
    super();
    this.#ids = [...ids];
    this.touch(conversationId, ids);
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof SettleReceipts) || later.conversationId !== this.conversationId) return false;
    this.#calls.push(...later.#calls);
    this.#ids.push(...later.#ids);
    this.touchAllOf(later);
    return true;
  }

  override async run(): Promise<void> {
    if (this.#ids.length > 0) {
      await this.models.messages.updateMany(
        {
          id: { $in: this.#ids },
          conversation: { $eq: this.conversationId },
          waiting: { $eq: 'receipt' },
        },
        { $unset: { waiting: true } },
      );
    }
    for (const call of this.#calls) call.resolve();
  }

  override reject(error: StorageError | ChatError): void {
    for (const call of this.#calls) call.reject(error);
  }
}
