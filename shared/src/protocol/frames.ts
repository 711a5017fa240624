import type { FeedStatement } from './conversation.js';
import type { PresenceState } from '../wire/messages.js';

/** One digest for each conversation that the two ends share; first after both hellos, from both sides. */
export interface DigestsFrame {
  type: 'digests';
  /** Conversation id and digest, 64 hexadecimal digits. */
  conversations: [conversation: string, digest: string][];
}

/**
 * What its sender holds of some feeds, durably, and what its person has read.
 * It is also the acknowledgement. It speaks for its sender alone.
 */
export interface StateFrame {
  type: 'state';
  conversation: string;
  feeds: FeedStatement[];
  /** Nothing more of this conversation is taken for now: milliseconds after which to try again. A `state` without it takes it back. */
  hold?: number;
}

/** What its sender holds of a feed, segment by segment: whoever has more sends it. */
export interface WantFrame {
  type: 'want';
  conversation: string;
  author: string;
  /** Segment and the seq of its last entry. */
  segments: [segment: string, seq: number][];
  /** Whether more segments follow in another frame. */
  more: boolean;
}

/** How the sender's person is, in whole: at the opening of a link, and at each change. */
export interface PresenceFrame {
  type: 'presence';
  state: PresenceState;
  /** A short text of theirs; may be empty. */
  status: string;
  /** The name they show now. */
  user: string;
}
