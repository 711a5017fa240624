import type { DeliverySession } from '../delivery/delivery-session.js';
import type { PresenceSession } from '../presence/presence.js';
import type { TypingSession } from '../presence/typing.js';
import type { IncomingFrame, PeerLink } from '../ports/peer-link.js';

export interface PeerSessionParts {
  delivery: DeliverySession;
  presence: PresenceSession;
  typing: TypingSession;
  /** The peer sent something of substance: the link is of use. */
  onUseful: () => void;
}

/** All that lives as long as one link, opened and closed in one order. */
export class PeerSession {
  constructor(
    readonly link: PeerLink,
    private readonly parts: PeerSessionParts,
  ) {}

  get typing(): TypingSession {
    return this.parts.typing;
  }

  opened(): void {
    this.parts.presence.tell();
    this.parts.delivery.opened();
  }

  /** A frame of the peer. Resolves when it was dealt with. @throws {ProtocolError} */
  async received(frame: IncomingFrame): Promise<void> {
    const { delivery, presence, typing, onUseful } = this.parts;
    switch (frame.type) {
      case 'presence':
        return presence.received(frame);
      case 'typing':
        return typing.received();
      case 'batch':
        typing.ended();
        await delivery.received(frame);
        return onUseful();
      case 'digests':
      case 'state':
      case 'want':
      case 'roster':
        await delivery.received(frame);
        return onUseful();
    }
  }

  /** What this node's user shows has changed. */
  profileChanged(): void {
    this.parts.presence.tell();
  }

  closed(): void {
    this.parts.delivery.closed();
    this.parts.typing.ended();
    this.parts.presence.closed();
  }
}
