import { MAX_HISTORY_PAGE, type MessageState, type SendResult } from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import type { FeedItem } from '@p2p-chat/shared/client';

/** What became of a message that was sent. */
export type Outcome = Omit<SendResult, 'author'>;

const RANK: Readonly<Record<MessageState, number>> = { queued: 0, delivered: 1, read: 2 };

/** States kept of ids not accepted yet: many windows, so that only states of other senders' messages are dropped. */
const MAX_EARLY = 65_536;

/**
 * Follows messages of one conversation until each is in the awaited state.
 * It listens before the first message is sent, so that no event is missed,
 * even one that comes before the answer to the sending.
 */
export class DeliveryTracker {
  /** Accepted, and not yet where they should be. */
  readonly #pending = new Map<string, Outcome>();
  /** Events of ids that were not accepted yet, as far as we know. */
  readonly #early = new Map<string, MessageState>();
  readonly #stop = new AbortController();
  #emptied = Promise.withResolvers<void>();
  #following: Promise<void> = Promise.resolve();

  private constructor(
    private readonly client: ControlClient,
    private readonly conversation: string,
    private readonly awaited: MessageState,
    private readonly onSettled: (outcome: Outcome) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** Opens the stream of events; resolves when it is open. */
  static async open(
    client: ControlClient,
    conversation: string,
    awaited: MessageState,
    onSettled: (outcome: Outcome) => void,
    signal: AbortSignal,
  ): Promise<DeliveryTracker> {
    const tracker = new DeliveryTracker(client, conversation, awaited, onSettled, signal);
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
  add(results: readonly Outcome[]): void {
    for (const result of results) {
      this.#pending.set(result.id, { ...result });
      const early = this.#early.get(result.id);
      this.#early.delete(result.id);
      this.reach(result.id, result.state);
      if (early !== undefined) this.reach(result.id, early);
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
      if (item.type === 'state' && item.conversation === this.conversation) {
        for (const id of item.ids) this.reach(id, item.state);
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
        this.conversation,
        { limit: MAX_HISTORY_PAGE, ...(before === undefined ? {} : { before }) },
        this.signal,
      );
      for (const message of page) {
        if (missing.delete(message.id)) this.reach(message.id, message.state);
      }
      const [first] = page;
      if (first === undefined || page.length < MAX_HISTORY_PAGE) return;
      before = first.id;
    }
  }

  private reach(id: string, state: MessageState): void {
    const message = this.#pending.get(id);
    if (message === undefined) {
      this.remember(id, state);
      return;
    }
    if (RANK[state] > RANK[message.state]) message.state = state;
    if (RANK[message.state] < RANK[this.awaited]) return;
    this.#pending.delete(id);
    this.onSettled(message);
    if (this.#pending.size === 0) this.#emptied.resolve();
  }

  private remember(id: string, state: MessageState): void {
    const known = this.#early.get(id);
    if (known !== undefined && RANK[known] >= RANK[state]) return;
    this.#early.set(id, state);
    const [oldest] = this.#early.size > MAX_EARLY ? this.#early.keys() : [];
    if (oldest !== undefined) this.#early.delete(oldest);
  }
}
