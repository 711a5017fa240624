/** A timer that was set and can be cleared; clearing twice is harmless. */
export interface Timer {
  clear(): void;
}

/**
 * The only source of time in the code that has logic in it, so that tests can
 * wind it by hand.
 */
export abstract class Clock {
  /** Wall clock, milliseconds since 1970. May jump either way. */
  abstract now(): number;
  /** Monotonic clock in milliseconds from an arbitrary start. Never jumps. */
  abstract monotonic(): number;
  /** Calls `run` once after `ms` milliseconds of monotonic time. */
  abstract setTimeout(run: () => void, ms: number): Timer;

  /** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        timer.clear();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}

/** The machine's clock. Its timers do not keep a process alive by themselves. */
export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }
  monotonic(): number {
    return performance.now();
  }
  setTimeout(run: () => void, ms: number): Timer {
    const handle = setTimeout(run, ms);
    handle.unref();
    return { clear: () => clearTimeout(handle) };
  }
}
