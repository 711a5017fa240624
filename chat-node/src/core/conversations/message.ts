import type { Direction, ReadContent, RosterOperation } from '@p2p-chat/shared';
/** `queued`: durable here. `delivered`: durable at the other node. `read`: seen by the other person. */
export type DeliveryState = 'queued' | 'delivered' | 'read';

/** The members of a group for whom a message was written, and what has become of it there. */
export interface Recipients {
  of: readonly string[];
  delivered: readonly string[];
  read: readonly string[];
  /** When that was learnt here, as far as it is kept. */
  times: readonly MemberReceipt[];
}

/** When this node learnt that a member has a message, and has read it; null where that is not known. */
export interface MemberReceipt {
  peerId: string;
  delivered: number | null;
  read: number | null;
}

/** A message as the core shows it: an entry, projected. Times in milliseconds since 1970. */
export interface Message {
  /** See `messageId`: the same at every member. */
  id: string;
  conversation: string;
  /** Peer id of who wrote it. */
  author: string;
  direction: Direction;
  content: ReadContent;
  /** Hybrid logical clock, 16 hexadecimal digits. */
  clock: string;
  /** The author's wall clock; for display only. */
  sentAt: number;
  /** When it was saved here; null for one's own. */
  receivedAt: number | null;
  /** Of an incoming message `delivered`, then `read`. */
  state: DeliveryState;
  /** Whether its author has changed it since. */
  edited: boolean;
  /** Whether it was deleted for everybody: its content is gone. */
  deleted: boolean;
  /** Where the person here deleted it: how many were asked to erase it, and how many have. */
  deletion: { entry: string; asked: number; done: number } | null;
  /** Id of the message that it answers. */
  replyTo: string | null;
  /** That message; null where it is not here. */
  quote: Quote | null;
  reactions: readonly Reaction[];
  /** Who has confirmed it, where it asks for that. */
  confirmed: readonly Confirmation[];
  /** Of one's own in a group. */
  recipients?: Recipients;
  /** Where it is no message but a change of the group's roster. */
  change?: RosterOperation;
}

/** What some people feel about a message. */
export interface Reaction {
  emoji: string;
  /** Peer ids. */
  by: string[];
}

/** Somebody who confirmed a message, and when by their own clock. */
export interface Confirmation {
  peerId: string;
  at: number;
}

/** A message that another one answers, as it is now. */
export interface Quote {
  id: string;
  author: string;
  body: string;
  deleted: boolean;
}

/** Where a message stands in the order of every screen: clock, then author, then id. */
export type MessageOrder = Pick<Message, 'clock' | 'author' | 'id'>;

/** The order of a conversation, the same at every member. */
export function compareMessages(a: MessageOrder, b: MessageOrder): number {
  return compare(a.clock, b.clock) || compare(a.author, b.author) || compare(a.id, b.id);
}

// Two entries of one segment never share a clock, so the text of an id decides only between segments.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
