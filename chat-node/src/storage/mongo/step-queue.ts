import { type ChatError, StorageError } from '../../chat/errors.js';
import { storageErrorOf } from './mongo-errors.js';
import type { Step } from './step.js';

/**
 * Runs steps one after another. What is asked while one runs is merged into
 * as few as its order allows, so that throughput rises with load and a lone
 * call waits for nothing.
 */
export class StepQueue {
  readonly #waiting: Step[] = [];
  #current: Step | null = null;
  #closed = false;

  /**
   * @param prepare makes sure, before every step, that what is in the database is known
   * @param onFailure after a step whose effect on the database is not known
   */
  constructor(
    private readonly prepare: () => Promise<void>,
    private readonly onFailure: () => void,
  ) {}

  /** Runs the step as if after all that were pushed before. */
  push(step: Step): void {
    if (this.#closed) return abandon(step, closed());
    if (!this.#merge(step)) this.#waiting.push(step);
    if (this.#current === null) void this.#run();
  }

  /** Resolves when all steps are over; later ones are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    await (this.#waiting.at(-1) ?? this.#current)?.finished;
  }

  #merge(step: Step): boolean {
    for (const earlier of this.#waiting.toReversed()) {
      if (earlier.absorb(step)) return true;
      if (earlier.conflictsWith(step)) return false;
    }
    return false;
  }

  async #run(): Promise<void> {
    for (let step = this.#next(); step !== null; step = this.#next()) {
      try {
        await this.prepare();
        await step.run();
      } catch (thrown) {
        const error = storageErrorOf(thrown);
        this.onFailure();
        step.reject(error);
        // Who waited while the server was away need not wait for it once more each.
        if (error.code === 'storage-unavailable')
          for (const one of this.#waiting.splice(0)) abandon(one, error);
      }
      step.finish();
    }
  }

  #next(): Step | null {
    this.#current = this.#waiting.shift() ?? null;
    return this.#current;
  }
}

function abandon(step: Step, error: StorageError | ChatError): void {
  step.reject(error);
  step.finish();
}

function closed(): StorageError {
  return new StorageError('storage-failed', 'The message database is closed.', {
    hint: 'Start the node again.',
  });
}
