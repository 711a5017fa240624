import { Backoff, type Clock, DISCOVERY_BACKOFF, errorMessage } from '@p2p-chat/shared';
import type { Logger } from '../runtime/logger.js';
import type { RegistryClient } from './registry-client.js';
import type { ListChanges } from './registry-events.js';
import { RegistryFailure } from './registry-failure.js';

export interface RegistryStreamOptions {
  client: RegistryClient;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  logger: Logger;
  /** Where the list stands that is known; null while none is. */
  cursor: () => string | null;
  onChanges: (changes: ListChanges) => void;
}

/**
 * Follows what one service pushes, for as long as it does, and tries again
 * with back-off when it does not. While it is not {@link live}, the list has
 * to be asked for.
 */
export class RegistryStream {
  readonly #options: RegistryStreamOptions;
  readonly #backoff: Backoff;
  #live = false;

  constructor(options: RegistryStreamOptions) {
    this.#options = options;
    this.#backoff = new Backoff(DISCOVERY_BACKOFF, options.random);
  }

  /** Whether every change is told as it happens. */
  get live(): boolean {
    return this.#live;
  }

  /** Resolves when the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const retryAfterMs = await this.#listen(signal);
      const wait = Math.max(retryAfterMs, this.#backoff.next());
      await this.#options.clock.sleep(wait, signal);
    }
  }

  /** @returns how long the service wants to be left alone, in milliseconds */
  async #listen(signal: AbortSignal): Promise<number> {
    const { client, cursor, onChanges, logger } = this.#options;
    try {
      for await (const event of client.events(cursor() ?? '', signal)) {
        if (signal.aborted) break;
        if (event.type === 'changes') onChanges(event.changes);
        else this.#live = true;
        this.#backoff.reset();
      }
      return 0;
    } catch (error) {
      if (!signal.aborted) logger.debug({ reason: errorMessage(error) }, 'no changes are pushed');
      return error instanceof RegistryFailure ? error.retryAfterMs : 0;
    } finally {
      this.#live = false;
    }
  }
}
