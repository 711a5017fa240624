import type { Clock, Timer } from '@p2p-chat/shared';

/** Without a key for this long, one is away, in milliseconds. */
export const AWAY_AFTER_MS = 5 * 60_000;

/** Tells whether somebody is at the keys: once when nobody has been for a while, once when they are back. */
export class Activity {
  #timer: Timer | null = null;
  #idle = false;

  /** @param report is told; what it throws is its own affair */
  constructor(
    private readonly clock: Clock,
    private readonly report: (idle: boolean) => void,
  ) {}

  /** Somebody is there: the console was opened. */
  start(): void {
    this.report(false);
    this.#watch();
  }

  /** A key was pressed. */
  pressed(): void {
    if (this.#timer === null && !this.#idle) return;
    if (this.#idle) {
      this.#idle = false;
      this.report(false);
    }
    this.#watch();
  }

  stop(): void {
    this.#timer?.clear();
    this.#timer = null;
    this.#idle = false;
  }

  #watch(): void {
    this.#timer?.clear();
    this.#timer = this.clock.setTimeout(() => {
      this.#timer = null;
      this.#idle = true;
      this.report(true);
    }, AWAY_AFTER_MS);
  }
}
