import type { Message, MessageKind } from '../../../chat/message.js';
import type { MessageRun } from '../../../chat/message-run.js';
import { meaningOf, PRESENT_STATUS } from './message-status.js';

/** What {@link messageOf} needs, of {@link MESSAGE_TABLES}. */
export const MESSAGE_COLUMNS = `lower(hex(m.id)) AS id, a.peer_id AS author, lower(hex(m.clock)) AS clock,
  ${PRESENT_STATUS} AS status, m.kind, m.sent_at, m.received_at, m.reason, m.body`;

/** Messages with their authors and the marks of their conversations. */
export const MESSAGE_TABLES =
  'messages m JOIN authors a ON a.ref = m.author JOIN conversations c ON c.ref = m.conversation';

/** An id in SQL from its text, for comparisons; null where it is none. */
export const ID_PARAMETER = "unhex(?, '-')";

/** A row as the core knows it. */
export function messageOf(row: Record<string, unknown>, conversationId: string): Message {
  const [direction, state] = meaningOf(row['status'] as Parameters<typeof meaningOf>[0]);
  const message: Message = {
    id: uuidOf(row['id'] as string),
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

/** The ids of a run as they are stored, 16 bytes each. */
export function idBytes({ ids }: Pick<MessageRun, 'ids'>): Buffer {
  return Buffer.from(ids.replaceAll('-', ''), 'hex');
}

/** The clocks of a run as they are stored, 8 bytes each. */
export function clockBytes({ clocks }: Pick<MessageRun, 'clocks'>): Buffer {
  return Buffer.from(clocks, 'hex');
}

/** The text of an id from its hexadecimal digits (RFC 9562, 4). */
export function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
