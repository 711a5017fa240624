import { type Clock, FEATURES, PRESENCE_INTERVAL_MS, type PresenceFrame, type Timer } from '@p2p-chat/shared';
import type { ChatEvents } from './events.js';
import type { OwnProfile } from './own-profile.js';
import type { PeerDirectory } from './peer-directory.js';
import type { ChatLog } from './ports/log.js';
import type { PeerLink } from './ports/peer-link.js';

interface Linked {
  link: PeerLink;
  /** What came too soon after the one before; the last of it counts. */
  next: PresenceFrame | null;
  /** Runs until the next one is taken. */
  pause: Timer | null;
}

/**
 * How people are, both ways: at the opening of a link, and at each change.
 *
 * Everyone who is linked is told the same, those who are blocked included: what
 * one peer is told and another is not would show whom this node treats otherwise.
 */
export class Presence {
  readonly #links = new Map<string, Linked>();
  #told = '';

  constructor(
    private readonly profile: OwnProfile,
    private readonly directory: PeerDirectory,
    private readonly clock: Clock,
    private readonly log: ChatLog,
    events: ChatEvents,
  ) {
    this.#told = JSON.stringify(this.#own());
    events.subscribe((event) => {
      if (event.type === 'profile') this.#tellAll();
    });
  }

  opened(link: PeerLink): void {
    this.#links.get(link.peer.peerId)?.pause?.clear();
    this.#links.set(link.peer.peerId, { link, next: null, pause: null });
    this.#tell(link);
  }

  closed(link: PeerLink): void {
    const linked = this.#links.get(link.peer.peerId);
    if (linked?.link !== link) return;
    linked.pause?.clear();
    this.#links.delete(link.peer.peerId);
  }

  /** The peer says how its person is. */
  received(link: PeerLink, frame: PresenceFrame): void {
    const linked = this.#links.get(link.peer.peerId);
    if (linked?.link !== link) return;
    if (linked.pause !== null) linked.next = frame;
    else this.#take(linked, frame);
  }

  #take(linked: Linked, frame: PresenceFrame): void {
    linked.next = null;
    linked.pause = this.clock.setTimeout(() => {
      linked.pause = null;
      if (linked.next !== null) this.#take(linked, linked.next);
    }, PRESENCE_INTERVAL_MS);
    const { state, status, user } = frame;
    this.directory.showed(linked.link.peer, { state, status, user }).catch((error: unknown) => {
      this.log.warn({ error: String(error) }, 'cannot store the name of a peer');
    });
  }

  #tellAll(): void {
    const now = JSON.stringify(this.#own());
    if (now === this.#told) return;
    this.#told = now;
    for (const { link } of this.#links.values()) this.#tell(link);
  }

  #tell(link: PeerLink): void {
    if (link.peer.features.includes(FEATURES.presence)) link.sendPresence(this.#own());
  }

  #own(): Omit<PresenceFrame, 'type'> {
    const { user, status } = this.profile.settings;
    return { state: this.profile.shown, status, user };
  }
}
