import type { Duplex } from 'node:stream';
import {
  type AwaitedAnswer,
  BLOCK_SILENCE_MS,
  BlockAnswerDecoder,
  type BlockRequest,
  encodeBlockRequest,
  errorMessage,
} from '@p2p-chat/shared';
import type { BlockConnection } from '../core/ports/block.transport.js';
import { TransportError } from './errors.js';

interface Waiting extends AwaitedAnswer {
  resolve: (payload: Uint8Array<ArrayBuffer> | null) => void;
  reject: (error: TransportError) => void;
}

/** Asks for blocks over a stream whose far end has been identified. */
export class BlockClient implements BlockConnection {
  readonly #waiting: Waiting[] = [];
  readonly #decoder = new BlockAnswerDecoder(() => this.#waiting[0] ?? null);
  #ended: TransportError | null = null;

  constructor(private readonly stream: Duplex & { setTimeout?: (ms: number, late: () => void) => unknown }) {
    stream.on('error', (error: Error) => this.#end(errorMessage(error)));
    stream.on('close', () => this.#end('it was closed'));
    stream.setTimeout?.(BLOCK_SILENCE_MS, () => this.#end('nothing came for a while'));
  }

  request(
    request: BlockRequest,
    length: number,
    into?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ length, ...(into === undefined ? {} : { into }), resolve, reject });
      this.stream.write(encodeBlockRequest(request));
    });
  }

  close(): void {
    this.#end('it is over');
  }

  /** Takes what has come over the stream; the memory is free again afterwards. */
  take(chunk: Uint8Array): void {
    try {
      for (const payload of this.#decoder.push(chunk)) this.#waiting.shift()?.resolve(payload);
    } catch (error) {
      this.#end(errorMessage(error));
    }
  }

  #end(reason: string): void {
    if (this.#ended !== null) return;
    this.#ended = new TransportError('peer-unreachable', `The connection for blocks broke: ${reason}.`);
    this.stream.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}
