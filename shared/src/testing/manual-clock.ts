import { Clock, type Timer } from '../clock.js';

interface Pending {
  at: number;
  order: number;
  run: () => void;
}

/** A clock that stands still until the test winds it. */
export class ManualClock extends Clock {
  #wall: number;
  #monotonic = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(wall = Date.UTC(2026, 0, 1)) {
    super();
    this.#wall = wall;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimeout(run: () => void, ms: number): Timer {
    const pending: Pending = { at: this.#monotonic + Math.max(0, ms), order: this.#order++, run };
    this.#pending.add(pending);
    return { clear: () => this.#pending.delete(pending) };
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#pending.size;
  }

  /** Moves the wall clock alone, as an administrator or NTP does. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Lets time pass and runs each timer when it is due, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = this.#next(end);
      if (next === undefined) break;
      this.#moveTo(next.at);
      this.#pending.delete(next);
      next.run();
      await settle();
    }
    this.#moveTo(end);
    await settle();
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const one of this.#pending) {
      if (one.at > end) continue;
      if (first === undefined || one.at < first.at || (one.at === first.at && one.order < first.order))
        first = one;
    }
    return first;
  }

  #moveTo(at: number): void {
    this.#wall += at - this.#monotonic;
    this.#monotonic = at;
  }
}

/** Lets everything that is ready to run do so: microtasks and one turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
