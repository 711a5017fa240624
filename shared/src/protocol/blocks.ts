import { base32, bytesOfBase32, bytesOfHex, hex } from './batch.js';
import { ProtocolError } from './frame.js';

/*
 * A connection for blocks carries requests one way and their answers, in the
 * order of the requests, the other.
 *
 *  0   1              33         65        69
 *  +---+--------------+----------+---------+
 *  | k | conversation | root     | index   |      request
 *  +---+--------------+----------+---------+
 *  | s | length uint32 | payload |                answer
 *  +---+---------------+---------+
 *  0   1               5
 */

/** What is asked for: the hashes of all blocks, one block, or nothing: the asker has the whole file. */
export const BLOCK_REQUEST = { hashes: 1, block: 2, done: 3 } as const;
/** `here`: the payload is what was asked for. `absent`: it is not to be had here, whatever the reason. */
export const BLOCK_ANSWER = { here: 0, absent: 1 } as const;

export interface BlockRequest {
  kind: 'hashes' | 'block' | 'done';
  /** A conversation of both ends that has the file. */
  conversation: string;
  /** Of the file. */
  root: string;
  /** Of the block; 0 for the other kinds. */
  index: number;
}

const ID_BYTES = 32;
const INDEX_AT = 1 + 2 * ID_BYTES;
export const BLOCK_REQUEST_BYTES = INDEX_AT + 4;
export const BLOCK_ANSWER_HEADER_BYTES = 5;

/** A request as bytes. */
export function encodeBlockRequest({ kind, conversation, root, index }: BlockRequest): Uint8Array {
  const bytes = new Uint8Array(BLOCK_REQUEST_BYTES);
  bytes[0] = BLOCK_REQUEST[kind];
  bytes.set(bytesOfBase32(conversation), 1);
  bytes.set(bytesOfHex(root), 1 + ID_BYTES);
  new DataView(bytes.buffer).setUint32(INDEX_AT, index);
  return bytes;
}

/** The header of an answer as bytes. @param length of the payload, 0 where it is absent */
export function encodeAnswerHeader(answer: keyof typeof BLOCK_ANSWER, length: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_ANSWER_HEADER_BYTES);
  bytes[0] = BLOCK_ANSWER[answer];
  new DataView(bytes.buffer).setUint32(1, length);
  return bytes;
}

/** Takes requests out of a stream of bytes, however it is cut. */
export class BlockRequestDecoder {
  #rest = new Uint8Array(0);

  /** @throws {ProtocolError} `frame-kind-unknown` */
  *push(chunk: Uint8Array): Generator<BlockRequest, void, void> {
    const bytes = new Uint8Array(this.#rest.length + chunk.length);
    bytes.set(this.#rest);
    bytes.set(chunk, this.#rest.length);
    this.#rest = bytes.slice(bytes.length - (bytes.length % BLOCK_REQUEST_BYTES));
    for (let at = 0; bytes.length - at >= BLOCK_REQUEST_BYTES; at += BLOCK_REQUEST_BYTES) {
      yield decode(bytes.subarray(at, at + BLOCK_REQUEST_BYTES));
    }
  }
}

function decode(bytes: Uint8Array): BlockRequest {
  const [kind] = Object.entries(BLOCK_REQUEST).find(([, code]) => code === bytes[0]) ?? [];
  if (kind === undefined) {
    throw new ProtocolError('frame-kind-unknown', `There is no request of kind ${bytes[0]}.`);
  }
  return {
    kind: kind as BlockRequest['kind'],
    conversation: base32(bytes.subarray(1, 1 + ID_BYTES)),
    root: hex(bytes.subarray(1 + ID_BYTES, INDEX_AT)),
    index: new DataView(bytes.buffer, bytes.byteOffset).getUint32(INDEX_AT),
  };
}

/** An answer that is to come. */
export interface AwaitedAnswer {
  /** Bytes of its payload, where it is not absent. */
  length: number;
  /** Where the payload goes; it is as large at least. Without it, a new buffer. */
  into?: Uint8Array<ArrayBuffer>;
}

/** Takes the answers to requests out of a stream of bytes, however it is cut. */
export class BlockAnswerDecoder {
  readonly #header = new Uint8Array(BLOCK_ANSWER_HEADER_BYTES);
  #headerBytes = 0;
  #payload: Uint8Array<ArrayBuffer> | null = null;
  #filled = 0;

  /** @param awaited the next answer; null where none is: nothing else is ever allocated */
  constructor(private readonly awaited: () => AwaitedAnswer | null) {}

  /**
   * @returns for each answer its payload, null where it is absent
   * @throws {ProtocolError} `frame-malformed`, `frame-too-large`
   */
  *push(chunk: Uint8Array): Generator<Uint8Array<ArrayBuffer> | null, void, void> {
    for (let at = 0; at < chunk.length;) {
      if (this.#payload === null) {
        const taken = Math.min(BLOCK_ANSWER_HEADER_BYTES - this.#headerBytes, chunk.length - at);
        this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
        this.#headerBytes += taken;
        at += taken;
        if (this.#headerBytes < BLOCK_ANSWER_HEADER_BYTES) return;
        this.#headerBytes = 0;
        const length = this.#length();
        if (length === null) {
          yield null;
          continue;
        }
        this.#payload = this.awaited()?.into?.subarray(0, length) ?? new Uint8Array(length);
        this.#filled = 0;
      } else {
        const taken = Math.min(this.#payload.length - this.#filled, chunk.length - at);
        this.#payload.set(chunk.subarray(at, at + taken), this.#filled);
        this.#filled += taken;
        at += taken;
      }
      if (this.#filled < this.#payload.length) continue;
      const whole = this.#payload;
      this.#payload = null;
      yield whole;
    }
  }

  /** The length in the header; null for an absent one. */
  #length(): number | null {
    const expected = this.awaited()?.length ?? null;
    const [answer] = this.#header;
    const length = new DataView(this.#header.buffer).getUint32(1);
    if (expected === null) throw new ProtocolError('frame-malformed', 'It answers what was not asked.');
    if (answer === BLOCK_ANSWER.absent && length === 0) return null;
    if (answer !== BLOCK_ANSWER.here) {
      throw new ProtocolError('frame-malformed', `There is no answer of kind ${answer}.`);
    }
    if (length !== expected) {
      throw new ProtocolError('frame-too-large', `The answer has ${length} bytes, not ${expected}.`);
    }
    return length;
  }
}
