import type { ServerResponse } from 'node:http';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import {
  Clock,
  EVENT_HEARTBEAT_MS,
  EVENT_STREAMS_AT_MAX_DELAY,
  EVENT_STREAMS_PER_TURN,
  MAX_EVENT_DELAY_MS,
  MAX_EVENT_STREAMS,
  type Timer,
} from '@p2p-chat/shared';
import { HttpProblem } from '../problem.js';
import { LeaseRegistry } from '../registry/lease-registry.js';
import { EventStream } from './event-stream.js';
import { changeEvents, listEvent } from './event-text.js';

/** Seconds after which a stream may have become free. */
const FULL_RETRY_SECONDS = 30;

/**
 * All open event streams. A change is made into text once and written to
 * everyone who has read what came before; whoever has not catches up later,
 * alone.
 */
@Injectable()
export class EventStreams implements OnModuleDestroy {
  readonly #streams = new Set<EventStream>();
  readonly #unsubscribe: () => void;
  /** Rounds over all streams that are not at their end. */
  readonly #rounds = new Set<Timer>();
  #flush: Timer | undefined;
  #heartbeat: Timer | undefined;

  constructor(
    private readonly registry: LeaseRegistry,
    private readonly clock: Clock,
  ) {
    this.#unsubscribe = registry.onChange(() => this.#changed());
  }

  get size(): number {
    return this.#streams.size;
  }

  /**
   * Makes the response a stream of events until its client goes.
   * @param lastEventId what the client has; undefined for nothing
   * @throws {HttpProblem} where there are as many streams as there may be
   */
  open(response: ServerResponse, lastEventId: string | undefined): void {
    if (this.#streams.size >= MAX_EVENT_STREAMS) throw streamsFull();
    const stream = new EventStream(response, lastEventId ?? '', this.clock, (drained) =>
      this.#catchUp(drained),
    );
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    this.#heartbeat ??= this.clock.setTimeout(() => this.#beat(), EVENT_HEARTBEAT_MS);
    // Something at once, so that the client knows that it misses nothing from here on.
    stream.write(': listening\n\n');
    this.#catchUp(stream);
  }

  onModuleDestroy(): void {
    this.#unsubscribe();
    this.#flush?.clear();
    this.#heartbeat?.clear();
    for (const round of this.#rounds) round.clear();
    for (const stream of this.#streams) stream.end();
  }

  // The more clients there are, the more changes go out together.
  #changed(): void {
    if (this.#flush !== undefined || this.#streams.size === 0) return;
    const crowd = Math.min(1, this.#streams.size / EVENT_STREAMS_AT_MAX_DELAY);
    this.#flush = this.clock.setTimeout(() => this.#pushAll(), crowd * MAX_EVENT_DELAY_MS);
  }

  #pushAll(): void {
    this.#flush = undefined;
    this.#forEach((stream, texts) => {
      if (!stream.stalled) this.#push(stream, texts);
    });
  }

  // In turns with everything else: a write to each of ten thousand streams
  // takes longer than a renewal should wait. What is made for one turn holds
  // for that turn alone, since the list may change between two.
  #forEach(
    visit: (stream: EventStream, texts: Map<string, readonly Buffer[]>) => void,
    streams: Iterator<EventStream, undefined> = this.#streams.values(),
  ): void {
    const texts = new Map<string, readonly Buffer[]>();
    for (let visited = 0; visited < EVENT_STREAMS_PER_TURN; visited += 1) {
      const { value, done } = streams.next();
      if (done === true) return;
      visit(value, texts);
    }
    const next = this.clock.setTimeout(() => {
      this.#rounds.delete(next);
      this.#forEach(visit, streams);
    }, 0);
    this.#rounds.add(next);
  }

  #catchUp(stream: EventStream): void {
    if (stream.cursor !== this.registry.cursor) this.#push(stream, new Map());
  }

  #push(stream: EventStream, texts: Map<string, readonly Buffer[]>): void {
    let text = texts.get(stream.cursor);
    if (text === undefined) texts.set(stream.cursor, (text = this.#textSince(stream.cursor)));
    stream.cursor = this.registry.cursor;
    if (text.some(({ length }) => length > 0)) stream.write(...text);
  }

  #textSince(cursor: string): readonly Buffer[] {
    const changes = this.registry.changesSince(cursor);
    return changes === null ? listEvent(this.registry.list()) : [changeEvents(changes)];
  }

  #beat(): void {
    this.#heartbeat = this.clock.setTimeout(() => this.#beat(), EVENT_HEARTBEAT_MS);
    this.#forEach((stream) => {
      if (stream.isDead) stream.destroy();
      else if (!stream.stalled) stream.write(':\n\n');
    });
  }
}

function streamsFull(): HttpProblem {
  return new HttpProblem(
    503,
    {
      code: 'streams-full',
      detail: 'No more event streams can be opened.',
      hint: 'Ask for the list, or with ?since= for its changes.',
    },
    { 'retry-after': String(FULL_RETRY_SECONDS) },
  );
}
