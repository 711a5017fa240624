import { compareMessages } from '../../../chat/message.js';
import {
  framed,
  isAscending,
  type MessageRun,
  messagesOf,
  packRuns,
  withPlaces,
} from '../../../chat/message-run.js';

/** Queued messages of one conversation, as the storage thread reads them. */
export interface QueuedTexts {
  author: string;
  count: number;
  /** 32 hexadecimal digits each, one after the other. */
  ids: string;
  clocks: string;
  /** 16 decimal digits each. */
  sentAt: string;
  /** JSON lists. */
  kinds: string;
  bodies: string;
}

/** The groups of digits of a UUID (RFC 9562, 4). */
const UUID_GROUPS = /(.{8})(.{4})(.{4})(.{4})(.{12})/g;

/** The runs of what the storage thread read, in order, each within a frame. */
export function runsOf(conversationId: string, texts: QueuedTexts): MessageRun[] {
  const { author, count, clocks, bodies } = texts;
  const ids = texts.ids.replace(UUID_GROUPS, '$1-$2-$3-$4-$5');
  const kinds = JSON.parse(texts.kinds) as string[];
  const whole = {
    conversationId,
    author,
    kind: '',
    receivedAt: null,
    count,
    ids,
    clocks,
    sentAt: texts.sentAt,
    bodies,
  };
  const runs = byKind(whole, kinds);
  // They come in order; that is how SQLite works, and nowhere promised.
  if (isAscending(whole)) return runs.flatMap(framed);
  return packRuns(runs.flatMap(messagesOf).sort(compareMessages));
}

function byKind(run: MessageRun, kinds: readonly string[]): MessageRun[] {
  const [kind = ''] = kinds;
  const end = kinds.findIndex((other) => other !== kind);
  if (end === -1) return [{ ...run, kind }];
  const places = Array.from({ length: run.count }, (_, at) => at);
  return [
    { ...withPlaces(run, places.slice(0, end)), kind },
    ...byKind(withPlaces(run, places.slice(end)), kinds.slice(end)),
  ];
}
