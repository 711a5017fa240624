import type { Direction, MessageState, WireMessage } from '@p2p-chat/shared';

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

/** A message of ours as it travels. */
export function toWire(message: Message): WireMessage {
  return {
    id: message.id,
    clock: message.clock,
    sentAt: message.sentAt,
    kind: message.kind,
    body: message.body,
  };
}

/** A message that arrived over a link, as it is kept. The author is the link's peer, whatever the payload says. */
export function fromWire(
  wire: WireMessage,
  author: string,
  conversationId: string,
  receivedAt: number,
): Message {
  return {
    id: wire.id,
    conversationId,
    author,
    direction: 'in',
    kind: 'text',
    body: wire.body,
    clock: wire.clock,
    sentAt: wire.sentAt,
    receivedAt,
    state: 'delivered',
  };
}
