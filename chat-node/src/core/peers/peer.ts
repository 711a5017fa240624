/** Where a peer's gateway was reached or announced. */
export interface PeerAddress {
  host: string;
  port: number;
}

/** What is remembered of a peer across restarts. Times in milliseconds since 1970. */
export interface PeerRecord {
  peerId: string;
  /** The name that it last showed; a label, never an identity. */
  user: string;
  blocked: boolean;
  /** Whether the safety number was compared and found equal. */
  verified: boolean;
  /** Whether somebody here wrote to it or accepted it. */
  contact: boolean;
  /** Whether it signed two messages as one. */
  forked?: true;
  /**
   * The name under which the person here took note of this key: accepted,
   * blocked or verified it, or saw the alarm about it; null before that.
   */
  knownAs: string | null;
  /** Where it was reached, the last one first. */
  addresses: PeerAddress[];
  firstSeenAt: number;
  lastSeenAt: number;
  /** Greatest sequence number of its announcements, so that old ones cannot be replayed. */
  announcedSeq: number;
}

/** How many addresses of a peer are remembered: a few networks, not a history. */
export const MAX_REMEMBERED_ADDRESSES = 4;
/** Addresses of a peer that one dial tries, from all sources together: more than one machine has. */
export const MAX_DIALLED_ADDRESSES = 16;
