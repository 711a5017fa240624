import type { Clock, Timer } from '@p2p-chat/shared';
import type { Logger } from './logger.js';

/** How often a start that takes long says what it waits for, in milliseconds. */
export const START_NOTICE_MS = 5_000;

/** Says what the start of a node waits for, where that takes long. */
export class StartProgress {
  readonly #began: number;
  #waitsFor = '';
  #timer: Timer;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#began = clock.monotonic();
    this.#timer = this.#wait();
  }

  /** The start now waits for this. */
  waitsFor(what: string): void {
    this.#waitsFor = what;
  }

  /** The start is over, however it ended. */
  done(): void {
    this.#timer.clear();
  }

  #wait(): Timer {
    return this.clock.setTimeout(() => {
      const seconds = Math.round((this.clock.monotonic() - this.#began) / 1_000);
      this.logger.warn({ waitsFor: this.#waitsFor, seconds }, 'the start takes long');
      this.#timer = this.#wait();
    }, START_NOTICE_MS);
  }
}
