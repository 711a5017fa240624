import {
  encodeMessage,
  encodeRun,
  FEATURES,
  packMessages,
  type PresenceFrame,
  type ParsedFrame,
  ProtocolError,
  splitIds,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
} from '@p2p-chat/shared';
import { toWire } from '../chat/message.js';
import { messagesOf, type MessageRun } from '../chat/message-run.js';
import type { LinkHandler, LinkPeer, PeerLink } from '../chat/ports/peer-link.js';
import type { FrameStream, FrameStreamHandler } from './frame-stream.js';

export interface LinkOrigin {
  peer: LinkPeer;
  /** Who dialled: decides which of two simultaneous links stays. */
  outbound: boolean;
  /** Monotonic milliseconds. */
  openedAt: number;
}

/** An open link: frames in and out, and no more unsaved messages in memory than the window. */
export class Link implements PeerLink, FrameStreamHandler {
  readonly peer: LinkPeer;
  /** Whether the peer understands runs, and acks whose ids are one text. */
  readonly #takesRuns: boolean;
  #unsavedMessages = 0;
  #unsavedBytes = 0;
  #byeReason: string | null = null;

  constructor(
    readonly origin: LinkOrigin,
    private readonly stream: FrameStream,
    private readonly handler: LinkHandler,
    private readonly onEnded: (link: Link, error: Error | null, reason: string | null) => void,
  ) {
    this.peer = origin.peer;
    this.#takesRuns = origin.peer.features.includes(FEATURES.run);
  }

  sendRuns(runs: readonly MessageRun[]): void {
    if (this.#takesRuns) return this.stream.sendBytes(...runs.map(encodeRun));
    const messages = runs.flatMap(messagesOf);
    this.stream.sendBytes(...packMessages(messages.map((one) => encodeMessage(toWire(one)))));
  }

  sendAck(ids: string, of?: 'receipt'): void {
    this.stream.send({
      type: 'ack',
      ids: this.#takesRuns ? ids : splitIds(ids),
      ...(of === undefined ? {} : { of }),
    });
  }

  sendReceipt(ids: readonly string[]): void {
    this.stream.send({ type: 'receipt', ids: [...ids], state: 'read' });
  }

  sendReject(id: string, code: string, retryAfterMs?: number): void {
    this.stream.send({ type: 'reject', id, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  }

  sendPresence(presence: Omit<PresenceFrame, 'type'>): void {
    this.stream.send({ type: 'presence', ...presence });
  }

  sendTyping(): void {
    this.stream.send({ type: 'typing' });
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

  onFrame(frame: ParsedFrame): void {
    switch (frame.type) {
      case 'message': {
        const { messages } = frame;
        const bytes = messages.reduce((sum, one) => sum + (one.ok ? one.bytes : 0), 0);
        this.#take(messages.length, bytes, this.handler.onMessages(this, messages));
        break;
      }
      case 'run':
        this.#take(frame.count, frame.bytes, this.handler.onRun(this, frame));
        break;
      case 'ack':
      case 'receipt':
      case 'reject':
      case 'presence':
      case 'typing':
        this.handler.onFrame(this, frame);
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
  #take(count: number, bytes: number, dealt: Promise<void>): void {
    this.#unsavedMessages += count;
    this.#unsavedBytes += bytes;
    if (this.#unsavedMessages >= WINDOW_MESSAGES || this.#unsavedBytes >= WINDOW_BYTES)
      this.stream.hold('window');
    const saved = (): void => {
      this.#unsavedMessages -= count;
      this.#unsavedBytes -= bytes;
      if (this.#unsavedMessages < WINDOW_MESSAGES && this.#unsavedBytes < WINDOW_BYTES)
        this.stream.release('window');
    };
    // What could not be saved was not acked: the sender has it and sends it again.
    dealt.then(saved, saved);
  }
}
