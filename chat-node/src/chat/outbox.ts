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
import { type Message, toWire } from './message.js';
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

  constructor(private readonly dependencies: OutboxDependencies) {}

  /** These were made durable; they are sent if the peer is linked. */
  accepted(peerId: string, messages: readonly Message[]): void {
    this.#peers.get(peerId)?.accepted(messages);
  }

  /** A link is open: sends from the first message that is still queued. */
  opened(link: PeerLink): void {
    this.#peers.get(link.peer.peerId)?.stop();
    this.#peers.set(link.peer.peerId, new PeerOutbox(link, this.dependencies));
  }

  /** The link is gone; what was not acked stays queued. */
  closed(link: PeerLink): void {
    const outbox = this.#peers.get(link.peer.peerId);
    if (outbox?.link !== link) return;
    outbox.stop();
    this.#peers.delete(link.peer.peerId);
  }

  acked(link: PeerLink, ids: readonly string[]): void {
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

/**
 * Messages that wait in memory behind the window, so that a burst is not read
 * back from the repository; their bodies take no more than the window's.
 */
const TAIL_MESSAGES = 4 * WINDOW_MESSAGES;
/** A tail shorter than this is filled while the window is still on its way. */
const SHORT_TAIL_MESSAGES = WINDOW_MESSAGES / 2;
const SHORT_TAIL_BYTES = WINDOW_BYTES / 2;

/** The outbox of one peer over one link. */
class PeerOutbox {
  readonly #conversationId: string;
  /** Sent and not acked: bytes by id. */
  readonly #inFlight = new Map<string, number>();
  #inFlightBytes = 0;
  /** Accepted since the last load, in order, not sent. */
  #tail: Message[] = [];
  /** Place of the first of them in the list: what was sent is cut off now and then. */
  #tailStart = 0;
  /** Of the bodies before that place. */
  #spentBytes = 0;
  #tailBytes = 0;
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
  ) {
    this.#conversationId = directConversationId(link.peer.peerId);
    this.#backoff = new Backoff(STORAGE_BACKOFF, dependencies.random);
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    this.#paused?.timer.clear();
  }

  accepted(messages: readonly Message[]): void {
    // A load that runs may or may not see these: load again after it.
    const isFull = this.#tailLength + messages.length > TAIL_MESSAGES || this.#tailBytes >= WINDOW_BYTES;
    if (this.#behind || isFull) {
      this.#behind = true;
      this.#missed = true;
      return;
    }
    this.#append(messages);
    this.#pump();
  }

  acked(ids: readonly string[]): void {
    const ours = ids.filter((id) => this.#settle(id));
    if (ours.length === 0) return;
    this.#careful = false;
    void this.#record(ours, 'delivered');
    this.#pump();
  }

  rejected(id: string, code: string, retryAfterMs: number | undefined): void {
    const wasInFlight = this.#settle(id);
    if (retryAfterMs === undefined) {
      if (!wasInFlight) return;
      void this.#record([id], 'failed', code);
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
    this.#tail = [];
    this.#tailStart = 0;
    this.#spentBytes = 0;
    this.#tailBytes = 0;
    this.#rewinds += 1;
    this.#cursor = '';
    this.#behind = true;
    this.#pump();
  }

  #settle(id: string): boolean {
    const bytes = this.#inFlight.get(id);
    if (bytes === undefined) return false;
    this.#inFlight.delete(id);
    this.#inFlightBytes -= bytes;
    return true;
  }

  get #tailLength(): number {
    return this.#tail.length - this.#tailStart;
  }

  #append(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#tail.push(message);
      this.#tailBytes += Buffer.byteLength(message.body);
      this.#cursor = message.clock;
    }
  }

  /** Sends what the window allows; loads more where the tail is short and the repository may have some. */
  #pump(): void {
    if (this.#stopped || this.#paused !== null) return;
    const batch: Message[] = [];
    const window = this.#careful ? 1 : WINDOW_MESSAGES;
    while (this.#inFlight.size < window && this.#inFlightBytes < WINDOW_BYTES) {
      const message = this.#tail[this.#tailStart + batch.length];
      if (message === undefined) break;
      batch.push(message);
      const bytes = Buffer.byteLength(message.body);
      this.#inFlight.set(message.id, bytes);
      this.#inFlightBytes += bytes;
      this.#tailBytes -= bytes;
      this.#spentBytes += bytes;
    }
    if (batch.length > 0) {
      this.#tailStart += batch.length;
      const isLong = this.#tailStart >= TAIL_MESSAGES || this.#spentBytes >= WINDOW_BYTES;
      if (isLong || this.#tailLength === 0) {
        this.#tail = this.#tail.slice(this.#tailStart);
        this.#tailStart = 0;
        this.#spentBytes = 0;
      }
      this.link.sendMessages(batch.map(toWire));
    }
    const isShort = this.#tailLength < SHORT_TAIL_MESSAGES && this.#tailBytes < SHORT_TAIL_BYTES;
    if (this.#behind && isShort && !this.#loading) void this.#load();
  }

  async #load(): Promise<void> {
    this.#loading = true;
    this.#missed = false;
    const rewinds = this.#rewinds;
    try {
      const { messages } = this.dependencies;
      const page = await messages.queued(this.#conversationId, this.#cursor, WINDOW_MESSAGES, WINDOW_BYTES);
      this.#backoff.reset();
      if (rewinds !== this.#rewinds) return;
      // What is in flight after a pause for a rejection is queued too: not twice.
      this.#append(page.filter(({ id }) => !this.#inFlight.has(id)));
      this.#cursor = page.at(-1)?.clock ?? this.#cursor;
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

  /** Makes a new state durable, however long that takes; a link that closes leaves it to the next one. */
  async #record(ids: readonly string[], state: 'delivered' | 'failed', reason?: string): Promise<void> {
    const { messages, events, clock, random, log } = this.dependencies;
    const backoff = new Backoff(STORAGE_BACKOFF, random);
    for (;;) {
      try {
        const changed = await messages.setState(this.#conversationId, ids, state, reason);
        if (changed.length > 0) {
          const { peerId } = this.link.peer;
          events.publish({
            type: 'states',
            peerId,
            state,
            ids: changed,
            ...(reason === undefined ? {} : { reason }),
          });
        }
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
