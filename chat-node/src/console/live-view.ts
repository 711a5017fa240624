import { errorMessage, type Clock, type ControlEvent } from '@p2p-chat/shared';
import type { ControlClient } from './control-client.js';
import type { FeedItem } from './event-feed.js';
import { Refresher } from './refresher.js';
import { Store } from './store.js';
import { INITIAL_STATE, withConversations, withEvent, withSnapshot, type ViewState } from './view-state.js';

/** No event tells how the sources of discovery do, so that is asked for. */
const STATUS_INTERVAL_MS = 3_000;
/** A burst of messages asks for the list of conversations at most this often. */
const REFRESH_INTERVAL_MS = 100;

/** Keeps the view state true to the node, also across restarts of it, until the signal aborts. */
export class LiveView {
  readonly store = new Store<ViewState>(INITIAL_STATE);
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  readonly #conversations: Refresher;

  constructor(
    readonly client: ControlClient,
    readonly clock: Clock,
    readonly signal: AbortSignal,
  ) {
    const refresh = async (): Promise<void> => {
      const conversations = await client.conversations(signal);
      this.store.update((state) => withConversations(state, conversations));
    };
    this.#conversations = new Refresher(refresh, clock, REFRESH_INTERVAL_MS, signal);
  }

  /**
   * Loads everything and follows the events from there.
   * @throws where the node cannot be reached at first; later that is part of the state
   */
  async start(): Promise<void> {
    const feed = this.client.events(this.signal)[Symbol.asyncIterator]();
    const first = await feed.next();
    if (first.done === true) return;
    await this.load();
    void this.follow(feed);
    void this.watchStatus();
  }

  /** Hands every event on, `resync` also where the node was away. @returns a function that ends that */
  onEvent(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks for the conversations anew, soon. */
  refreshConversations(): void {
    this.#conversations.request();
  }

  /** Asks for everything anew, because what is shown proved wrong. */
  async reload(): Promise<void> {
    try {
      await this.load();
      for (const listener of this.#listeners) listener({ type: 'resync' });
    } catch (error) {
      this.lost(errorMessage(error));
    }
  }

  private async follow(feed: AsyncIterator<FeedItem, void>): Promise<void> {
    for (;;) {
      const next = await feed.next();
      if (next.done === true) return;
      await this.take(next.value);
    }
  }

  private async take(item: FeedItem): Promise<void> {
    switch (item.type) {
      case 'disconnected':
        return this.lost('The node has gone away.');
      case 'connected':
      case 'resync':
        return this.reload();
      default:
        this.store.update((state) => withEvent(state, item));
        if (item.type === 'message' || item.type === 'history') this.refreshConversations();
        for (const listener of this.#listeners) listener(item);
    }
  }

  private async load(): Promise<void> {
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

  private lost(detail: string): void {
    if (!this.signal.aborted)
      this.store.update((state) => ({ ...state, connection: { state: 'lost', detail } }));
  }

  private async watchStatus(): Promise<void> {
    while (!this.signal.aborted) {
      await this.clock.sleep(STATUS_INTERVAL_MS, this.signal);
      const me = await this.client.status(this.signal).catch(() => undefined);
      if (me !== undefined) this.store.update((state) => ({ ...state, me }));
    }
  }
}
