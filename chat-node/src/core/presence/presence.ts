import { type Clock, PRESENCE_INTERVAL_MS, type PresenceFrame, type Timer } from '@p2p-chat/shared';
import type { Peers } from '../peers/peers.js';
import type { ChatLog } from '../ports/log.js';
import type { PeerLink } from '../ports/peer-link.js';
import type { OwnProfile } from './own-profile.js';

export interface PresenceParts {
  profile: OwnProfile;
  peers: Pick<Peers, 'showed'>;
  clock: Clock;
  log: ChatLog;
}

/**
 * How people are, over one link, both ways: at its opening, and at each change.
 *
 * Everyone who is linked is told the same, those who are blocked included: what
 * one peer is told and another is not would show whom this node treats otherwise.
 */
export class PresenceSession {
  #told = '';
  /** What came too soon after the one before; the last of it counts. */
  #next: PresenceFrame | null = null;
  /** Runs until the next one is taken. */
  #pause: Timer | null = null;

  constructor(
    private readonly link: PeerLink,
    private readonly parts: PresenceParts,
  ) {}

  /** Says how one's own person is, where that is not what was said last. */
  tell(): void {
    const { user, status, receipts } = this.parts.profile.settings;
    const own: PresenceFrame = {
      type: 'presence',
      state: this.parts.profile.shown,
      status,
      user,
      ...(receipts ? {} : { receipts }),
    };
    const text = JSON.stringify(own);
    if (text === this.#told) return;
    this.#told = text;
    this.link.send(own);
  }

  /** The peer says how its person is. */
  received(frame: PresenceFrame): void {
    if (this.#pause === null) this.#take(frame);
    else this.#next = frame;
  }

  closed(): void {
    this.#pause?.clear();
  }

  #take({ type: _, ...shown }: PresenceFrame): void {
    this.#next = null;
    this.#pause = this.parts.clock.setTimeout(() => {
      this.#pause = null;
      if (this.#next !== null) this.#take(this.#next);
    }, PRESENCE_INTERVAL_MS);
    this.parts.peers.showed(this.link.peer, shown).catch((error: unknown) => {
      this.parts.log.warn({ error: String(error) }, 'cannot store the name of a peer');
    });
  }
}
