import type { ChatError, StorageError } from '../../../chat/errors.js';
import { storageErrorOf } from './mongo-errors.js';
import { PendingCall, Step } from './step.js';

/** Reads, after the writes that were asked before and before those that were asked after. */
export class Read<Result> extends Step {
  readonly call = new PendingCall<Result>();
  readonly #reads: { run: () => Promise<void>; reject: (error: StorageError | ChatError) => void }[];

  /** @param conversationId whose messages it concerns; null for those of all */
  constructor(conversationId: string | null, read: () => Promise<Result>) {
    super();
    if (conversationId === null) this.touchEverything();
    else this.touch(conversationId, null);
    const { call } = this;
    this.#reads = [
      {
        // One that fails is no reason for others to fail.
        run: () =>
          read().then(call.resolve.bind(call), (error: unknown) => call.reject(storageErrorOf(error))),
        reject: (error) => call.reject(error),
      },
    ];
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof Read)) return false;
    this.#reads.push(...(later as Read<unknown>).#reads);
    this.touchAllOf(later);
    return true;
  }

  override async run(): Promise<void> {
    await Promise.all(this.#reads.map((one) => one.run()));
  }

  override reject(error: StorageError | ChatError): void {
    for (const one of this.#reads) one.reject(error);
  }
}
