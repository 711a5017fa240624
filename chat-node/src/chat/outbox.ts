import {
  Backoff,
  type Clock,
  errorCode,
  MIN_RETRY_AFTER_MS,
  type Timer,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
} from '@p2p-chat/shared';
import { directConversationId } from './conversation.js';
import type { ChatEvents } from './events.js';
import { InFlight } from './in-flight.js';
import { lastClock, messagesOf, type MessageRun, packRuns } from './message-run.js';
import { OutboxTail, TailBudget } from './outbox-tail.js';
import type { ChatLog } from './ports/log.js';
import type { MessageRepository } from './ports/message.repository.js';
import type { PeerLink } from './ports/peer-link.js';
import { STORAGE_BACKOFF } from './storage-backoff.js';

export interface OutboxDependencies {
  messages: MessageRepository;
  events: ChatEvents;
  clock: Clock;
  random: () => number;
  log: ChatLog;
}

/**
 * Brings every queued message to its peer, in order, for as long as it takes.
 *
 * The repository is the queue: what is in memory is only the window of
 * messages that were sent and not acked, and a short tail of those that were
 * accepted since. A message leaves the queue when its ack is durable.
 */
export class Outbox {
  readonly #peers = new Map<string, PeerOutbox>();
  readonly #tails = new TailBudget();

  constructor(private readonly dependencies: OutboxDependencies) {}

  /** These were made durable; they are sent if the peer is linked. */
  accepted(peerId: string, runs: readonly MessageRun[]): void {
    this.#peers.get(peerId)?.accepted(runs);
  }

  /** A link is open: sends from the first message that is still queued. */
  opened(link: PeerLink): void {
    this.#peers.get(link.peer.peerId)?.stop();
    this.#peers.set(link.peer.peerId, new PeerOutbox(link, this.dependencies, this.#tails));
  }

  /** The link is gone; what was not acked stays queued. */
  closed(link: PeerLink): void {
    const outbox = this.#peers.get(link.peer.peerId);
    if (outbox?.link !== link) return;
    outbox.stop();
    this.#peers.delete(link.peer.peerId);
  }

  /** @param ids one after the other */
  acked(link: PeerLink, ids: string): void {
    this.#of(link)?.acked(ids);
  }

  rejected(link: PeerLink, id: string, code: string, retryAfterMs: number | undefined): void {
    this.#of(link)?.rejected(id, code, retryAfterMs);
  }

  #of(link: PeerLink): PeerOutbox | undefined {
    const outbox = this.#peers.get(link.peer.peerId);
    return outbox?.link === link ? outbox : undefined;
  }
}

/** The outbox of one peer over one link. */
class PeerOutbox {
  readonly #conversationId: string;
  readonly #inFlight = new InFlight();
  readonly #tail: OutboxTail;
  /** Clock of the last message that was sent or is in the tail. */
  #cursor = '';
  /** Whether the repository may hold messages after the cursor that are not in the tail. */
  #behind = true;
  #loading = false;
  /** Whether messages were accepted while a load ran, which may not have seen them. */
  #missed = false;
  /** How often the outbox began anew from the first queued message: a load from before that does not count. */
  #rewinds = 0;
  #stopped = false;
  #paused: {
    timer: Timer;
    /** The first that was refused: no message after it is sent before it. */
    id: string;
  } | null = null;
  /** Whether the next message is sent alone, because the one before it was refused for now. */
  #careful = false;
  readonly #backoff: Backoff;

  constructor(
    readonly link: PeerLink,
    private readonly dependencies: OutboxDependencies,
    tails: TailBudget,
  ) {
    this.#tail = new OutboxTail(tails);
    this.#conversationId = directConversationId(link.peer.peerId);
    this.#backoff = new Backoff(STORAGE_BACKOFF, dependencies.random);
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    this.#paused?.timer.clear();
    this.#tail.clear();
  }

  accepted(runs: readonly MessageRun[]): void {
    // A load that runs may or may not see these: load again after it.
    if (this.#behind || this.#tail.isFull) {
      this.#behind = true;
      this.#missed = true;
      return;
    }
    this.#append(runs);
    this.#pump();
  }

  acked(ids: string): void {
    const ours = this.#inFlight.settle(ids);
    if (ours === '') return;
    this.#careful = false;
    void this.#delivered(ours);
    this.#pump();
  }

  rejected(id: string, code: string, retryAfterMs: number | undefined): void {
    const wasInFlight = this.#inFlight.settle(id) !== '';
    if (retryAfterMs === undefined) {
      if (!wasInFlight) return;
      void this.#failed(id, code);
      return this.#pump();
    }
    // A second word on the first refused one changes the time: it was accepted meanwhile.
    if (wasInFlight || this.#paused?.id === id) this.#pause(id, retryAfterMs);
  }

  /** In order or not at all: everything from the refused one on waits with it. */
  #pause(id: string, ms: number): void {
    this.#paused?.timer.clear();
    const timer = this.dependencies.clock.setTimeout(() => this.#resume(), Math.max(ms, MIN_RETRY_AFTER_MS));
    this.#paused = { timer, id: this.#paused?.id ?? id };
  }

  #resume(): void {
    this.#paused = null;
    this.#careful = true;
    this.#tail.clear();
    this.#rewinds += 1;
    this.#cursor = '';
    this.#behind = true;
    this.#pump();
  }

  #append(runs: readonly MessageRun[]): void {
    for (const run of runs) {
      this.#tail.push(run);
      this.#cursor = lastClock(run);
    }
  }

  /** Sends what the window allows; loads more where the tail is short and the repository may have some. */
  #pump(): void {
    if (this.#stopped || this.#paused !== null) return;
    const batch: MessageRun[] = [];
    for (let run = this.#next(); run !== undefined; run = this.#next()) {
      batch.push(run);
      this.#inFlight.add(run);
    }
    if (batch.length > 0) this.link.sendRuns(batch);
    if (this.#behind && this.#tail.isShort && !this.#loading) void this.#load();
  }

  /** Takes the next run of the tail, where the window has room for it. */
  #next(): MessageRun | undefined {
    if (this.#careful) return this.#inFlight.isEmpty ? this.#tail.shiftOne() : undefined;
    const run = this.#tail.first;
    return run !== undefined && this.#inFlight.hasRoomFor(run) ? this.#tail.shift() : undefined;
  }

  async #load(): Promise<void> {
    this.#loading = true;
    this.#missed = false;
    const rewinds = this.#rewinds;
    try {
      const { messages } = this.dependencies;
      const page = await messages.queuedRuns(
        this.#conversationId,
        this.#cursor,
        WINDOW_MESSAGES,
        WINDOW_BYTES,
      );
      this.#backoff.reset();
      // A tail that was let go of takes nothing more.
      if (this.#stopped || rewinds !== this.#rewinds) return;
      this.#append(this.#withoutInFlight(page));
      const last = page.at(-1);
      if (last !== undefined) this.#cursor = lastClock(last);
      this.#behind = page.length > 0 || this.#missed;
    } catch (error) {
      const wait = this.#backoff.next();
      this.dependencies.log.warn(
        { code: errorCode(error), retryInMs: Math.round(wait) },
        'cannot read the outbox',
      );
      await this.dependencies.clock.sleep(wait);
    } finally {
      this.#loading = false;
      this.#pump();
    }
  }

  /** What is in flight after a pause for a rejection is queued too: not twice. */
  #withoutInFlight(page: readonly MessageRun[]): readonly MessageRun[] {
    if (this.#rewinds === 0 || this.#inFlight.isEmpty) return page;
    return packRuns(page.flatMap(messagesOf).filter(({ id }) => !this.#inFlight.has(id)));
  }

  #delivered(ids: string): Promise<void> {
    return this.#record('delivered', undefined, () =>
      this.dependencies.messages.setDelivered(this.#conversationId, ids),
    );
  }

  #failed(id: string, reason: string): Promise<void> {
    return this.#record('failed', reason, async () =>
      (await this.dependencies.messages.setState(this.#conversationId, [id], 'failed', reason)).join(''),
    );
  }

  /**
   * Makes a new state durable, however long that takes; a link that closes leaves it to the next one.
   * @param set gives the ids that changed, one after the other
   */
  async #record(
    state: 'delivered' | 'failed',
    reason: string | undefined,
    set: () => Promise<string>,
  ): Promise<void> {
    const { events, clock, random, log } = this.dependencies;
    const backoff = new Backoff(STORAGE_BACKOFF, random);
    for (;;) {
      try {
        const ids = await set();
        const { peerId } = this.link.peer;
        const why = reason === undefined ? {} : { reason };
        if (ids !== '') events.publish({ type: 'states', peerId, state, ids, ...why });
        return;
      } catch (error) {
        const wait = backoff.next();
        log.warn(
          { code: errorCode(error), retryInMs: Math.round(wait) },
          'cannot record the state of messages',
        );
        await clock.sleep(wait);
        if (this.#stopped) return;
      }
    }
  }
}
