import type { FoundMessageView } from '../control/views.js';
import { errorMessage } from '../errors.js';
import { MAX_SEARCH_CHARACTERS } from '../protocol/limits.js';
import { queryWords } from '../search-words.js';
import type { LiveView } from './live-view.js';
import { Refresher } from './refresher.js';
import { Store } from './store.js';

/** Messages asked for at once: several screens. */
const PAGE = 40;
/** Who types fast is not searched for at every key, in milliseconds. */
const REFRESH_INTERVAL_MS = 100;

/** What was found so far. */
export interface FoundMessages {
  query: string;
  /** The one that was saved last first. */
  found: readonly FoundMessageView[];
  /** Whether there are no more. */
  atEnd: boolean;
  searching: boolean;
  /** Why the last search failed; null where it did not. */
  problem: string | null;
}

const NOTHING: FoundMessages = { query: '', found: [], atEnd: true, searching: false, problem: null };

/** Searches all history as somebody types. */
export class MessageFinder {
  readonly store = new Store<FoundMessages>(NOTHING);
  readonly #refresher: Refresher;
  /** Whether what is in the store was found for another text. */
  #fresh = true;
  readonly #closing = new AbortController();
  readonly #signal: AbortSignal;

  constructor(private readonly view: LiveView) {
    this.#signal = AbortSignal.any([view.signal, this.#closing.signal]);
    this.#refresher = new Refresher(() => this.load(), view.clock, REFRESH_INTERVAL_MS, this.#signal);
  }

  /** Searches for another text. */
  look(text: string): void {
    const query = text.slice(0, MAX_SEARCH_CHARACTERS).toWellFormed();
    if (queryWords(query).length === 0) this.store.update(() => ({ ...NOTHING, query }));
    else {
      // What was found before stays on the screen until there is something else.
      this.store.update((now) => ({ ...now, query, atEnd: false, searching: true, problem: null }));
      this.#fresh = true;
      this.#refresher.request();
    }
  }

  /** Searches on, for what was saved before the last one. */
  more(): void {
    const { atEnd, searching, problem } = this.store.get();
    if (atEnd || searching || problem !== null) return;
    this.store.update((now) => ({ ...now, searching: true }));
    this.#refresher.request();
  }

  close(): void {
    this.#closing.abort();
  }

  private async load(): Promise<void> {
    const { query, found, atEnd } = this.store.get();
    if (atEnd) return;
    const isFresh = this.#fresh;
    this.#fresh = false;
    const before = isFresh ? undefined : found.at(-1)?.id;
    try {
      const page = await this.view.client.search(query, { limit: PAGE, before }, this.#signal);
      this.store.update((now) =>
        now.query !== query
          ? now
          : {
              ...now,
              found: isFresh ? page : [...found, ...page],
              atEnd: page.length < PAGE,
              searching: false,
            },
      );
    } catch (error) {
      this.#fresh = isFresh;
      this.store.update((now) =>
        now.query !== query ? now : { ...now, searching: false, problem: errorMessage(error) },
      );
    }
  }
}
