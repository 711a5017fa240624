import type { Direction, MessageState } from '@p2p-chat/shared';

export type { Direction, MessageState };

/** What a message is. Later kinds (file offer, edit, reaction) get names of their own. */
export type MessageKind = 'text';

/** A message as the core and the repositories know it. Times in milliseconds since 1970. */
export interface Message {
  /** UUIDv7 of the author; unique together with the author. */
  id: string;
  conversationId: string;
  /** Peer id of who wrote it. */
  author: string;
  direction: Direction;
  kind: MessageKind;
  body: string;
  /** Hybrid logical clock: 16 lower-case hexadecimal digits; orders a conversation, see {@link compareMessages}. */
  clock: string;
  /** The author's wall clock; for display only. */
  sentAt: number;
  /** When it was saved here; null for one's own. */
  receivedAt: number | null;
  /** For an incoming message: `delivered`, then `read`. */
  state: MessageState;
  /** Why, where the state is `failed`. */
  reason?: string;
}

/** The order of a conversation, the same at both ends: clock, then author, then id. */
export function compareMessages(
  a: Pick<Message, 'clock' | 'author' | 'id'>,
  b: Pick<Message, 'clock' | 'author' | 'id'>,
): number {
  return compare(a.clock, b.clock) || compare(a.author, b.author) || compare(a.id, b.id);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
