import type { ChatEvent, ChatEvents } from '../core/events.js';

/** Events that are kept for clients that come back, by number and by size. */
export const MAX_KEPT_EVENTS = 2_000;
export const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** An event of the core with its place in the log. */
export interface LoggedEvent {
  /** `<epoch>.<number>`, as `Last-Event-ID` brings it back. */
  id: string;
  event: ChatEvent | { type: 'stopping' } | { type: 'resync' };
}

/**
 * The latest events of this start, for clients to read at their own speed: a
 * slow one falls behind and starts anew, it holds up nobody and nothing is
 * kept for it.
 */
export class EventLog {
  readonly #events: (LoggedEvent & { bytes: number })[] = [];
  readonly #wake = new Set<() => void>();
  #bytes = 0;
  /** Number of the first kept event. */
  #first = 1;
  #closed = false;

  /** @param epoch tells this start from others */
  constructor(
    private readonly epoch: string,
    events: ChatEvents,
  ) {
    events.subscribe((event) => this.#append(event));
  }

  /** Tells every reader that the node ends. */
  close(): void {
    this.#append({ type: 'stopping' });
    this.#closed = true;
  }

  /**
   * The events after a place, and then as they come, until the signal aborts
   * or the log is closed.
   * @param lastId id of the last event the client has seen; undefined to begin
   *   with what comes next. Where events since then are lost, `resync` comes first.
   */
  async *read(lastId: string | undefined, signal: AbortSignal): AsyncGenerator<LoggedEvent, void, void> {
    let next = this.#end;
    if (lastId !== undefined) {
      const seen = this.#place(lastId);
      if (seen === null) yield { id: this.#id(next - 1), event: { type: 'resync' } };
      else next = seen + 1;
    }
    while (!signal.aborted) {
      if (next < this.#first) {
        next = this.#end;
        yield { id: this.#id(next - 1), event: { type: 'resync' } };
      }
      const event = this.#events[next - this.#first];
      if (event !== undefined) {
        next += 1;
        yield event;
      } else if (this.#closed) {
        return;
      } else {
        await this.#changed(signal);
      }
    }
  }

  /** The id of the latest event: a client that goes on after it misses nothing from now on. */
  get place(): string {
    return this.#id(this.#end - 1);
  }

  get #end(): number {
    return this.#first + this.#events.length;
  }

  #id(number: number): string {
    return `${this.epoch}.${number}`;
  }

  /** The number of an id, or null where it is not one that can be gone on from. */
  #place(id: string): number | null {
    const dot = id.lastIndexOf('.');
    const number = Number(id.slice(dot + 1));
    const isOurs = id.slice(0, dot) === this.epoch && Number.isSafeInteger(number);
    return isOurs && number >= this.#first - 1 && number < this.#end ? number : null;
  }

  #append(event: LoggedEvent['event']): void {
    const bytes = sizeOf(event);
    this.#events.push({ id: this.#id(this.#end), event, bytes });
    this.#bytes += bytes;
    let drop = 0;
    while (
      this.#events.length - drop > MAX_KEPT_EVENTS ||
      (this.#bytes > MAX_KEPT_BYTES && this.#events.length - drop > 1)
    ) {
      this.#bytes -= this.#events[drop]?.bytes ?? 0;
      drop += 1;
    }
    if (drop > 0) this.#events.splice(0, drop);
    this.#first += drop;
    for (const wake of this.#wake) wake();
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

const EVENT_OVERHEAD_BYTES = 200;

function sizeOf(event: LoggedEvent['event']): number {
  switch (event.type) {
    case 'messages':
      return EVENT_OVERHEAD_BYTES + event.kept.batch.bytes.length;
    case 'states':
      return EVENT_OVERHEAD_BYTES * (1 + event.ranges.length);
    default:
      return EVENT_OVERHEAD_BYTES;
  }
}
