import type { Clock } from '@p2p-chat/shared';
import { type ChatError, StorageError } from '../../../chat/errors.js';
import { storageErrorOf } from './mongo-errors.js';
import type { Step } from './step.js';

/**
 * A step that takes longer than this has hung: a command that fails does so
 * sooner, and whoever asked is told before a client of the control API gives up.
 */
export const HUNG_STEP_MS = 25_000;

/** What a queue needs of the database around its steps. */
export interface StepSurroundings {
  /** Makes sure, before every step, that the server is there and what is in the database is known. */
  prepare(): Promise<void>;
  /** After a step whose effect on the database is not known, before its calls are rejected. */
  failed(): Promise<void>;
  /** After a step that hung: ends whatever it still waits for. */
  hung(): Promise<void>;
}

/**
 * Runs steps one after another. What is asked while one runs is merged into
 * as few as its order allows, so that throughput rises with load and a lone
 * call waits for nothing.
 */
export class StepQueue {
  readonly #waiting: Step[] = [];
  #current: Step | null = null;
  #closed = false;

  constructor(
    private readonly surroundings: StepSurroundings,
    private readonly clock: Clock,
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
        await this.#within(HUNG_STEP_MS, async (givenUp) => {
          await this.surroundings.prepare();
          givenUp.throwIfAborted();
          await step.run(givenUp);
        });
      } catch (thrown) {
        const error = storageErrorOf(thrown);
        await this.surroundings.failed();
        step.reject(error);
        // Who waited while the server was away need not wait for it once more each.
        if (error.code === 'storage-unavailable')
          for (const one of this.#waiting.splice(0)) abandon(one, error);
      }
      step.finish();
    }
  }

  async #within(ms: number, run: (givenUp: AbortSignal) => Promise<void>): Promise<void> {
    const givenUp = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = this.clock.setTimeout(() => late.reject(new HungError()), ms);
    try {
      const running = run(givenUp.signal);
      // It may still fail after it was given up, when nobody waits for it.
      running.catch(() => undefined);
      await Promise.race([running, late.promise]);
    } catch (error) {
      if (error instanceof HungError) {
        givenUp.abort(error);
        await this.surroundings.hung();
      }
      throw error;
    } finally {
      timer.clear();
    }
  }

  #next(): Step | null {
    this.#current = this.#waiting.shift() ?? null;
    return this.#current;
  }
}

class HungError extends StorageError {
  constructor() {
    super('storage-unavailable', `MongoDB did not answer in ${HUNG_STEP_MS / 1_000} seconds.`, {
      hint: 'Check that it runs; the node goes on by itself when it answers.',
    });
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
