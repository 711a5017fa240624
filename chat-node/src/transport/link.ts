import {
  type Batch,
  encodeFrame,
  FRAME_KIND,
  MAX_UNHANDLED_FRAMES,
  ProtocolError,
  WINDOW_BYTES,
} from '@p2p-chat/shared';
import type { LinkHandler, LinkPeer, OutgoingFrame, PeerLink } from '../core/ports/peer-link.js';
import type { FrameStream, FrameStreamHandler, StreamFrame } from './frame-stream.js';

export interface LinkOrigin {
  peer: LinkPeer;
  /** Who dialled: decides which of two simultaneous links stays. */
  outbound: boolean;
  /** Monotonic milliseconds. */
  openedAt: number;
}

/** An open link: frames in and out, and no more of them waiting to be dealt with than the bound. */
export class Link implements PeerLink, FrameStreamHandler {
  readonly peer: LinkPeer;
  #unhandled = 0;
  #unhandledBytes = 0;
  #byeReason: string | null = null;

  constructor(
    readonly origin: LinkOrigin,
    private readonly stream: FrameStream,
    private readonly handler: LinkHandler,
    private readonly onEnded: (link: Link, error: Error | null, reason: string | null) => void,
  ) {
    this.peer = origin.peer;
  }

  send(frame: OutgoingFrame): void {
    this.stream.send(frame);
  }

  sendBatch({ bytes }: Batch): void {
    this.stream.sendBytes(encodeFrame(FRAME_KIND.batch, bytes));
  }

  /** Waits with what comes until it is known which of two links stays. */
  wait(): void {
    this.stream.hold('undecided');
  }

  /** Takes back {@link wait}. */
  goOn(): void {
    this.stream.release('undecided');
  }

  /** Whether the far end shows a sign of life soon; the link is torn down where it does not. */
  isAlive(): Promise<boolean> {
    return this.stream.probe();
  }

  close(reason: string): void {
    this.stream.close({ type: 'bye', reason });
  }

  onFrame(frame: StreamFrame, bytes: number): void {
    switch (frame.type) {
      case 'batch':
      case 'digests':
      case 'state':
      case 'want':
      case 'roster':
      case 'presence':
      case 'typing':
        this.#take(bytes, this.handler.onFrame(this, frame));
        break;
      case 'bye':
        this.#byeReason = frame.reason;
        this.stream.close();
        break;
      case 'error':
        this.#byeReason = `${frame.code}: ${frame.detail}`;
        this.stream.close();
        break;
      case 'hello':
        this.stream.fail(new ProtocolError('hello-repeated', 'A hello is sent once.'));
        break;
      case 'ping':
      case 'pong':
        break;
    }
  }

  onEnd(error: Error | null): void {
    this.onEnded(this, error, this.#byeReason);
  }

  /** Stops reading while too much of what came is not dealt with. */
  #take(bytes: number, dealt: Promise<void>): void {
    this.#unhandled += 1;
    this.#unhandledBytes += bytes;
    if (this.#isFull) this.stream.hold('window');
    const done = (): void => {
      this.#unhandled -= 1;
      this.#unhandledBytes -= bytes;
      if (!this.#isFull) this.stream.release('window');
    };
    dealt.then(done, (error: unknown) => {
      done();
      if (error instanceof ProtocolError) this.stream.fail(error);
      else this.stream.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  }

  get #isFull(): boolean {
    return this.#unhandled >= MAX_UNHANDLED_FRAMES || this.#unhandledBytes >= WINDOW_BYTES;
  }
}
