import { Backoff, type Batch, errorCode, ProtocolError, verifyBatch } from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import type { IncomingFrame, PeerLink } from '../ports/peer-link.js';
import type { DeliveryParts } from './delivery.js';
import { Exchange } from './exchange.js';
import { STORAGE_BACKOFF } from './storage-backoff.js';

/** The frames that concern delivery. */
export type DeliveryFrame = Extract<IncomingFrame, { type: 'batch' | 'digests' | 'state' | 'want' }>;

/** Delivery over one link: the conversations that its two ends share. */
export class DeliverySession {
  readonly #exchanges = new Map<string, Exchange>();
  #ready: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly link: PeerLink,
    private readonly parts: DeliveryParts,
    private readonly onClosed: () => void,
  ) {}

  /** The link is open: says what is held. */
  opened(): void {
    this.#ready = this.#open();
  }

  /**
   * A frame of the far end. Resolves when it was dealt with.
   * @throws {ProtocolError} where it breaks the protocol
   */
  async received(frame: DeliveryFrame): Promise<void> {
    // What is malformed ends the link before anything of it is looked at.
    const batch = frame.type === 'batch' ? verifyBatch(frame.bytes, this.parts.keys) : null;
    await this.#ready;
    if (this.#closed) return;
    if (batch !== null) return this.#batch(batch);
    if (frame.type === 'state' || frame.type === 'want') {
      // A conversation that the far end is no member of is answered like one that is not there: not at all.
      const exchange = this.#exchanges.get(frame.conversation);
      return frame.type === 'state' ? exchange?.state(frame) : exchange?.want(frame);
    }
    if (frame.type !== 'digests') return;
    const theirs = new Map(frame.conversations);
    await Promise.all(
      Array.from(this.#exchanges, ([id, exchange]) => exchange.digest(theirs.get(id) ?? null)),
    );
  }

  closed(): void {
    this.#closed = true;
    for (const exchange of this.#exchanges.values()) exchange.close();
    this.onClosed();
  }

  appended(conversation: Conversation, batches: readonly Batch[]): void {
    this.#exchanges.get(conversation.id)?.appended(batches);
  }

  readMoved(conversation: Conversation): void {
    this.#exchanges.get(conversation.id)?.readMoved();
  }

  decided(): void {
    for (const exchange of this.#exchanges.values()) exchange.decided();
  }

  #batch(batch: Batch): Promise<void> {
    const exchange = this.#exchanges.get(batch.conversation);
    if (exchange === undefined) {
      throw new ProtocolError('batch-malformed', 'The conversation of a batch is not one of this link.');
    }
    return exchange.batch(batch);
  }

  async #open(): Promise<void> {
    const { conversations, clock, random, log } = this.parts;
    const backoff = new Backoff(STORAGE_BACKOFF, random);
    const exchange = new Exchange(this.link, conversations.direct(this.link.peer.peerId), this.parts);
    while (!this.#closed) {
      try {
        const digest = await exchange.open();
        if (this.#closed) return exchange.close();
        this.#exchanges.set(exchange.conversation.id, exchange);
        this.link.send({ type: 'digests', conversations: [[exchange.conversation.id, digest]] });
        return;
      } catch (error) {
        log.warn({ code: errorCode(error) }, 'cannot read what is held of a conversation');
        await clock.sleep(backoff.next());
      }
    }
  }
}
