import { type Clock, type Timer, TYPING_EXPIRES_MS, TYPING_INTERVAL_MS } from '@p2p-chat/shared';
import type { ChatEvents } from '../events.js';
import type { Peers } from '../peers/peers.js';
import type { PeerLink } from '../ports/peer-link.js';
import type { OwnProfile } from './own-profile.js';

export interface TypingParts {
  profile: OwnProfile;
  peers: Pick<Peers, 'isTrusted'>;
  events: ChatEvents;
  clock: Clock;
}

/**
 * Who is writing in a direct conversation, over one link, both ways. Told to
 * and believed of contacts who are not blocked; nothing of it is kept.
 */
export class TypingSession {
  /** When the peer was told last, by the monotonic clock. */
  #toldAt: number | null = null;
  /** Runs while the peer's person is writing. */
  #writing: Timer | null = null;

  constructor(
    private readonly link: PeerLink,
    /** Id of the conversation with the peer. */
    private readonly conversation: string,
    private readonly parts: TypingParts,
  ) {}

  /** The user writes to the peer, who is told now and then. */
  writes(): void {
    const { profile, peers, clock } = this.parts;
    if (!profile.settings.typing || !peers.isTrusted(this.link.peer.peerId)) return;
    const now = clock.monotonic();
    if (this.#toldAt !== null && now - this.#toldAt < TYPING_INTERVAL_MS) return;
    this.#toldAt = now;
    this.link.send({ type: 'typing' });
  }

  /** The user sent what was written: the next key tells the peer anew. */
  sent(): void {
    this.#toldAt = null;
  }

  /** The peer's person is writing. */
  received(): void {
    if (!this.parts.peers.isTrusted(this.link.peer.peerId)) return;
    const isNew = this.#writing === null;
    this.#writing?.clear();
    this.#writing = this.parts.clock.setTimeout(() => this.ended(), TYPING_EXPIRES_MS);
    if (isNew) this.#tell(true);
  }

  /** The peer's person is not writing any more: a message came, or nothing for a while, or the link is gone. */
  ended(): void {
    if (this.#writing === null) return;
    this.#writing.clear();
    this.#writing = null;
    this.#tell(false);
  }

  #tell(typing: boolean): void {
    const { peerId } = this.link.peer;
    this.parts.events.publish({ type: 'typing', conversation: this.conversation, peerId, typing });
  }
}
