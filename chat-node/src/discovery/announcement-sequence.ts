import { type Clock } from '@p2p-chat/shared';

/**
 * Gives each announcement of one key a greater number than all before: the
 * wall clock, so that it grows across restarts, or one more than the last
 * where the clock went back. Shared by all sources of one node, or one of them
 * would fall behind the others.
 */
export class AnnouncementSequence {
  #last = -1;

  constructor(private readonly clock: Clock) {}

  next(): number {
    this.#last = Math.max(Math.floor(this.clock.now()), this.#last + 1);
    return this.#last;
  }

  /** Somebody has seen this number from our key: the next one is greater. */
  jumpAbove(seen: number): void {
    // Past that, adding one no longer makes a greater number.
    if (Number.isSafeInteger(seen) && seen < Number.MAX_SAFE_INTEGER) this.#last = Math.max(this.#last, seen);
  }
}
