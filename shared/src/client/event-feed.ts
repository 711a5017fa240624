import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Backoff, type BackoffPolicy } from '../backoff.js';
import type { Clock } from '../clock.js';
import { type ControlEvent, isControlEventName } from '../control/events.js';
import { chunksOf } from './chunks.js';
import { ConnectionError } from './errors.js';

/** What a feed tells: the node's events, and whether they can be heard at all. */
export type FeedItem =
  | Exclude<ControlEvent, { type: 'listening' }>
  /**
   * The stream is open: everything that happens from now on is told. Where it
   * was resumed, nothing in between was missed, or a `resync` follows.
   */
  | { type: 'connected'; resumed: boolean }
  /** The stream broke; the feed connects again by itself. */
  | { type: 'disconnected'; error: unknown };

export interface EventFeedParts {
  /** Opens the stream after an event. */
  open: (lastEventId: string | undefined) => Promise<Response>;
  clock: Clock;
  signal: AbortSignal;
  lastEventId?: string | undefined;
  /** Called where the place moved without an event to hand out; where it rejects, the sequence ends with its error. */
  onPlace?: ((id: string) => Promise<void>) | undefined;
}

/** A node that restarts is back in a second or two; one that is gone must not be asked all the time. */
const RECONNECT: BackoffPolicy = { initialMs: 200, maxMs: 5_000, factor: 2, jitter: 0.3 };
/** Characters of one event that are buffered: a batch of the longest messages, and far from filling the memory. */
const MAX_EVENT_CHARACTERS = 64 * 1024 * 1024;

/**
 * The events of a node as an endless sequence (Server-Sent Events, WHATWG HTML
 * 9.2). The first connection must succeed, or its error is thrown; after that
 * the feed reconnects with back-off and resumes after the last event, until the
 * signal aborts, which ends the sequence. Made to be read once.
 */
export class EventFeed implements AsyncIterable<FeedItem> {
  #lastEventId: string | undefined;
  #placeLost = false;

  constructor(private readonly parts: EventFeedParts) {
    this.#lastEventId = parts.lastEventId;
  }

  /** The last event that was handed out; a later feed can resume after it. */
  get lastEventId(): string | undefined {
    return this.#lastEventId;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FeedItem, void, undefined> {
    const { open, clock, signal } = this.parts;
    const backoff = new Backoff(RECONNECT);
    let connectedOnce = false;
    for (;;) {
      let error: unknown;
      try {
        const resumed = this.#lastEventId !== undefined;
        const stream = await open(this.#lastEventId);
        connectedOnce = true;
        yield { type: 'connected', resumed };
        for await (const event of this.#read(stream)) {
          backoff.reset();
          yield event;
        }
        error = new ConnectionError('node-silent', 'The node closed the stream of events.');
      } catch (caught) {
        if (this.#placeLost || (!connectedOnce && !signal.aborted)) throw caught;
        error = caught;
      }
      if (signal.aborted) return;
      yield { type: 'disconnected', error };
      await clock.sleep(backoff.next(), signal);
      if (signal.aborted) return;
    }
  }

  async *#read({
    body,
  }: Response): AsyncGenerator<Exclude<ControlEvent, { type: 'listening' }>, void, undefined> {
    if (body === null) return;
    const parsed: EventSourceMessage[] = [];
    const parser = createParser({
      onEvent: (event) => parsed.push(event),
      maxBufferSize: MAX_EVENT_CHARACTERS,
    });
    const decoder = new TextDecoder();
    for await (const chunk of chunksOf(body)) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      for (const message of parsed.splice(0)) {
        if (message.id !== undefined) this.#lastEventId = message.id;
        const event = decode(message);
        if (event !== undefined) yield event;
        else if (this.#lastEventId !== undefined) await this.#place(this.#lastEventId);
      }
    }
  }

  async #place(id: string): Promise<void> {
    this.#placeLost = true;
    await this.parts.onPlace?.(id);
    this.#placeLost = false;
  }
}

/** An event of a kind that this client does not know is one of a newer node, and is left out. */
function decode(message: EventSourceMessage): Exclude<ControlEvent, { type: 'listening' }> | undefined {
  const { event } = message;
  if (event === undefined || !isControlEventName(event) || event === 'listening') return undefined;
  const data = JSON.parse(message.data === '' ? '{}' : message.data) as object;
  return { ...data, type: event } as Exclude<ControlEvent, { type: 'listening' }>;
}
