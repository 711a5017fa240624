import { MAX_REQUEST_MESSAGES, MAX_REQUESTS } from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import type { Conversations } from '../conversations/conversations.js';
import type { Admission } from '../delivery/delivery.js';
import type { Peers } from './peers.js';

/** Who may write: everyone, strangers as a request; contacts only; or everyone as if they were contacts. */
export type ContactsPolicy = 'all' | 'only' | 'everyone';

export interface RequestsParts {
  policy: ContactsPolicy;
  peers: Pick<Peers, 'isContact' | 'isBlocked' | 'changed'>;
  conversations: Conversations;
}

/**
 * Message requests: what strangers wrote and the person here has neither
 * accepted nor blocked. A few messages of a few strangers wait here; all else
 * waits at its author. What was taken stays, however many others knock.
 */
export class Requests {
  /** Strangers, with the number of their messages that are stored here. */
  readonly #waiting = new Map<string, number>();

  constructor(private readonly parts: RequestsParts) {}

  /** Finds the requests among the stored conversations; once, after the peers were loaded. @throws {StorageError} */
  async load(): Promise<void> {
    for (const conversation of this.parts.conversations.all()) await this.#look(conversation);
  }

  /** How many strangers wait for a decision. */
  get count(): number {
    return this.#waiting.size;
  }

  /** How many messages of a stranger wait; undefined where the peer is no request. */
  of(peerId: string): number | undefined {
    return this.#waiting.get(peerId);
  }

  /**
   * What becomes of the next batch of a peer.
   * @param held entries of it that are held in the direct conversation
   */
  admission(peerId: string, held: number): Admission {
    const { policy, peers } = this.parts;
    if (peers.isBlocked(peerId)) return 'drop';
    if (peers.isContact(peerId) || policy === 'everyone') return 'take';
    if (policy === 'only' || held >= MAX_REQUEST_MESSAGES) return 'hold';
    return this.#waiting.has(peerId) || this.#waiting.size < MAX_REQUESTS ? 'take' : 'hold';
  }

  /** Batches of a peer were saved, or it is no longer blocked: it may wait for a decision now. @throws {StorageError} */
  async changed(peerId: string): Promise<void> {
    await this.#look(this.parts.conversations.direct(peerId));
    if (this.#waiting.has(peerId)) this.parts.peers.changed(peerId);
  }

  /** The person here accepted, wrote to or blocked the peer. */
  decided(peerId: string): void {
    if (this.#waiting.delete(peerId)) this.parts.peers.changed(peerId);
  }

  async #look(conversation: Conversation): Promise<void> {
    const { peerId } = conversation;
    if (peerId === null || conversation.tips(peerId).length === 0 || !this.#isStranger(peerId)) return;
    const feed = await conversation.feed(peerId);
    const messages = feed.total() - feed.count(feed.covered(conversation.seen(peerId)));
    // Also where all of it counts as seen: further messages wait, and only a decision ends that.
    if (this.#isStranger(peerId)) this.#waiting.set(peerId, messages);
  }

  #isStranger(peerId: string): boolean {
    return !this.parts.peers.isContact(peerId) && !this.parts.peers.isBlocked(peerId);
  }
}
