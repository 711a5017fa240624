import {
  MAX_REQUEST_BODY_BYTES,
  MAX_REQUEST_MESSAGES,
  MAX_REQUESTS,
  REQUEST_RETRY_MS,
  type WireMessage,
} from '@p2p-chat/shared';
import { type ConversationSummary, directConversationId } from './conversation.js';
import type { PeerDirectory } from './peer-directory.js';
import type { MessageRepository } from './ports/message.repository.js';
import type { PeerLink } from './ports/peer-link.js';

/** Why a message of a stranger is refused for now; its sender keeps it and tries again. */
export type RequestRefusal =
  /** So many messages of the stranger wait already. */
  | 'request-pending'
  /** It is longer than one of a stranger may be. */
  | 'request-too-large'
  /** So many strangers wait already. */
  | 'requests-full'
  /** This node takes messages of contacts only. */
  | 'contacts-only';

type Verdict = 'taken' | 'repeated' | RequestRefusal;

interface Held {
  link: PeerLink;
  id: string;
  code: RequestRefusal;
}

/**
 * Message requests: what strangers wrote and nobody has accepted or blocked
 * yet. A few messages of a few strangers wait here; all else waits at its
 * sender. What was taken stays, however many others knock.
 */
export class MessageRequests {
  /**
   * Strangers, with the number of their messages that are stored here. None
   * where the first one is too long to wait here: it is a request all the same.
   */
  readonly #waiting = new Map<string, number>();
  /** The first message of a link that was refused: nothing that follows is taken before it. */
  readonly #held = new Map<string, Held>();

  constructor(
    private readonly messages: MessageRepository,
    private readonly directory: PeerDirectory,
    /** Whether strangers are refused altogether. */
    private readonly contactsOnly: boolean,
  ) {}

  /** Finds the requests among the stored conversations; once, after the directory was loaded. */
  load(conversations: readonly ConversationSummary[]): void {
    for (const { id, unread } of conversations) this.#found(id, unread);
  }

  /** How many strangers wait for a decision. */
  get count(): number {
    return this.#waiting.size;
  }

  /** How many messages of a stranger wait; undefined where the peer is no request. */
  of(peerId: string): number | undefined {
    return this.#waiting.get(peerId);
  }

  /** Whether messages of the peer have to pass {@link admit}. */
  concern(peerId: string): boolean {
    return !this.directory.isContact(peerId) || this.#held.has(peerId);
  }

  /**
   * Sorts out which of the messages of a link are taken, in order, and refuses
   * the others for now. Not twice at the same time for one peer.
   * @throws {StorageError}
   */
  async admit(link: PeerLink, messages: readonly WireMessage[]): Promise<WireMessage[]> {
    const admitted: WireMessage[] = [];
    let added = 0;
    for (const message of messages) {
      const verdict = await this.#verdict(link, message, added);
      if (verdict === 'taken') added += 1;
      if (verdict === 'taken' || verdict === 'repeated') admitted.push(message);
      else this.#refuse(link, message.id, verdict);
    }
    return admitted;
  }

  /** Messages of a link that were admitted are durable. */
  async stored(peerId: string): Promise<void> {
    if (!this.#waiting.has(peerId)) return;
    const conversation = await this.messages.conversation(directConversationId(peerId));
    if (!this.#waiting.has(peerId)) return;
    this.#waiting.set(peerId, conversation?.unread ?? 0);
    this.directory.changed(peerId);
  }

  /**
   * A person accepted, wrote to or blocked the peer. What was refused may come
   * now; from a blocked one too, who is not to notice a difference.
   */
  decided(peerId: string): void {
    const was = this.#waiting.delete(peerId);
    const held = this.#held.get(peerId);
    held?.link.sendReject(held.id, held.code, 0);
    // What a blocked peer sends is dropped in whatever order.
    if (this.directory.isBlocked(peerId)) this.#held.delete(peerId);
    if (was) this.directory.changed(peerId);
  }

  /** The peer is no longer blocked: what it wrote before as a stranger waits again. */
  async unblocked(peerId: string): Promise<void> {
    const conversation = await this.messages.conversation(directConversationId(peerId));
    if (conversation === null) return;
    this.#found(peerId, conversation.unread);
    this.directory.changed(peerId);
  }

  closed(link: PeerLink): void {
    if (this.#held.get(link.peer.peerId)?.link === link) this.#held.delete(link.peer.peerId);
  }

  #found(peerId: string, unread: number): void {
    if (unread > 0 && this.#isStranger(peerId)) this.#waiting.set(peerId, unread);
  }

  #isStranger(peerId: string): boolean {
    return !this.directory.isContact(peerId) && !this.directory.isBlocked(peerId);
  }

  /** @param added messages that were taken and are not stored yet */
  async #verdict(link: PeerLink, { id, body }: WireMessage, added: number): Promise<Verdict> {
    const { peerId } = link.peer;
    const held = this.#held.get(peerId);
    // In order or not at all: its sender begins again with the first that was refused.
    if (held !== undefined && held.id !== id) return held.code;
    const verdict = await this.#verdictOf(peerId, id, Buffer.byteLength(body), added);
    if (verdict === 'taken' || verdict === 'repeated') this.#held.delete(peerId);
    return verdict;
  }

  async #verdictOf(peerId: string, id: string, bytes: number, added: number): Promise<Verdict> {
    if ((await this.messages.find(directConversationId(peerId), id)) !== null) return 'repeated';
    if (!this.#isStranger(peerId)) return 'taken';
    if (this.contactsOnly) return 'contacts-only';
    const waiting = this.#waiting.get(peerId);
    if (waiting === undefined && this.#waiting.size >= MAX_REQUESTS) return 'requests-full';
    // From here on it has a place among the strangers.
    if (waiting === undefined) await this.#knocked(peerId);
    if (bytes > MAX_REQUEST_BODY_BYTES) return 'request-too-large';
    return (waiting ?? 0) + added >= MAX_REQUEST_MESSAGES ? 'request-pending' : 'taken';
  }

  async #knocked(peerId: string): Promise<void> {
    this.#waiting.set(peerId, 0);
    try {
      await this.directory.remember(peerId);
    } catch (error) {
      this.#waiting.delete(peerId);
      throw error;
    }
    this.directory.changed(peerId);
  }

  #refuse(link: PeerLink, id: string, code: RequestRefusal): void {
    const { peerId } = link.peer;
    if (!this.directory.isBlocked(peerId) && !this.#held.has(peerId)) {
      this.#held.set(peerId, { link, id, code });
    }
    link.sendReject(id, code, this.#isStranger(peerId) ? REQUEST_RETRY_MS : 0);
  }
}
