import type { ServerResponse } from 'node:http';
import { type Clock, EVENT_STALL_MS } from '@p2p-chat/shared';

/**
 * The stream of one client. Where the client does not read, nothing more is
 * written until it does: what it missed is taken from the registry then, so
 * that waiting for it costs no more than what the socket holds.
 */
export class EventStream {
  /** Where the list stood with what was written last; empty: nothing was. */
  cursor: string;
  #stalledSince: number | null = null;

  /** @param onDrain called when the client has read what was written */
  constructor(
    private readonly response: ServerResponse,
    cursor: string,
    private readonly clock: Clock,
    private readonly onDrain: (stream: EventStream) => void,
  ) {
    this.cursor = cursor;
    response.on('drain', () => this.#drained());
  }

  /** Whether something waits for the client to read it. */
  get stalled(): boolean {
    return this.#stalledSince !== null;
  }

  /** Whether it has waited for so long that the client counts as gone. */
  get isDead(): boolean {
    return this.#stalledSince !== null && this.clock.monotonic() - this.#stalledSince > EVENT_STALL_MS;
  }

  write(...parts: readonly (Buffer | string)[]): void {
    this.response.cork();
    let ready = true;
    for (const part of parts) ready = this.response.write(part);
    this.response.uncork();
    if (!ready) this.#stalledSince ??= this.clock.monotonic();
  }

  /** Ends the stream in order. */
  end(): void {
    this.response.end();
  }

  /** Closes the connection, whatever waits in it. */
  destroy(): void {
    this.response.destroy();
  }

  #drained(): void {
    this.#stalledSince = null;
    this.onDrain(this);
  }
}
