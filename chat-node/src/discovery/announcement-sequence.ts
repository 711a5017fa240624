import { type Clock, CLOCK_LIMIT, clockMs, type SignedEntry } from '@p2p-chat/shared';

/** Announcements with other contents that are kept: one for each way that leads out of a machine. */
const MAX_KEPT = 8;

/**
 * Gives each announcement of one key a greater number than all before: the
 * wall clock, so that it grows across restarts, or one more than the last
 * where the clock went back. Shared by all sources of one node, or one of them
 * would fall behind the others. It also keeps the latest announcements, so that
 * sources that say the same send the same one: two services may share a list.
 */
export class AnnouncementSequence {
  #last = -1;
  readonly #latest = new Map<string, SignedEntry>();

  constructor(private readonly clock: Clock) {}

  next(): number {
    this.#last = Math.max(Math.floor(this.clock.now()), this.#last + 1);
    return this.#last;
  }

  /** An announcement was signed. */
  keep(content: string, entry: SignedEntry): void {
    this.#latest.delete(content);
    for (const [oldest] of this.#latest) {
      if (this.#latest.size < MAX_KEPT) break;
      this.#latest.delete(oldest);
    }
    this.#latest.set(content, entry);
  }

  /** The latest announcement with this content. */
  latest(content: string): SignedEntry | undefined {
    return this.#latest.get(content);
  }

  /** The one with this number, where it was one of the latest. */
  find(seq: number): SignedEntry | undefined {
    return [...this.#latest.values()].find(({ SEQ }) => SEQ === seq);
  }

  /** All that was kept is withdrawn. */
  forget(): void {
    this.#latest.clear();
  }

  /** Somebody has seen this number from our key, as they say: the next one is greater. */
  jumpAbove(seen: number): void {
    // No wall clock gives a greater one, and others must take many that follow.
    if (Number.isSafeInteger(seen) && seen < clockMs(CLOCK_LIMIT)) this.#last = Math.max(this.#last, seen);
  }
}
