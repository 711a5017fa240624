import { P2pChatError } from '../errors.js';
import { MAX_BATCH_BYTES, MAX_JSON_FRAME_BYTES } from './limits.js';

/*
 *  0               4   5
 *  +---------------+---+---------------------+
 *  | length uint32 | k | payload             |
 *  +---------------+---+---------------------+
 *
 * `length` is big endian and counts what follows it: the kind and the payload.
 */

export const FRAME_KIND = { json: 1, batch: 2 } as const;
export type FrameKind = (typeof FRAME_KIND)[keyof typeof FRAME_KIND];

export interface Frame {
  kind: FrameKind;
  payload: Buffer;
}

const LENGTH_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + 1;
const MAX_PAYLOAD: Record<FrameKind, number> = {
  [FRAME_KIND.json]: MAX_JSON_FRAME_BYTES,
  [FRAME_KIND.batch]: MAX_BATCH_BYTES,
};

/** The far end broke the protocol: the link is closed with this code in an `error` frame. */
export class ProtocolError extends P2pChatError {
  declare readonly code: ProtocolErrorCode;
  constructor(code: ProtocolErrorCode, message: string, cause?: unknown) {
    super(code, message, cause === undefined ? {} : { cause });
  }
}
export type ProtocolErrorCode =
  | 'frame-empty'
  | 'frame-too-large'
  | 'frame-kind-unknown'
  | 'frame-malformed'
  | 'frame-stalled'
  | 'batch-malformed'
  | 'operation-malformed'
  /** There are more operations of a roster than any group needs. */
  | 'roster-full'
  | 'signature-wrong'
  | 'hello-expected'
  | 'hello-repeated'
  | 'version-mismatch';

/**
 * One frame as bytes, header and payload together.
 * @throws {ProtocolError} `frame-too-large`
 */
export function encodeFrame(kind: FrameKind, payload: Uint8Array): Buffer {
  if (payload.length > MAX_PAYLOAD[kind]) throw tooLarge(payload.length, kind);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUInt32BE(payload.length + 1, 0);
  bytes.writeUInt8(kind, LENGTH_BYTES);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** One JSON frame from its text, in one allocation. */
export function encodeJsonFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  if (length > MAX_JSON_FRAME_BYTES) throw tooLarge(length, FRAME_KIND.json);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  bytes.writeUInt32BE(length + 1, 0);
  bytes.writeUInt8(FRAME_KIND.json, LENGTH_BYTES);
  bytes.write(text, HEADER_BYTES);
  return bytes;
}

/**
 * Turns a byte stream, cut anywhere, into frames.
 *
 * The header is checked before any of the payload is kept, so a promise of
 * 4 GiB costs nothing. After an error the decoder is done: a stream that lost
 * its place cannot find it again.
 */
export class FrameDecoder {
  #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #kind: FrameKind = FRAME_KIND.json;
  #payload: Buffer | null = null;
  #payloadBytes = 0;

  /** Whether a frame has begun and not ended. */
  get midFrame(): boolean {
    return this.#headerBytes > 0;
  }

  /**
   * Takes the next bytes and gives each frame that they complete. A payload
   * may share memory with `chunk`.
   * @throws {ProtocolError} `frame-empty`, `frame-too-large` or `frame-kind-unknown`
   */
  *push(chunk: Buffer): Generator<Frame, void, void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerBytes < HEADER_BYTES) {
        at += this.#takeHeader(chunk, at);
        if (this.#headerBytes < HEADER_BYTES) return;
      }
      const missing = this.#expected() - this.#payloadBytes;
      const available = chunk.length - at;
      if (this.#payload === null && available >= missing) {
        const payload = chunk.subarray(at, at + missing);
        at += missing;
        yield this.#finish(payload);
        continue;
      }
      this.#payload ??= Buffer.allocUnsafe(this.#expected());
      const taken = chunk.copy(this.#payload, this.#payloadBytes, at, at + Math.min(missing, available));
      this.#payloadBytes += taken;
      at += taken;
      if (taken === missing) yield this.#finish(this.#payload);
    }
    // A frame without payload ends with its header.
    if (this.#headerBytes === HEADER_BYTES && this.#expected() === 0) yield this.#finish(Buffer.alloc(0));
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes >= LENGTH_BYTES) this.#checkHeader();
    return taken;
  }

  #checkHeader(): void {
    const length = this.#header.readUInt32BE(0);
    if (length === 0) throw new ProtocolError('frame-empty', 'A frame holds at least its kind.');
    const largest = Math.max(...Object.values(MAX_PAYLOAD));
    if (length - 1 > largest) throw tooLarge(length - 1, FRAME_KIND.json);
    if (this.#headerBytes < HEADER_BYTES) return;
    const kind = this.#header.readUInt8(LENGTH_BYTES);
    if (!isFrameKind(kind)) throw new ProtocolError('frame-kind-unknown', `No frame has the kind ${kind}.`);
    if (length - 1 > MAX_PAYLOAD[kind]) throw tooLarge(length - 1, kind);
    this.#kind = kind;
  }

  #expected(): number {
    return this.#header.readUInt32BE(0) - 1;
  }

  #finish(payload: Buffer): Frame {
    this.#headerBytes = 0;
    this.#payload = null;
    this.#payloadBytes = 0;
    return { kind: this.#kind, payload };
  }
}

function isFrameKind(kind: number): kind is FrameKind {
  return kind === FRAME_KIND.json || kind === FRAME_KIND.batch;
}

function tooLarge(length: number, kind: FrameKind): ProtocolError {
  return new ProtocolError(
    'frame-too-large',
    `A frame of kind ${kind} holds at most ${MAX_PAYLOAD[kind]} bytes, this one ${length}.`,
  );
}
