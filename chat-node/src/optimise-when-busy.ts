import { performance, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';

/** How busy a thread has to be, over at least how long, for optimised code to be worth its memory. */
export const BUSY = [
  // A burst: what it costs is noticed at once. Two hundred peers that link at once take up to 0.53, on MongoDB.
  { windowMs: 200, share: 0.6 },
  // Work that goes on. Two hundred peers are done in a part of that.
  { windowMs: 20_000, share: 0.2 },
] as const;

/** What a thread has done since its start, in milliseconds. */
export interface ThreadTime {
  active: number;
  idle: number;
}

/** Notices when a thread has become busy. */
export class BusyWatch {
  readonly #since: ThreadTime[];

  /** @param now what the thread has done until now */
  constructor(private readonly now: () => ThreadTime) {
    this.#since = BUSY.map(() => now());
  }

  /** @returns whether the thread was busy for one of the windows, which begin anew when they are over */
  look(): boolean {
    const now = this.now();
    return BUSY.some(({ windowMs, share }, at) => {
      const since = this.#since[at] ?? now;
      const active = now.active - since.active;
      const all = active + now.idle - since.idle;
      if (all < windowMs) return false;
      this.#since[at] = now;
      return active >= share * all;
    });
  }
}

/**
 * Has V8 optimise nothing: it runs what it compiles at first, which is quick
 * to make. A node that starts and rests takes 10 MB less then, most of it the
 * code of V8's optimising compilers.
 */
export function holdOptimisers(): void {
  setOptimisers('--no-');
}

/**
 * Has V8 optimise from when this thread is busy. It is looked at when V8
 * collects, as a thread that has much to do soon makes it do: so that costs a
 * node that rests nothing.
 */
export function optimiseWhenBusy(): void {
  const watch = new BusyWatch(() => performance.eventLoopUtilization());
  const collections = new PerformanceObserver(() => {
    if (!watch.look()) return;
    collections.disconnect();
    setOptimisers('--');
  });
  collections.observe({ entryTypes: ['gc'] });
}

// V8 reads these flags, of all threads, whenever it considers a function.
function setOptimisers(prefix: '--' | '--no-'): void {
  for (const compiler of ['turbofan', 'maglev']) setFlagsFromString(prefix + compiler);
}
