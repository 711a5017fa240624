import {
  ANNOUNCEMENT_VALIDITY_MS,
  type Clock,
  CLOCK_TOLERANCE_MS,
  MAX_REMEMBERED_SEQUENCES,
} from '@p2p-chat/shared';

/** The last announcement of a peer that is not listed any more. */
export interface LastSequence {
  seq: number;
  /** Tells the announcement, which may come back where its lease only ran out; null where it was withdrawn. */
  announcement: string | null;
}

/** After this time an announcement that was valid when its peer left is refused for its EXPIRES. */
const REMEMBER_MS = ANNOUNCEMENT_VALIDITY_MS + 2 * CLOCK_TOLERANCE_MS;

/**
 * Remembers the highest SEQ of peers that left, as long as one of their
 * announcements could be replayed, and not more of them than memory is meant
 * to hold; the oldest goes first.
 */
export class SequenceMemory {
  readonly #peers = new Map<string, LastSequence & { until: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly capacity = MAX_REMEMBERED_SEQUENCES,
  ) {}

  remember(peerId: string, last: LastSequence): void {
    this.#peers.delete(peerId);
    this.#forgetOld(this.capacity - 1);
    this.#peers.set(peerId, { ...last, until: this.clock.monotonic() + REMEMBER_MS });
  }

  recall(peerId: string): LastSequence | undefined {
    this.#forgetOld(this.capacity);
    return this.#peers.get(peerId);
  }

  forget(peerId: string): void {
    this.#peers.delete(peerId);
  }

  // All are kept equally long, so the first ones are the oldest.
  #forgetOld(keep: number): void {
    const now = this.clock.monotonic();
    for (const [peerId, { until }] of this.#peers) {
      if (until > now && this.#peers.size <= keep) return;
      this.#peers.delete(peerId);
    }
  }
}
