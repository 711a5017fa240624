import type { Duplex } from 'node:stream';
import {
  type Clock,
  encodeWireFrame,
  errorMessage,
  type Frame,
  FRAME_KIND,
  FrameDecoder,
  LINK_DEAD_MS,
  LINK_PROBE_MS,
  MAX_DETAIL_CHARACTERS,
  MAX_UNREAD_BYTES,
  MID_FRAME_STALL_MS,
  parseFrame,
  PING_INTERVAL_MS,
  ProtocolError,
  type Timer,
  type WireFrame,
} from '@p2p-chat/shared';

export interface FrameStreamHandler {
  /**
   * One frame, in order. Pings and pongs are dealt with here and not handed on.
   * @param bytes of its payload
   */
  onFrame(frame: StreamFrame, bytes: number): void;
  /** The stream is over; called once. `error` says why where it did not end in order. */
  onEnd(error: Error | null): void;
}

/** A frame of either kind. A batch is given as its bytes, which are nobody else's. */
export type StreamFrame = WireFrame | { type: 'batch'; bytes: Uint8Array };

/**
 * Why a stream is not read: the far end does not read, too much of what came
 * is not dealt with yet, or it is not known yet whether another link stays.
 */
export type HoldReason = 'unread' | 'window' | 'undecided';

// How often a stream looks at its own silence: well within each of the limits.
const WATCH_INTERVAL_MS = 5_000;
// How long the far end has to take the last frames before the socket is torn down.
const CLOSE_GRACE_MS = 2_000;

/**
 * Frames over a byte stream: decodes, answers pings, notices silence, and
 * stops reading while the far end does not read.
 *
 * A protocol error of the far end is answered by one `error` frame and the end
 * of the stream.
 */
export class FrameStream {
  readonly #decoder = new FrameDecoder();
  #handler: FrameStreamHandler | null = null;
  #lastReceived: number;
  #watch: Timer | null = null;
  #probe: { answer: Promise<boolean>; done: (alive: boolean) => void } | null = null;
  readonly #paused = new Set<HoldReason>();
  /** What is left of the last chunk. */
  #rest: Iterator<Frame, void, void> | null = null;
  #isOpen = false;
  #ended = false;
  #closing = false;

  constructor(
    private readonly stream: Duplex,
    private readonly clock: Clock,
  ) {
    this.#lastReceived = clock.monotonic();
  }

  /** Starts to read. The handler can be replaced later by {@link handOver}. */
  start(handler: FrameStreamHandler): void {
    this.#handler = handler;
    this.stream.on('data', (chunk: Buffer) => this.#take(chunk));
    this.stream.on('drain', () => this.#release('unread'));
    this.stream.on('end', () => this.#finish(null));
    this.stream.on('close', () => this.#finish(null));
    this.stream.on('error', (error: Error) => this.#finish(error));
    this.#armWatch();
  }

  /** The hellos are done: the frames that follow are another handler's, and pings are answered. */
  handOver(handler: FrameStreamHandler): void {
    this.#handler = handler;
    this.#isOpen = true;
  }

  /** Sends a frame. After the end of the stream it does nothing. */
  send(frame: WireFrame): void {
    this.sendBytes(encodeWireFrame(frame));
  }

  /** Sends a frame that is already bytes. */
  sendBytes(frame: Uint8Array): void {
    if (this.#ended || this.#closing) return;
    this.stream.write(frame);
    if (this.stream.writableLength > MAX_UNREAD_BYTES) this.hold('unread');
  }

  /** Stops reading for a reason of the caller's; the stream goes on when all reasons are gone. */
  hold(reason: HoldReason): void {
    this.#paused.add(reason);
    this.stream.pause();
  }

  /** Takes back {@link hold}. */
  release(reason: HoldReason): void {
    this.#release(reason);
  }

  /**
   * Asks the far end for a sign of life, and tears the stream down where none
   * comes within {@link LINK_PROBE_MS}.
   * @returns whether there was one
   */
  probe(): Promise<boolean> {
    if (this.#ended || this.#closing) return Promise.resolve(false);
    // While nothing is read, a silence says nothing.
    if (this.#paused.size > 0) return Promise.resolve(true);
    if (this.#probe === null) {
      const { promise: answer, resolve } = Promise.withResolvers<boolean>();
      const late = this.clock.setTimeout(
        () => this.destroy(new Error('another link was opened, and this one did not answer')),
        LINK_PROBE_MS,
      );
      const done = (alive: boolean): void => {
        late.clear();
        this.#probe = null;
        resolve(alive);
      };
      this.#probe = { answer, done };
      this.send({ type: 'ping' });
    }
    return this.#probe.answer;
  }

  /** Sends a last frame and closes once it has left, or after a grace of two seconds. */
  close(last?: WireFrame): void {
    if (this.#ended || this.#closing) return;
    if (last !== undefined) this.send(last);
    this.#closing = true;
    this.stream.end();
    const grace = this.clock.setTimeout(() => this.stream.destroy(), CLOSE_GRACE_MS);
    this.stream.once('close', () => grace.clear());
  }

  /** Closes because of the far end's fault: sends the error, then {@link onEnd} gets it. */
  fail(error: ProtocolError): void {
    if (this.#ended) return;
    this.close({ type: 'error', code: error.code, detail: error.message.slice(0, MAX_DETAIL_CHARACTERS) });
    this.#finish(error);
  }

  /** Tears the stream down at once. */
  destroy(error?: Error): void {
    this.stream.destroy();
    this.#finish(error ?? null);
  }

  #take(chunk: Buffer): void {
    if (this.#ended || this.#closing) return;
    this.#lastReceived = this.clock.monotonic();
    this.#probe?.done(true);
    this.#rest = this.#decoder.push(chunk);
    this.#takeRest();
  }

  /** Hands on what is left of the last chunk, up to a frame that holds the stream or ends it. */
  #takeRest(): void {
    try {
      while (this.#rest !== null && this.#paused.size === 0) {
        const next = this.#rest.next();
        if (next.done === true) this.#rest = null;
        else this.#takeFrame(next.value);
        if (this.#ended || this.#closing) this.#rest = null;
      }
    } catch (error) {
      this.#rest = null;
      if (error instanceof ProtocolError) this.fail(error);
      else this.destroy(error instanceof Error ? error : new Error(errorMessage(error)));
    }
  }

  #takeFrame({ kind, payload }: Frame): void {
    const frame: StreamFrame =
      kind === FRAME_KIND.batch ? { type: 'batch', bytes: new Uint8Array(payload) } : parseFrame(payload);
    this.#dispatch(frame, payload.length);
  }

  #dispatch(frame: StreamFrame, bytes: number): void {
    if (frame.type !== 'ping' && frame.type !== 'pong') this.#handler?.onFrame(frame, bytes);
    else if (!this.#isOpen)
      throw new ProtocolError('hello-expected', `The first frame is a hello, not ${frame.type}.`);
    else if (frame.type === 'ping') this.send({ type: 'pong' });
  }

  #armWatch(): void {
    const now = this.clock.monotonic();
    // All streams of a node look at the same moments: two hundred of them one
    // after the other cost a fraction of what two hundred wake-ups do.
    const untilLook = WATCH_INTERVAL_MS - (now % WATCH_INTERVAL_MS);
    // And at the moment at which the link or a frame is late, not some time after it.
    const limit = this.#isStalling ? MID_FRAME_STALL_MS : LINK_DEAD_MS;
    const untilLate = Math.max(1, limit - (now - this.#lastReceived));
    this.#watch = this.clock.setTimeout(
      () => {
        this.#lookAtSilence();
        if (!this.#ended) this.#armWatch();
      },
      Math.ceil(Math.min(untilLook, untilLate)),
    );
  }

  #lookAtSilence(): void {
    // While we do not read because of our own storage, silence is our own
    // doing, and the far end is told that we live. While the far end does not
    // read, silence is its doing.
    if (this.#paused.has('window')) {
      this.#lastReceived = this.clock.monotonic();
      return this.send({ type: 'ping' });
    }
    const silence = this.clock.monotonic() - this.#lastReceived;
    if (silence >= LINK_DEAD_MS) {
      this.destroy(new Error(`nothing was received for ${LINK_DEAD_MS / 1000} seconds`));
    } else if (this.#isStalling && silence >= MID_FRAME_STALL_MS) {
      this.fail(new ProtocolError('frame-stalled', 'A frame was begun and not finished.'));
    } else if (silence >= PING_INTERVAL_MS) {
      this.send({ type: 'ping' });
    }
  }

  #release(reason: HoldReason): void {
    if (!this.#paused.delete(reason)) return;
    this.#takeRest();
    if (this.#paused.size === 0) this.stream.resume();
  }

  /** Whether a frame was begun, and it is for the far end to go on. */
  get #isStalling(): boolean {
    return this.#decoder.midFrame && this.#paused.size === 0;
  }

  #finish(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch?.clear();
    this.#probe?.done(false);
    if (!this.#closing) this.stream.destroy();
    this.#handler?.onEnd(error);
  }
}
