import type { PresenceState } from '../protocol/frames.js';
import type { ImportedMessage } from './imported-message.js';

export interface SendRequest {
  body: string;
  /** The client's own key of the message: the same key again gives the same message. */
  key?: string;
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
