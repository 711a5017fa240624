import {
  Backoff,
  type Batch,
  type Clock,
  errorCode,
  lastSeq,
  MAX_BATCHES_IN_FLIGHT,
  WINDOW_BYTES,
} from '@p2p-chat/shared';
import type { Covered, FeedIndex, Mark } from '../feeds/feed-index.js';
import type { ConversationStore } from '../ports/conversation.store.js';
import type { ChatLog } from '../ports/log.js';
import type { PeerLink } from '../ports/peer-link.js';
import type { ErasureProofs } from './erasure-proofs.js';
import { STORAGE_BACKOFF } from './storage-backoff.js';

export interface FeedSenderParts {
  link: PeerLink;
  conversation: string;
  author: string;
  feed: FeedIndex;
  /** Whether a batch is for the peer. */
  isFor: (batch: Batch) => boolean;
  store: ConversationStore;
  clock: Clock;
  random: () => number;
  log: ChatLog;
  /** Where the feed is that of somebody else: finds what proves that entries were deleted. */
  proofs?: Pick<ErasureProofs, 'of'>;
}

/** Batches that wait in memory: a burst is not read back from the store. */
const MAX_TAIL_BYTES = WINDOW_BYTES / 2;
/** A tail shorter than this is filled while the window is still on its way. */
const SHORT_TAIL_BYTES = WINDOW_BYTES / 4;
const MAX_TAIL_BATCHES = 2 * MAX_BATCHES_IN_FLIGHT;
/** Segments whose first batch that is to be sent is looked up; beyond, the feed is read from its start. */
const MAX_LOOKED_UP = 32;

/**
 * Sends one feed to one peer, from where the peer says that it is. The store is
 * the queue: in memory is only the window of what was sent and not
 * acknowledged, and a short tail of what comes next.
 */
export class FeedSender {
  /** What the peer has stated. */
  #covered: Covered = new Map();
  /** What the peer has stated, or was sent. */
  #sent: Covered = new Map();
  #inFlight: Batch[] = [];
  #inFlightBytes = 0;
  #tail: Batch[] = [];
  #tailBytes = 0;
  /** What is sent before batches of the tail, out of turn. */
  readonly #before = new WeakMap<Batch, readonly Batch[]>();
  /** Position in the store up to which the tail was filled. */
  #cursor = 0;
  /** Whether the store may hold more behind the cursor that is not in the tail. */
  #behind = false;
  #loading = false;
  #missed = false;
  /** How often sending began anew: a page that was asked for before that does not count. */
  #starts = 0;
  #stopped = false;
  #paused = false;
  readonly #backoff: Backoff;

  constructor(private readonly parts: FeedSenderParts) {
    this.#backoff = new Backoff(STORAGE_BACKOFF, parts.random);
  }

  /** Whether a statement of the peer was heard: before that nothing is sent. */
  get isStarted(): boolean {
    return this.#starts > 0;
  }

  /** Sends everything beyond what the peer holds. */
  start(covered: Covered): void {
    this.#covered = new Map(covered);
    this.#sent = new Map(covered);
    this.#inFlight = [];
    this.#tail = [];
    this.#inFlightBytes = this.#tailBytes = 0;
    this.#cursor = 0;
    this.#starts += 1;
    this.#behind = this.parts.feed.count(covered) < this.parts.feed.total();
    this.#pump();
  }

  /** The peer holds these now. */
  acknowledged(marks: readonly Mark[]): void {
    for (const mark of marks) this.parts.feed.cover(this.#covered, mark);
    const isAcknowledged = (batch: Batch): boolean =>
      lastSeq(batch) <= (this.#covered.get(batch.segment) ?? 0);
    while (this.#inFlight[0] !== undefined && isAcknowledged(this.#inFlight[0])) {
      this.#inFlightBytes -= (this.#inFlight.shift() as Batch).bytes.length;
    }
    this.#pump();
  }

  /** These were stored, in this order. */
  appended(batches: readonly Batch[]): void {
    if (!this.isStarted) return;
    if (this.#behind || this.#tailBytes >= MAX_TAIL_BYTES || this.#tail.length >= MAX_TAIL_BATCHES) {
      this.#behind = this.#missed = true;
      return this.#pump();
    }
    this.#push(batches);
    this.#pump();
  }

  /** Sends nothing until {@link resume}. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on from what the peer holds: what was sent meanwhile was not taken. */
  resume(): void {
    this.#paused = false;
    if (this.isStarted) this.start(this.#covered);
  }

  /** The peer gets the feed from somebody else now. */
  end(): void {
    this.#starts = 0;
    this.#inFlight = [];
    this.#tail = [];
    this.#inFlightBytes = this.#tailBytes = 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#tail = [];
  }

  #push(batches: readonly Batch[]): void {
    for (const batch of batches) {
      if (lastSeq(batch) <= (this.#sent.get(batch.segment) ?? 0) || !this.parts.isFor(batch)) continue;
      this.#sent.set(batch.segment, lastSeq(batch));
      this.#tail.push(batch);
      this.#tailBytes += batch.bytes.length;
    }
  }

  #pump(): void {
    if (this.#stopped || this.#paused || !this.isStarted) return;
    for (let next = this.#tail[0]; next !== undefined && this.#hasRoom(); next = this.#tail[0]) {
      this.#tail.shift();
      this.#tailBytes -= next.bytes.length;
      this.#inFlight.push(next);
      this.#inFlightBytes += next.bytes.length;
      for (const proof of this.#before.get(next) ?? []) this.parts.link.sendBatch(proof);
      this.parts.link.sendBatch(next);
    }
    if (this.#behind && this.#tailBytes < SHORT_TAIL_BYTES && !this.#loading) void this.#load();
  }

  #hasRoom(): boolean {
    return this.#inFlight.length < MAX_BATCHES_IN_FLIGHT && this.#inFlightBytes < WINDOW_BYTES;
  }

  async #load(): Promise<void> {
    const { store, conversation, author, log, clock } = this.parts;
    this.#loading = true;
    this.#missed = false;
    const starts = this.#starts;
    try {
      if (this.#cursor === 0) this.#cursor = await this.#firstPosition();
      const limit = { batches: MAX_BATCHES_IN_FLIGHT, bytes: SHORT_TAIL_BYTES };
      const page = await store.batches(conversation, author, this.#cursor, limit);
      const { proofs } = this.parts;
      if (proofs !== undefined) for (const { batch } of page) this.#before.set(batch, await proofs.of(batch));
      this.#backoff.reset();
      if (this.#stopped || starts !== this.#starts) return;
      this.#push(page.map(({ batch }) => batch));
      this.#cursor = page.at(-1)?.position ?? this.#cursor;
      this.#behind = page.length > 0 || this.#missed;
    } catch (error) {
      log.warn({ code: errorCode(error) }, 'cannot read what is to be sent');
      await clock.sleep(this.#backoff.next());
    } finally {
      this.#loading = false;
      this.#pump();
    }
  }

  /** The position before the first batch that the peer lacks. */
  async #firstPosition(): Promise<number> {
    const { store, conversation, author, feed } = this.parts;
    const lacking = feed.vector().filter(([segment, seq]) => seq > (this.#sent.get(segment) ?? 0));
    if (lacking.length > MAX_LOOKED_UP) return 0;
    const positions = await Promise.all(
      lacking.map(async ([segment]) => {
        const first = await store.batchOf(conversation, author, segment, (this.#sent.get(segment) ?? 0) + 1);
        return first === null ? 0 : first.position - 1;
      }),
    );
    return positions.length === 0 ? 0 : Math.min(...positions);
  }
}
