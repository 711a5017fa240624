import { type Clock, type Timer } from '@p2p-chat/shared';

/** Something that lasts until it is not renewed. */
export interface Lease {
  /** Monotonic time of its end. */
  endsAt: number;
}

/** Between two looks at leases that are over and may not end yet, in milliseconds. */
const HELD_BACK_MS = 250;

/**
 * Leases of one length, in the order of their ends: a renewal moves one to the
 * back, so what ends next is always in front, and one timer is enough.
 */
export class LeaseQueue<T extends Lease> {
  readonly #queue = new Set<T>();
  #timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly leaseMs: number,
    private readonly onEnd: (lease: T) => void,
    /** Whether leases may end now; those that may not are looked at again soon. */
    private readonly mayEnd: () => boolean = () => true,
  ) {}

  /**
   * Starts the lease, or starts it anew.
   * @param ageMs how much of it is over already. Behind a longer one it ends with that.
   */
  renew(lease: T, ageMs = 0): void {
    lease.endsAt = this.clock.monotonic() + this.leaseMs - ageMs;
    this.#queue.delete(lease);
    this.#queue.add(lease);
    if (this.#timer === undefined) this.#setTimer(this.leaseMs - ageMs);
  }

  /** Starts all of them anew. */
  renewAll(): void {
    const endsAt = this.clock.monotonic() + this.leaseMs;
    for (const lease of this.#queue) lease.endsAt = endsAt;
  }

  /** Takes the lease out without calling `onEnd`. */
  cancel(lease: T): void {
    this.#queue.delete(lease);
  }

  close(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#queue.clear();
  }

  #setTimer(ms: number): void {
    this.#timer = this.clock.setTimeout(() => this.#endDue(), ms);
  }

  #endDue(): void {
    this.#timer = undefined;
    if (this.#queue.size > 0 && !this.mayEnd()) return this.#setTimer(HELD_BACK_MS);
    const now = this.clock.monotonic();
    for (const lease of this.#queue) {
      if (lease.endsAt > now) return this.#setTimer(lease.endsAt - now);
      this.#queue.delete(lease);
      this.onEnd(lease);
    }
  }
}
