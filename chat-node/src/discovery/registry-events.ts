import { MAX_DISCOVERY_LIST_BYTES } from '@p2p-chat/shared';
import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** What became of a list. Nothing in it was checked. */
export interface ListChanges {
  /** Where the list stands with it; null where the service does not say. */
  cursor: string | null;
  /** Whether `present` is everyone, and who is not among them is gone. */
  reset: boolean;
  present: readonly unknown[];
  /** What names those who left. */
  left: readonly unknown[];
}

/** `open`: from here on everything is told. */
export type RegistryEvent = { type: 'open' } | { type: 'changes'; changes: ListChanges };

/** Reads the answer to a registration: a list, or what changed. @returns null where it is neither */
export function readChanges(text: string, listCursor: string | null): ListChanges | null {
  const value = parse(text);
  if (Array.isArray(value)) return { cursor: listCursor, reset: true, present: value as unknown[], left: [] };
  if (typeof value !== 'object' || value === null) return null;
  const { cursor, reset, joined, changed, left } = value as Record<string, unknown>;
  if (typeof cursor !== 'string' || typeof reset !== 'boolean') return null;
  if (!Array.isArray(joined) || !Array.isArray(changed) || !Array.isArray(left)) return null;
  return { cursor, reset, present: [...(joined as unknown[]), ...(changed as unknown[])], left };
}

/** Reads a stream of events (WHATWG HTML, 9.2). Events of other types are left out. */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<RegistryEvent, void, undefined> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    maxBufferSize: MAX_DISCOVERY_LIST_BYTES,
  });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    for (const message of messages.splice(0)) {
      const changes = readEvent(message);
      if (changes !== null) yield { type: 'changes', changes };
    }
  }
}

function readEvent({ id, event, data }: EventSourceMessage): ListChanges | null {
  const cursor = id ?? null;
  const value = parse(data);
  switch (event) {
    case 'list':
      return Array.isArray(value) ? { cursor, reset: true, present: value as unknown[], left: [] } : null;
    case 'join':
    case 'change':
      return { cursor, reset: false, present: [value], left: [] };
    case 'leave':
      return { cursor, reset: false, present: [], left: [value] };
    default:
      return null;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
