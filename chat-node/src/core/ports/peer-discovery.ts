import type { DiscoverySourceView } from '@p2p-chat/shared';
import type { PeerAddress } from '../peers/peer.js';

/** One source's word that a peer is at some addresses. A hint: used to dial, never to identify. */
export interface Sighting {
  /** The source's name, as in its health. */
  source: string;
  peerId: string;
  user: string;
  /** Best first; already cleared of hosts that must not be dialled. */
  addresses: PeerAddress[];
  /** Random per start of that node; an end of one instance says nothing of the next. */
  instance: string;
  /** Of the announcement; lower than one seen before means a replay. */
  seq: number;
}

/** What discovery tells the core. */
export interface DiscoverySink {
  /** These are all that the source sees now; who is missing from it has left it. */
  replace(source: string, sightings: readonly Sighting[]): void;
}

/** What the node says of itself. */
export interface SelfAnnouncement {
  user: string;
  /** Port of the peer gateway. */
  port: number;
  /** Host of the peer gateway where it was set to one address; '' for all. */
  host: string;
  instance: string;
}

/** A way to find peers and to be found. Each is independent of the others. */
export abstract class PeerDiscovery {
  /** Starts to announce and to look; returns at once, failures show in the health. */
  abstract start(self: SelfAnnouncement, sink: DiscoverySink): void;
  /** Withdraws the announcement where it can, within `signal`, and stops. Never rejects. */
  abstract stop(signal: AbortSignal): Promise<void>;
  /** One entry for each source. */
  abstract health(): DiscoverySourceView[];
  /** Asks anew at once, for example because a peer could not be reached. */
  abstract refresh(): void;
}
