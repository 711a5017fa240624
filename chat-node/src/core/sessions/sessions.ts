import type { Clock } from '@p2p-chat/shared';
import type { Conversations } from '../conversations/conversations.js';
import type { Delivery } from '../delivery/delivery.js';
import type { ChatEvents } from '../events.js';
import type { ContactsPolicy } from '../peers/requests.js';
import type { Peers } from '../peers/peers.js';
import type { ChatLog } from '../ports/log.js';
import type { IncomingFrame, LinkHandler, PeerLink } from '../ports/peer-link.js';
import type { OwnProfile } from '../presence/own-profile.js';
import { PresenceSession } from '../presence/presence.js';
import { TypingSession } from '../presence/typing.js';
import type { Connector } from './connector.js';
import type { MovedPeers } from './moved-peers.js';
import { PeerSession } from './peer-session.js';

export interface SessionsParts {
  policy: ContactsPolicy;
  peers: Peers;
  profile: OwnProfile;
  conversations: Conversations;
  delivery: Delivery;
  connector: Connector;
  moved: MovedPeers;
  events: ChatEvents;
  clock: Clock;
  log: ChatLog;
}

/** The sessions of all links: the one place where they are opened and closed. */
export class Sessions implements LinkHandler {
  readonly #byPeer = new Map<string, PeerSession>();

  constructor(private readonly parts: SessionsParts) {
    parts.events.subscribe((event) => {
      if (event.type !== 'profile') return;
      for (const session of this.#byPeer.values()) session.profileChanged();
    });
  }

  /** The user writes to a peer. */
  writes(peerId: string): void {
    this.#byPeer.get(peerId)?.typing.writes();
  }

  /** The user sent what was written to a peer. */
  sent(peerId: string): void {
    this.#byPeer.get(peerId)?.typing.sent();
  }

  prefers(peerId: string): boolean {
    return this.parts.peers.isContact(peerId) || this.parts.conversations.sharesGroup(peerId);
  }

  admits(peerId: string): boolean {
    const { policy, peers, conversations } = this.parts;
    return policy !== 'only' || peers.isContact(peerId) || conversations.sharesGroup(peerId);
  }

  onOpen(link: PeerLink): void {
    const { peers, connector, moved, delivery, conversations, log } = this.parts;
    const { peerId } = link.peer;
    this.#byPeer.get(peerId)?.closed();
    peers.linkOpened(link.peer);
    connector.linkOpened(link.peer);
    moved.opened(link);
    const session = new PeerSession(link, {
      delivery: delivery.open(link),
      presence: new PresenceSession(link, this.parts),
      typing: new TypingSession(link, conversations.direct(peerId).id, this.parts),
      onUseful: () => connector.linkUseful(link.peer),
    });
    this.#byPeer.set(peerId, session);
    session.opened();
    peers.rememberAddress(link.peer).catch((error: unknown) => {
      log.warn({ error: String(error) }, 'cannot store the address of a peer');
    });
  }

  async onFrame(link: PeerLink, frame: IncomingFrame): Promise<void> {
    const session = this.#byPeer.get(link.peer.peerId);
    if (session?.link === link) await session.received(frame);
  }

  onClosed(link: PeerLink, reason: string | null): void {
    const { peers, connector, moved } = this.parts;
    const session = this.#byPeer.get(link.peer.peerId);
    if (session?.link === link) {
      session.closed();
      this.#byPeer.delete(link.peer.peerId);
    }
    moved.closed(link);
    peers.linkClosed(link.peer);
    connector.linkClosed(link.peer, reason);
  }
}
