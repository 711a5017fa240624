import {
  encodeMessage,
  packMessages,
  type PresenceFrame,
  type ParsedFrame,
  type ParsedMessage,
  ProtocolError,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
  type WireMessage,
} from '@p2p-chat/shared';
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
  }

  sendMessages(messages: readonly WireMessage[]): void {
    this.stream.sendBytes(...packMessages(messages.map(encodeMessage)));
  }

  sendAck(ids: readonly string[], of?: 'receipt'): void {
    this.stream.send({ type: 'ack', ids: [...ids], ...(of === undefined ? {} : { of }) });
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
      case 'message':
        this.#take(frame.messages);
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

  #take(messages: readonly ParsedMessage[]): void {
    const bytes = messages.reduce((sum, one) => sum + (one.ok ? one.bytes : 0), 0);
    this.#unsavedMessages += messages.length;
    this.#unsavedBytes += bytes;
    if (this.#unsavedMessages >= WINDOW_MESSAGES || this.#unsavedBytes >= WINDOW_BYTES)
      this.stream.hold('window');
    const saved = (): void => {
      this.#unsavedMessages -= messages.length;
      this.#unsavedBytes -= bytes;
      if (this.#unsavedMessages < WINDOW_MESSAGES && this.#unsavedBytes < WINDOW_BYTES)
        this.stream.release('window');
    };
    // What could not be saved was not acked: the sender has it and sends it again.
    this.handler.onMessages(this, messages).then(saved, saved);
  }
}
