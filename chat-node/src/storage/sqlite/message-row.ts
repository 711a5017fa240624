import type { Message, MessageKind } from '../../chat/message.js';
import { meaningOf, type Status } from './message-status.js';

/** What {@link messageOf} needs, of `messages m` joined with `authors a`. */
export const MESSAGE_COLUMNS =
  'm.id, a.peer_id AS author, m.clock, m.status, m.kind, m.sent_at, m.received_at, m.reason, m.body';

/** A row as the core knows it. */
export function messageOf(row: Record<string, unknown>, conversationId: string): Message {
  const [direction, state] = meaningOf(row['status'] as Status);
  const message: Message = {
    id: row['id'] as string,
    conversationId,
    author: row['author'] as string,
    direction,
    kind: row['kind'] as MessageKind,
    body: row['body'] as string,
    clock: row['clock'] as string,
    sentAt: row['sent_at'] as number,
    receivedAt: row['received_at'] as number | null,
    state,
  };
  const reason = row['reason'];
  if (typeof reason === 'string') message.reason = reason;
  return message;
}
