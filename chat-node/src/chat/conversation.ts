import type { Message } from './message.js';

/** Direct: two people. A group will be a kind of its own. */
export type ConversationKind = 'direct';

/** What a list of conversations shows, at a cost that does not grow with their length. */
export interface ConversationSummary {
  /** Of a direct conversation: the other one's peer id. */
  id: string;
  kind: ConversationKind;
  /** Incoming messages that were not read. */
  unread: number;
  /** Outgoing messages in state `queued`. */
  queued: number;
  /** The greatest clock of the conversation; '' while it is empty. */
  lastClock: string;
  /** The last message in the conversation's order. */
  last: Message | null;
}

/** The direct conversation with a peer. */
export function directConversationId(peerId: string): string {
  return peerId;
}
