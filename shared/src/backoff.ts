/** How long to wait between attempts. All times in milliseconds. */
export interface BackoffPolicy {
  /** The first wait. */
  initialMs: number;
  /** No wait is longer than this. */
  maxMs: number;
  /** Each wait is this many times the one before. */
  factor: number;
  /** Share of the wait that is random, 0 to 1, so that many do not retry at once. */
  jitter: number;
}

/** Exponential back-off with jitter. One instance follows one thing that fails. */
export class Backoff {
  #attempts = 0;

  constructor(
    private readonly policy: BackoffPolicy,
    private readonly random: () => number = Math.random,
  ) {}

  /** Failures since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The wait before the next attempt, in milliseconds; counts as a failure. */
  next(): number {
    const { initialMs, maxMs, factor, jitter } = this.policy;
    const full = Math.min(maxMs, initialMs * factor ** this.#attempts);
    this.#attempts += 1;
    return full * (1 - jitter * this.random());
  }

  /** Call on success: the next wait is the first one again. */
  reset(): void {
    this.#attempts = 0;
  }
}
