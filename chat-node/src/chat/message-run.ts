import { idAt, MESSAGE_CLOCK_LENGTH, MESSAGE_ID_LENGTH } from '@p2p-chat/shared/message-id';
import { type EncodedRun, fitsFrame, SENT_AT_LENGTH } from '@p2p-chat/shared/run';
import type { Message, MessageKind } from './message.js';

/**
 * Neighbouring messages that share conversation, author, kind and time of
 * arrival, as a few texts instead of an object for each. Bursts go through the
 * node in this form, from the line that somebody wrote to the database and the
 * wire, and the other way round: what is a text costs by the byte, and the
 * collector of garbage has one thing to look at instead of a thousand.
 *
 * Those that were written here (`receivedAt` null) are queued, the others delivered.
 */
export interface MessageRun extends EncodedRun {
  conversationId: string;
  /** Peer id of who wrote them. */
  author: string;
  /** When they were saved here, in milliseconds since 1970; null for one's own. */
  receivedAt: number | null;
  count: number;
}

/** Messages in one run: as many as a frame of short ones holds well. */
export const MAX_RUN_MESSAGES = 512;
/** UTF-16 units of their bodies. */
export const MAX_RUN_CHARACTERS = 64 * 1024;

/** Times of a run as text. @param ms milliseconds since 1970 */
export function sentAtText(ms: number): string {
  return String(ms).padStart(SENT_AT_LENGTH, '0');
}

/** The clock at a place of a run. */
export function clockAt(run: Pick<MessageRun, 'clocks'>, at: number): string {
  return run.clocks.slice(at * MESSAGE_CLOCK_LENGTH, (at + 1) * MESSAGE_CLOCK_LENGTH);
}

/** The clock of the last message of a run. */
export function lastClock(run: Pick<MessageRun, 'clocks'>): string {
  return run.clocks.slice(-MESSAGE_CLOCK_LENGTH);
}

/** Whether the clocks of a run go up. */
export function isAscending(run: Pick<MessageRun, 'clocks' | 'count'>): boolean {
  for (let at = 1; at < run.count; at += 1) if (clockAt(run, at - 1) >= clockAt(run, at)) return false;
  return true;
}

/** The greatest clock of a run, in whatever order they are. */
export function greatestClock(run: Pick<MessageRun, 'clocks' | 'count'>): string {
  let greatest = clockAt(run, 0);
  for (let at = 1; at < run.count; at += 1) {
    const clock = clockAt(run, at);
    if (clock > greatest) greatest = clock;
  }
  return greatest;
}

/** The messages of a run, one by one. */
export function messagesOf(run: MessageRun): Message[] {
  const bodies = JSON.parse(run.bodies) as string[];
  const { conversationId, author, receivedAt } = run;
  return bodies.map((body, at): Message => ({
    id: idAt(run.ids, at),
    conversationId,
    author,
    direction: receivedAt === null ? 'out' : 'in',
    kind: run.kind as MessageKind,
    body,
    clock: clockAt(run, at),
    sentAt: Number(run.sentAt.slice(at * SENT_AT_LENGTH, (at + 1) * SENT_AT_LENGTH)),
    receivedAt,
    state: receivedAt === null ? 'queued' : 'delivered',
  }));
}

/** Messages, in order, in as few runs as they allow, each of which fits a frame. */
export function packRuns(messages: readonly Message[]): MessageRun[] {
  const runs: MessageRun[] = [];
  for (let start = 0; start < messages.length;) {
    const first = messages[start] as Message;
    let [end, characters] = [start + 1, first.body.length];
    for (let next = messages[end]; next !== undefined && areAlike(first, next); next = messages[end]) {
      characters += next.body.length;
      if (end - start === MAX_RUN_MESSAGES || characters > MAX_RUN_CHARACTERS) break;
      end += 1;
    }
    runs.push(...framed(pack(messages.slice(start, end))));
    start = end;
  }
  return runs;
}

/** A run in as many as it takes for each to fit a frame: seldom more than one. */
export function framed(run: MessageRun): MessageRun[] {
  if (run.count === 1 || fitsFrame(run)) return [run];
  const middle = run.count >> 1;
  return [...framed(partOf(run, 0, middle)), ...framed(partOf(run, middle, run.count))];
}

/** The messages of a run from one place up to another. */
export function partOf(run: MessageRun, start: number, end: number): MessageRun {
  return withPlaces(
    run,
    Array.from({ length: end - start }, (_, nth) => start + nth),
  );
}

/** The messages at some places of a run. */
export function withPlaces(run: MessageRun, places: readonly number[]): MessageRun {
  const bodies = JSON.parse(run.bodies) as string[];
  const cut = (text: string, length: number): string =>
    places.map((at) => text.slice(at * length, (at + 1) * length)).join('');
  return {
    ...run,
    count: places.length,
    ids: cut(run.ids, MESSAGE_ID_LENGTH),
    clocks: cut(run.clocks, MESSAGE_CLOCK_LENGTH),
    sentAt: cut(run.sentAt, SENT_AT_LENGTH),
    bodies: JSON.stringify(places.map((at) => bodies[at])),
  };
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
  return {
    conversationId,
    author,
    kind,
    receivedAt,
    count: messages.length,
    ids: messages.map(({ id }) => id).join(''),
    clocks: messages.map(({ clock }) => clock).join(''),
    sentAt: messages.map(({ sentAt }) => sentAtText(sentAt)).join(''),
    bodies: JSON.stringify(messages.map(({ body }) => body)),
  };
}
