import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import type { Direction, Message, MessageKind, MessageState } from '../../../chat/message.js';

/**
 * What a message waits for: the ack of the other node, a reader here, or that
 * the author learns of the reading. Absent where it waits for nothing.
 */
export type Waiting = 'delivery' | 'reading' | 'receipt';

/** A message with its delivery state: one document, so that no write touches two. */
@Schema({
  collection: 'messages',
  versionKey: false,
  autoIndex: false,
  strict: 'throw',
  strictQuery: 'throw',
})
export class MessageDocument {
  /** See {@link orderKey}: history is a range of the primary key. */
  @Prop({ type: String, required: true })
  _id!: string;

  @Prop({ type: String, required: true })
  id!: string;

  @Prop({ type: String, required: true })
  conversation!: string;

  @Prop({ type: String, required: true })
  author!: string;

  @Prop({ type: String, required: true })
  direction!: Direction;

  @Prop({ type: String, required: true })
  kind!: MessageKind;

  @Prop({ type: String })
  body!: string;

  @Prop({ type: String, required: true })
  clock!: string;

  @Prop({ type: Number, required: true })
  sentAt!: number;

  @Prop({ type: Number })
  receivedAt!: number | null;

  @Prop({ type: String, required: true })
  state!: MessageState;

  @Prop({ type: String })
  reason?: string;

  @Prop({ type: String })
  waiting?: Waiting;

  /** Grows with each message that is saved; by it search knows what came last, and what it has not seen yet. */
  @Prop({ type: Number, required: true })
  n!: number;

  /** The write that added it, so that one whose outcome was not learnt can be taken back. */
  @Prop({ type: String, required: true })
  write!: string;
}

export const MessageSchema = SchemaFactory.createForClass(MessageDocument);
// The unique key starts with the id: states and receipts name ids only.
MessageSchema.index({ id: 1, author: 1 }, { unique: true });
MessageSchema.index({ n: 1 });
MessageSchema.index(
  { waiting: 1, conversation: 1, clock: 1 },
  { partialFilterExpression: { waiting: { $exists: true } } },
);

// The character after the slash ends the range of a conversation.
const SEPARATOR = '/';
const AFTER_SEPARATOR = '0';

/** The primary key of a message: within a conversation in the order of `compareMessages`. */
export function orderKey(message: Pick<Message, 'conversationId' | 'clock' | 'author' | 'id'>): string {
  return message.conversationId + SEPARATOR + message.clock + message.author + message.id;
}

/** The keys between which those of a conversation lie. */
export function orderKeyBounds(conversationId: string): { first: string; last: string } {
  return { first: conversationId + SEPARATOR, last: conversationId + AFTER_SEPARATOR };
}

/** The document of a new message. */
export function documentOf(message: Message, write: string, n: number): MessageDocument {
  const { id, conversationId, author, direction, kind, body, clock, sentAt, receivedAt, state, reason } =
    message;
  const waiting = waitingOf(message);
  return {
    _id: orderKey(message),
    id,
    conversation: conversationId,
    author,
    direction,
    kind,
    body,
    clock,
    sentAt,
    receivedAt,
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(waiting === undefined ? {} : { waiting }),
    n,
    write,
  };
}

function waitingOf({ direction, state }: Message): Waiting | undefined {
  if (direction === 'out') return state === 'queued' ? 'delivery' : undefined;
  return state === 'delivered' ? 'reading' : undefined;
}

/** The message of a document. */
export function messageOf(document: MessageDocument): Message {
  const { id, conversation, author, direction, kind, body, clock, sentAt, receivedAt, state, reason } =
    document;
  const message: Message = {
    id,
    conversationId: conversation,
    author,
    direction,
    kind,
    body,
    clock,
    sentAt,
    receivedAt,
    state,
  };
  if (reason !== undefined) message.reason = reason;
  return message;
}
