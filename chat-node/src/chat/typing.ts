import { type Clock, FEATURES, type Timer, TYPING_EXPIRES_MS, TYPING_INTERVAL_MS } from '@p2p-chat/shared';
import type { ChatEvents } from './events.js';
import type { OwnProfile } from './own-profile.js';
import type { PeerDirectory } from './peer-directory.js';
import type { PeerLink } from './ports/peer-link.js';

/**
 * Who is writing to whom, both ways. Told to and believed of people who were
 * written to or accepted, and are not blocked; nothing of it is kept.
 */
export class Typing {
  readonly #links = new Map<string, PeerLink>();
  /** When each peer was told last, by the monotonic clock. */
  readonly #toldAt = new Map<string, number>();
  /** Who is writing, until when. */
  readonly #writing = new Map<string, Timer>();

  constructor(
    private readonly profile: OwnProfile,
    private readonly directory: PeerDirectory,
    private readonly events: ChatEvents,
    private readonly clock: Clock,
  ) {}

  opened(link: PeerLink): void {
    this.#links.set(link.peer.peerId, link);
    this.#toldAt.delete(link.peer.peerId);
  }

  closed(link: PeerLink): void {
    const { peerId } = link.peer;
    if (this.#links.get(peerId) !== link) return;
    this.#links.delete(peerId);
    this.#toldAt.delete(peerId);
    this.ended(peerId);
  }

  /** The user writes to the peer, who is told now and then. */
  writes(peerId: string): void {
    const link = this.#links.get(peerId);
    if (link === undefined || !this.profile.settings.typing || !this.directory.isTrusted(peerId)) return;
    if (!link.peer.features.includes(FEATURES.typing)) return;
    const now = this.clock.monotonic();
    const toldAt = this.#toldAt.get(peerId);
    if (toldAt !== undefined && now - toldAt < TYPING_INTERVAL_MS) return;
    this.#toldAt.set(peerId, now);
    link.sendTyping();
  }

  /** The user sent what was written: the next key tells the peer anew. */
  sent(peerId: string): void {
    this.#toldAt.delete(peerId);
  }

  /** The peer's person is writing. */
  received(link: PeerLink): void {
    const { peerId } = link.peer;
    if (this.#links.get(peerId) !== link || !this.directory.isTrusted(peerId)) return;
    const before = this.#writing.get(peerId);
    before?.clear();
    this.#writing.set(
      peerId,
      this.clock.setTimeout(() => this.ended(peerId), TYPING_EXPIRES_MS),
    );
    if (before === undefined) this.events.publish({ type: 'typing', peerId, typing: true });
  }

  /** The peer's person is not writing any more: a message came, or nothing for a while. */
  ended(peerId: string): void {
    const timer = this.#writing.get(peerId);
    if (timer === undefined) return;
    timer.clear();
    this.#writing.delete(peerId);
    this.events.publish({ type: 'typing', peerId, typing: false });
  }
}
