import type { DiagnosisHop } from '@p2p-chat/shared';
import type { PeerAddress } from '../peers/peer.js';

/** One hop that can be tried. */
export interface Probe {
  readonly hop: DiagnosisHop;
  /** Which of several: a path, an interface, a URL, an address; '' where there is one. */
  readonly subject: string;
  /**
   * Tries it.
   * @returns what was found, for a person
   * @throws {P2pChatError} what is wrong, with what to do as its hint;
   *   {@link NotTried} where there is nothing to try
   */
  run(signal: AbortSignal): Promise<string> | string;
  /** Tried only where this one went well, one after the other. */
  readonly next?: readonly Probe[];
}

/** There is nothing to try here, which is no fault. The message says why. */
export class NotTried extends Error {}

/** A part of the node whose way to work can be tried. */
export abstract class Probes {
  /** What to try now; those of one list are tried side by side. */
  abstract list(): readonly Probe[];
}

/** The way to one address of a peer. */
export abstract class AddressProbes {
  /** @param linked whether a link to the peer is open, which is left alone */
  abstract toward(peerId: string, address: PeerAddress, linked: boolean): Probe;
}
