import type { Clock } from '@p2p-chat/shared';

/** Files that are fetched at the same time; fewer than MAX_BLOCK_CONNECTIONS_PER_PEER. */
export const MAX_FETCHED_AT_ONCE = 3;
/** How long a file keeps its slot while others wait: a slow or silent offerer holds up nobody for longer. */
export const TURN_MS = 30_000;

/** The right to fetch a file now. */
export interface FetchSlot {
  /** Its turn is over. */
  readonly over: AbortSignal;
  free(): void;
}

interface Held {
  author: string;
  since: number;
  over: AbortController;
}

interface Waiting {
  author: string;
  go: (slot: FetchSlot) => void;
}

/** Few files are fetched at a time. Whose files have the fewest slots is next, and each turn ends. */
export class FetchSlots {
  readonly #held = new Set<Held>();
  readonly #waiting: Waiting[] = [];

  constructor(private readonly clock: Clock) {}

  /** Waits for a slot. @param author of the file @throws where the signal aborts */
  async take(author: string, signal: AbortSignal): Promise<FetchSlot> {
    signal.throwIfAborted();
    const slot = await new Promise<FetchSlot>((resolve, reject) => {
      const waiting: Waiting = {
        author,
        go: (given) => {
          signal.removeEventListener('abort', leave);
          resolve(given);
        },
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      this.#next();
    });
    return slot;
  }

  #next(): void {
    while (this.#held.size < MAX_FETCHED_AT_ONCE) {
      const [next] = this.#waiting.toSorted((a, b) => this.#heldBy(a.author) - this.#heldBy(b.author));
      if (next === undefined) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      next.go(this.#give(next.author));
    }
    this.#endTurns();
  }

  #give(author: string): FetchSlot {
    const held: Held = { author, since: this.clock.monotonic(), over: new AbortController() };
    this.#held.add(held);
    const turn = this.clock.setTimeout(() => this.#endTurns(), TURN_MS);
    return {
      over: held.over.signal,
      free: () => {
        turn.clear();
        if (this.#held.delete(held)) this.#next();
      },
    };
  }

  /** As many turns end as others wait. */
  #endTurns(): void {
    const now = this.clock.monotonic();
    const ending = [...this.#held].filter(({ over }) => over.signal.aborted).length;
    const due = [...this.#held].filter(({ since, over }) => now - since >= TURN_MS && !over.signal.aborted);
    for (const { over } of due.slice(0, Math.max(0, this.#waiting.length - ending))) over.abort();
  }

  #heldBy(author: string): number {
    return [...this.#held].filter((one) => one.author === author).length;
  }
}
