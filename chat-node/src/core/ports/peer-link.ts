import type {
  Batch,
  DigestsFrame,
  PresenceFrame,
  RosterFrame,
  StateFrame,
  WantFrame,
} from '@p2p-chat/shared';
import type { PeerAddress } from '../peers/peer.js';

/** The far end of a link, as it proved and named itself. */
export interface LinkPeer {
  /** From the key of the channel. */
  peerId: string;
  /** From its hello; a label. */
  user: string;
  instance: string;
  agent: string;
  /** Where its gateway should be reachable: the address of the link, the port of its hello. Null where it listens on none. */
  address: PeerAddress | null;
}

/** A frame that the core sends, beside batches. */
export type OutgoingFrame =
  DigestsFrame | StateFrame | WantFrame | RosterFrame | PresenceFrame | { type: 'typing' };

/** An open, authenticated link after both hellos. Sending never throws: a link that breaks says so by `onClosed`. */
export interface PeerLink {
  readonly peer: LinkPeer;
  send(frame: OutgoingFrame): void;
  /** Sends a batch, in the order of the calls. The caller keeps the window. */
  sendBatch(batch: Batch): void;
  /** Asks the far end for a sign of life; the link ends where none comes soon. */
  isAlive(): Promise<boolean>;
  /** Says bye and closes once what was sent has left. */
  close(reason: string): void;
}

/** A frame for the core: a batch as its bytes, not verified yet, or one of the others. */
export type IncomingFrame = { type: 'batch'; bytes: Uint8Array } | OutgoingFrame;

/** What a link tells, in order. For one peer at most one link is open; a new one replaces the old. */
export interface LinkHandler {
  /** Whether a peer that dialled and proved its key may have a link; asked before any hello. */
  admits(peerId: string): boolean;
  /** Whether a link to the peer comes before those to strangers, where there are as many as there may be. */
  prefers(peerId: string): boolean;
  onOpen(link: PeerLink): void;
  /**
   * One frame. The promise settles when it was dealt with: the link stops
   * reading while too much of what came is not, whatever its type.
   * A {@link ProtocolError} that it rejects with ends the link, told to the far end.
   */
  onFrame(link: PeerLink, frame: IncomingFrame): Promise<void>;
  /** `reason` is that of the peer's bye; null where the link broke. */
  onClosed(link: PeerLink, reason: string | null): void;
}

/** Where links come from. */
export abstract class PeerTransport {
  /** Starts to listen; resolves with the port. */
  abstract listen(handler: LinkHandler): Promise<number>;

  /**
   * Dials addresses, in an order that depends on the networks of this machine,
   * later ones soon after earlier ones, until one answers as the peer that is
   * wanted. The link is told by `onOpen`.
   * @param peerId who must answer; null for whoever is there (an address that a person gave)
   * @returns who answered
   * @throws {TransportError} of the most telling attempt
   */
  abstract dial(
    peerId: string | null,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<LinkPeer>;

  /** Says bye on all links with this reason and closes everything. Never rejects. */
  abstract stop(reason: string): Promise<void>;
}
