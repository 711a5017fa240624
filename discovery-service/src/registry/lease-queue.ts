import { type Clock, type Timer } from '@p2p-chat/shared';

/** Something that lasts until it is not renewed. */
export interface Lease {
  /** Monotonic time of its end. */
  endsAt: number;
}

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
  ) {}

  /** Starts the lease, or starts it anew. */
  renew(lease: T): void {
    lease.endsAt = this.clock.monotonic() + this.leaseMs;
    this.#queue.delete(lease);
    this.#queue.add(lease);
    if (this.#timer === undefined) this.#setTimer(this.leaseMs);
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
    const now = this.clock.monotonic();
    for (const lease of this.#queue) {
      if (lease.endsAt > now) return this.#setTimer(lease.endsAt - now);
      this.#queue.delete(lease);
      this.onEnd(lease);
    }
  }
}
