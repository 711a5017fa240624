import type { Clock } from '@p2p-chat/shared';

/** Lets so many bytes a second through; each waits for its turn. */
export class RateLimit {
  /** When the next bytes may pass, on the monotonic clock. */
  #freeAt = 0;

  /** @param bytesPerSecond null for as many as there are */
  constructor(
    private readonly bytesPerSecond: number | null,
    private readonly clock: Clock,
  ) {}

  async pass(bytes: number): Promise<void> {
    if (this.bytesPerSecond === null) return;
    const now = this.clock.monotonic();
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + (bytes * 1_000) / this.bytesPerSecond;
    if (start > now) await this.clock.sleep(start - now);
  }
}
