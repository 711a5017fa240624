import type { ParsedFrame, ParsedMessage, ParsedRunFrame, PresenceFrame } from '@p2p-chat/shared';
import type { MessageRun } from '../message-run.js';
import type { PeerAddress } from '../peer.js';

/** The far end of a link, as it proved and named itself. */
export interface LinkPeer {
  /** From the key of the channel. */
  peerId: string;
  /** From its hello; a label. */
  user: string;
  instance: string;
  agent: string;
  /** What of the optional frames it understands. */
  features: readonly string[];
  /** Where its gateway should be reachable: the address of the link, the port of its hello. Null where it listens on none. */
  address: PeerAddress | null;
}

/** An open, authenticated link after both hellos. Sending never throws: a link that breaks says so by `onClosed`. */
export interface PeerLink {
  readonly peer: LinkPeer;
  /** Sends runs, each of which fits a frame, in order. The caller keeps the window. */
  sendRuns(runs: readonly MessageRun[]): void;
  /** @param ids one after the other */
  sendAck(ids: string, of?: 'receipt'): void;
  sendReceipt(ids: readonly string[]): void;
  sendReject(id: string, code: string, retryAfterMs?: number): void;
  /** Only to a peer that announced the feature. */
  sendPresence(presence: Omit<PresenceFrame, 'type'>): void;
  /** Only to a peer that announced the feature. */
  sendTyping(): void;
  /** Asks the far end for a sign of life; the link ends where none comes soon. */
  isAlive(): Promise<boolean>;
  /** Says bye and closes once what was sent has left. */
  close(reason: string): void;
}

/** A frame that is the core's affair, beside messages. */
export type PeerFrame = Extract<ParsedFrame, { type: 'ack' | 'receipt' | 'reject' | 'presence' | 'typing' }>;

/** What the core is told of links. For one peer at most one link is open; a new one replaces the old. */
export interface LinkHandler {
  /** Whether a peer that dialled and proved its key may have a link; asked before any hello. */
  admits(peerId: string): boolean;
  /** Whether a link to the peer comes before those to strangers, where there are as many as there may be. */
  prefers(peerId: string): boolean;
  onOpen(link: PeerLink): void;
  /** Messages, in order. The promise resolves when they were dealt with; further reading from the link may wait for it. */
  onMessages(link: PeerLink, messages: readonly ParsedMessage[]): Promise<void>;
  /** The same for messages that came as a run. */
  onRun(link: PeerLink, run: ParsedRunFrame): Promise<void>;
  onFrame(link: PeerLink, frame: PeerFrame): void;
  /** `reason` is that of the peer's bye; null where the link broke. */
  onClosed(link: PeerLink, reason: string | null): void;
}

/** Where links come from. */
export abstract class PeerTransport {
  /** Starts to listen; resolves with the port. */
  abstract listen(handler: LinkHandler): Promise<number>;

  /**
   * Dials addresses, in an order that depends on the networks of this machine,
   * later ones soon after earlier ones, until one answers as the peer that is wanted. The link is told by `onOpen`.
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
