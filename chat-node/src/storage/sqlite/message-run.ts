import { StorageError } from '../../chat/errors.js';
import type { Message, MessageKind } from '../../chat/message.js';
import { uuidOf } from './message-row.js';

/** Characters of an id and of a clock. */
export const ID_LENGTH = 36;
export const CLOCK_LENGTH = 16;
const HEX_ID_LENGTH = 32;
/** Digits of the greatest safe integer. */
const TIME_LENGTH = 16;

/**
 * Neighbouring messages that share conversation, author, kind and time of
 * arrival, as a few texts instead of an object for each: what crosses to the
 * storage thread, and from there into SQLite in one statement, costs by the
 * byte.
 */
export interface MessageRun {
  conversationId: string;
  author: string;
  kind: string;
  receivedAt: number | null;
  count: number;
  /** The ids, one after the other. */
  ids: string;
  /** The clocks, one after the other. */
  clocks: string;
  /** The senders' times, 16 decimal digits each. */
  sentAt: string;
  /** A JSON list of the bodies. */
  bodies: string;
}

/**
 * Messages, in order, in as few runs as they allow.
 * @throws {StorageError} `storage-failed` where an id or a clock has not its length
 */
export function packRuns(messages: readonly Message[]): MessageRun[] {
  const runs: MessageRun[] = [];
  for (let start = 0; start < messages.length;) {
    let end = start + 1;
    while (end < messages.length && areAlike(messages[start] as Message, messages[end] as Message)) end += 1;
    runs.push(pack(start === 0 && end === messages.length ? messages : messages.slice(start, end)));
    start = end;
  }
  return runs;
}

/** The id at a place of a run. */
export function idAt(run: Pick<MessageRun, 'ids'>, at: number): string {
  return run.ids.slice(at * ID_LENGTH, (at + 1) * ID_LENGTH);
}

/** The clock at a place of a run. */
export function clockAt(run: Pick<MessageRun, 'clocks'>, at: number): string {
  return run.clocks.slice(at * CLOCK_LENGTH, (at + 1) * CLOCK_LENGTH);
}

/** Queued messages of one conversation, as the storage thread reads them. */
export interface QueuedTexts {
  author: string;
  /** 32 hexadecimal digits each, one after the other. */
  ids: string;
  clocks: string;
  /** JSON lists. */
  kinds: string;
  sentAt: string;
  bodies: string;
}

/** The messages of what the storage thread read, in order. */
export function unpackQueued(conversationId: string, texts: QueuedTexts): Message[] {
  const kinds = JSON.parse(texts.kinds) as MessageKind[];
  const sentAt = JSON.parse(texts.sentAt) as number[];
  const bodies = JSON.parse(texts.bodies) as string[];
  const messages = bodies.map((body, at): Message => {
    const id = texts.ids.slice(at * HEX_ID_LENGTH, (at + 1) * HEX_ID_LENGTH);
    return {
      id: uuidOf(id),
      conversationId,
      author: texts.author,
      direction: 'out',
      kind: kinds[at] as MessageKind,
      body,
      clock: clockAt(texts, at),
      sentAt: sentAt[at] as number,
      receivedAt: null,
      state: 'queued',
    };
  });
  // They come in order; that is how SQLite works, and nowhere promised.
  return messages.sort((a, b) => (a.clock < b.clock ? -1 : a.clock > b.clock ? 1 : 0));
}

function areAlike(a: Message, b: Message): boolean {
  return (
    a.conversationId === b.conversationId &&
    a.author === b.author &&
    a.kind === b.kind &&
    a.receivedAt === b.receivedAt
  );
}

function pack(messages: readonly Message[]): MessageRun {
  const { conversationId, author, kind, receivedAt } = messages[0] as Message;
  let [ids, clocks, sentAt] = ['', '', ''];
  const bodies: string[] = [];
  for (const message of messages) {
    if (message.id.length !== ID_LENGTH || message.clock.length !== CLOCK_LENGTH) throw malformed(message);
    ids += message.id;
    clocks += message.clock;
    sentAt += String(message.sentAt).padStart(TIME_LENGTH, '0');
    bodies.push(message.body);
  }
  return {
    conversationId,
    author,
    kind,
    receivedAt,
    count: messages.length,
    ids,
    clocks,
    sentAt,
    bodies: JSON.stringify(bodies),
  };
}

function malformed({ id, clock }: Message): StorageError {
  return new StorageError('storage-failed', `A message has the id "${id}" and the clock "${clock}".`, {
    hint: 'This is a fault of the program; please report it.',
  });
}
