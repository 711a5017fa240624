import { MAX_HISTORY_PAGE, type MessageState, type SendResult } from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import type { FeedItem } from '../console/event-feed.js';

/** What became of a message that was sent. */
export interface Outcome extends SendResult {
  /** Why, where the state is `failed`. */
  reason?: string;
}

const RANK: Readonly<Record<MessageState, number>> = { queued: 0, delivered: 1, read: 2, failed: 3 };

/** States kept of ids not accepted yet: many windows, so that only states of other senders' messages are dropped. */
const MAX_EARLY = 65_536;

/**
 * Follows messages to one peer until each is in the awaited state, or failed.
 * It listens before the first message is sent, so that no event is missed,
 * even one that comes before the answer to the sending.
 */
export class DeliveryTracker {
  /** Accepted, and not yet where they should be. */
  readonly #pending = new Map<string, Outcome>();
  /** Events of ids that were not accepted yet, as far as we know. */
  readonly #early = new Map<string, Pick<Outcome, 'state' | 'reason'>>();
  readonly #stop = new AbortController();
  #emptied = Promise.withResolvers<void>();
  #following: Promise<void> = Promise.resolve();

  private constructor(
    private readonly client: ControlClient,
    private readonly peerId: string,
    private readonly awaited: MessageState,
    private readonly onSettled: (outcome: Outcome) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** Opens the stream of events; resolves when it is open. */
  static async open(
    client: ControlClient,
    peerId: string,
    awaited: MessageState,
    onSettled: (outcome: Outcome) => void,
    signal: AbortSignal,
  ): Promise<DeliveryTracker> {
    const tracker = new DeliveryTracker(client, peerId, awaited, onSettled, signal);
    const ended = AbortSignal.any([tracker.#stop.signal, signal]);
    const feed = client.events(ended, undefined, undefined, ['state'])[Symbol.asyncIterator]();
    await feed.next();
    tracker.#following = tracker.follow(feed);
    return tracker;
  }

  /** Messages that are not yet in the awaited state. */
  get pending(): Outcome[] {
    return [...this.#pending.values()];
  }

  /** Follows these messages too. */
  add(results: readonly SendResult[]): void {
    for (const result of results) {
      this.#pending.set(result.id, { ...result });
      const early = this.#early.get(result.id);
      this.#early.delete(result.id);
      this.reach(result.id, result.state);
      if (early !== undefined) this.reach(result.id, early.state, early.reason);
    }
  }

  /** Resolves when nothing is pending; call it after the last {@link add}. */
  settled(): Promise<void> {
    if (this.#pending.size === 0) return Promise.resolve();
    this.#emptied = Promise.withResolvers();
    return this.#emptied.promise;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  private async follow(feed: AsyncIterator<FeedItem, void>): Promise<void> {
    for (;;) {
      const next = await feed.next();
      if (next.done === true) return;
      const item = next.value;
      if (item.type === 'state' && item.peerId === this.peerId) {
        for (const id of item.ids) this.reach(id, item.state, item.reason);
      } else if (item.type === 'resync' || item.type === 'connected') {
        // While the stream was broken, states may have passed unseen.
        await this.lookUp().catch(() => undefined);
      }
    }
  }

  /** Asks the history for the states of what is pending, the latest first. */
  async lookUp(): Promise<void> {
    const missing = new Set(this.#pending.keys());
    let before: string | undefined;
    while (missing.size > 0) {
      const page = await this.client.history(
        this.peerId,
        { limit: MAX_HISTORY_PAGE, ...(before === undefined ? {} : { before }) },
        this.signal,
      );
      for (const message of page) {
        if (missing.delete(message.id)) this.reach(message.id, message.state, message.reason);
      }
      const [first] = page;
      if (first === undefined || page.length < MAX_HISTORY_PAGE) return;
      before = first.id;
    }
  }

  private reach(id: string, state: MessageState, reason?: string): void {
    const message = this.#pending.get(id);
    if (message === undefined) {
      this.remember(id, state, reason);
      return;
    }
    if (RANK[state] > RANK[message.state]) {
      message.state = state;
      if (reason !== undefined) message.reason = reason;
    }
    if (RANK[message.state] < RANK[this.awaited]) return;
    this.#pending.delete(id);
    this.onSettled(message);
    if (this.#pending.size === 0) this.#emptied.resolve();
  }

  private remember(id: string, state: MessageState, reason: string | undefined): void {
    const known = this.#early.get(id);
    if (known !== undefined && RANK[known.state] >= RANK[state]) return;
    this.#early.set(id, { state, ...(reason === undefined ? {} : { reason }) });
    const [oldest] = this.#early.size > MAX_EARLY ? this.#early.keys() : [];
    if (oldest !== undefined) this.#early.delete(oldest);
  }
}
