import type { Clock } from '../clock.js';
import type { ControlEvent } from '../control/events.js';
import { errorMessage } from '../errors.js';
import type { ControlApi } from './control-api.js';
import type { FeedItem } from './event-feed.js';
import { Store } from './store.js';
import { INITIAL_STATE, type ViewState, withEvent, withSnapshot } from './view-state.js';

/** No event tells how the sources of discovery do, so that is asked for. */
const STATUS_INTERVAL_MS = 3_000;

/** Keeps the view state true to the node, also across restarts of it, until the signal aborts. */
export class LiveView {
  readonly store = new Store<ViewState>(INITIAL_STATE);
  readonly #listeners = new Set<(event: ControlEvent) => void>();

  /** @param events where the events come from, unless it is a stream of its own */
  constructor(
    readonly client: ControlApi,
    readonly clock: Clock,
    readonly signal: AbortSignal,
    private readonly events: () => AsyncIterable<FeedItem, void> = () => client.events(signal),
  ) {}

  /**
   * Loads everything and follows the events from there.
   * @throws where the node cannot be reached at first; later that is part of the state
   */
  async start(): Promise<void> {
    const feed = this.events()[Symbol.asyncIterator]();
    const first = await feed.next();
    if (first.done === true) return;
    await this.#load();
    void this.#follow(feed);
    void this.#watchStatus();
  }

  /** Hands every event on, `resync` also where everything was asked anew. @returns a function that ends that */
  onEvent(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks for everything anew, because what is shown proved wrong. */
  async reload(): Promise<void> {
    try {
      await this.#load();
      this.#tell({ type: 'resync' });
    } catch (error) {
      this.#lost(errorMessage(error));
    }
  }

  async #follow(feed: AsyncIterator<FeedItem, void>): Promise<void> {
    for (;;) {
      const next = await feed.next();
      if (next.done === true) return;
      await this.#take(next.value);
    }
  }

  async #take(item: FeedItem): Promise<void> {
    switch (item.type) {
      case 'disconnected':
        return this.#lost('The node has gone away.');
      case 'connected':
        // What was missed comes now, or a resync.
        if (!item.resumed) return this.reload();
        return this.store.update((state) => ({ ...state, connection: { state: 'connected' } }));
      case 'resync':
        return this.reload();
      default:
        this.store.update((state) => withEvent(state, item));
        this.#tell(item);
    }
  }

  #tell(event: ControlEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #load(): Promise<void> {
    const [me, profile, peers, conversations] = await Promise.all([
      this.client.status(this.signal),
      this.client.profile(this.signal),
      this.client.peers(true, this.signal),
      this.client.conversations(this.signal),
    ]);
    const connection = { state: 'connected' } as const;
    this.store.update((state) => ({
      ...withSnapshot(state, { me, profile, peers, conversations }),
      connection,
    }));
  }

  #lost(detail: string): void {
    if (!this.signal.aborted)
      this.store.update((state) => ({ ...state, connection: { state: 'lost', detail } }));
  }

  async #watchStatus(): Promise<void> {
    while (!this.signal.aborted) {
      await this.clock.sleep(STATUS_INTERVAL_MS, this.signal);
      const me = await this.client.status(this.signal).catch(() => undefined);
      if (me !== undefined) this.store.update((state) => ({ ...state, me }));
    }
  }
}
