import type { IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Backoff, type BackoffPolicy, type Clock, type ControlEvent } from '@p2p-chat/shared';
import { ConnectionError } from './control-error.js';

/** What a feed tells: the node's events, and whether they can be heard at all. */
export type FeedItem =
  | ControlEvent
  /** The stream is open: everything that happens from now on is told. */
  | { type: 'connected' }
  /** The stream broke; the feed connects again by itself. */
  | { type: 'disconnected'; error: unknown };

/** A node that restarts is back in a second or two; one that is gone must not be asked all the time. */
const RECONNECT: BackoffPolicy = { initialMs: 200, maxMs: 5_000, factor: 2, jitter: 0.3 };
/** Characters of one event that are buffered: a batch of the longest messages, and far from filling the memory. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024;

const EVENT_TYPES: ReadonlySet<string> = new Set<ControlEvent['type']>([
  'message',
  'state',
  'history',
  'peer',
  'key-alarm',
  'typing',
  'profile',
  'resync',
  'stopping',
]);

/**
 * The events of a node as an endless sequence. The first connection must
 * succeed, or its error is thrown; after that the feed reconnects with
 * back-off and resumes after the last event, until the signal aborts, which
 * ends the sequence. Made to be read once.
 */
export class EventFeed implements AsyncIterable<FeedItem> {
  #lastEventId: string | undefined;

  constructor(
    private readonly open: (lastEventId: string | undefined) => Promise<IncomingMessage>,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
    lastEventId?: string,
    /** Called where the place moved without an event to hand out. */
    private readonly onPlace?: (id: string) => Promise<void>,
  ) {
    this.#lastEventId = lastEventId;
  }

  /** The last event that was handed out; a later feed can resume after it. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FeedItem, void, undefined> {
    const backoff = new Backoff(RECONNECT);
    let connectedOnce = false;
    for (;;) {
      let error: unknown;
      try {
        const stream = await this.open(this.#lastEventId);
        connectedOnce = true;
        yield { type: 'connected' };
        for await (const event of this.read(stream)) {
          backoff.reset();
          yield event;
        }
        error = new ConnectionError('node-silent', 'The node closed the stream of events.');
      } catch (caught) {
        if (!connectedOnce && !this.signal.aborted) throw caught;
        error = caught;
      }
      if (this.signal.aborted) return;
      yield { type: 'disconnected', error };
      await this.clock.sleep(backoff.next(), this.signal);
      if (this.signal.aborted) return;
    }
  }

  private async *read(stream: IncomingMessage): AsyncGenerator<ControlEvent, void, undefined> {
    const parsed: EventSourceMessage[] = [];
    const parser = createParser({
      onEvent: (event) => parsed.push(event),
      maxBufferSize: MAX_EVENT_CHARACTERS,
    });
    stream.setEncoding('utf8');
    for await (const chunk of stream as AsyncIterable<string>) {
      parser.feed(chunk);
      for (const message of parsed.splice(0)) {
        if (message.id !== undefined) this.#lastEventId = message.id;
        const event = decode(message);
        if (event !== undefined) yield event;
        else if (this.#lastEventId !== undefined) await this.onPlace?.(this.#lastEventId);
      }
    }
  }
}

/** An event of a kind that this client does not know is one of a newer node, and is left out. */
function decode(message: EventSourceMessage): ControlEvent | undefined {
  if (message.event === undefined || !EVENT_TYPES.has(message.event)) return undefined;
  const data = JSON.parse(message.data === '' ? '{}' : message.data) as object;
  return { ...data, type: message.event } as ControlEvent;
}
