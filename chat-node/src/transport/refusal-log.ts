import type { Clock } from '@p2p-chat/shared';
import type { Logger } from '../runtime/logger.js';
import type { TransportError } from './errors.js';

const INTERVAL_MS = 60_000;
const MAX_REMEMBERED = 1_000;

/** Logs what was refused, once a minute for each address and fault: whoever knocks all day does not fill the disk. */
export class RefusalLog {
  readonly #last = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** @param address of the far end, or its peer id */
  refused(error: TransportError, address: string): void {
    const now = this.clock.monotonic();
    const key = `${address} ${error.code}`;
    const last = this.#last.get(key);
    if (last !== undefined && now - last < INTERVAL_MS) return;
    if (this.#last.size >= MAX_REMEMBERED) this.#last.clear();
    this.#last.set(key, now);
    this.logger.warn({ address, code: error.code }, error.message);
  }
}
