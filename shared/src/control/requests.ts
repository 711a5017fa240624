import type { PresenceState } from '../protocol/frames.js';
import type { ImportedMessage } from './imported-message.js';

export interface SendRequest {
  body: string;
  /** The client's own key of the message: the same key again gives the same message. */
  key?: string;
  /** Id of the message that it answers. */
  replyTo?: string;
  /** Peer ids of those whom it calls; without it, those whom the text names after an `@`. */
  mentions?: string[];
  /** Its readers are asked to confirm it. */
  confirm?: boolean;
}

export interface EditRequest {
  /** What the message says from now on. */
  body: string;
}

export interface ReactRequest {
  /** All of them; none takes back what was said before. */
  emoji: string[];
}

export interface ReadRequest {
  /** The last message that was seen; without it, all. */
  upTo?: string;
}

export interface ActivityRequest {
  /** Nobody has pressed a key for a while. */
  idle: boolean;
}

/** What is to be changed; the rest stays. */
export interface ProfileChange {
  user?: string;
  presence?: PresenceState;
  status?: string;
  receipts?: boolean;
  typing?: boolean;
}

export interface ImportRequest {
  /** MAX_HISTORY_PAGE at most. */
  messages: ImportedMessage[];
}
