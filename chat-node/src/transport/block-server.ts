import type { Duplex } from 'node:stream';
import {
  BLOCK_BYTES,
  type BlockRequest,
  BlockRequestDecoder,
  encodeAnswerHeader,
  errorMessage,
  MAX_BLOCK_REQUESTS,
  ProtocolError,
} from '@p2p-chat/shared';

/** Blocks that are read, or on their way to the wire. */
const READ_AHEAD = 4;

/**
 * Answers the requests of a stream in their order, until it ends. What the far
 * end does not read is not read from the disk either.
 * @throws {ProtocolError} where it asks for more than it may at a time, or for nonsense
 */
export async function serveBlocks(
  stream: Duplex,
  answer: (request: BlockRequest, into: Uint8Array<ArrayBuffer>) => Promise<Uint8Array | null>,
): Promise<void> {
  const decoder = new BlockRequestDecoder();
  const waiting: BlockRequest[] = [];
  const reading: { read: Promise<Uint8Array | null>; buffer: Uint8Array<ArrayBuffer> }[] = [];
  /** Buffers that nothing is read into and nothing is sent from. */
  const free: Uint8Array<ArrayBuffer>[] = [];
  let buffers = 0;
  let wake: (() => void) | null = null;
  let failure: Error | null = null;
  let ended = false;
  const notify = (): void => {
    wake?.();
    wake = null;
  };
  const end = (error?: Error): void => {
    ended = true;
    failure ??= error ?? null;
    // It may be the disk that is waited for; the far end is rid of at once.
    if (failure !== null) stream.destroy();
    notify();
  };
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const request of decoder.push(chunk)) {
        if (waiting.length + reading.length >= MAX_BLOCK_REQUESTS) {
          throw new ProtocolError('frame-too-large', 'It asks for more blocks at a time than it may.');
        }
        waiting.push(request);
      }
      notify();
    } catch (error) {
      end(error instanceof Error ? error : new Error(errorMessage(error)));
    }
  });
  stream.on('end', () => end());
  stream.on('close', () => end());
  stream.on('error', (error) => end(error));
  stream.on('drain', notify);
  const changed = (): Promise<void> => new Promise((resolve) => (wake = resolve));

  while (!ended) {
    while (waiting.length > 0 && (free.length > 0 || buffers < READ_AHEAD)) {
      if (free.length === 0) buffers += 1;
      const buffer = free.pop() ?? new Uint8Array(BLOCK_BYTES);
      // One that fails is answered as what is not there.
      const read = answer(waiting.shift() as BlockRequest, buffer).catch(() => null);
      reading.push({ read, buffer });
    }
    const next = reading[0];
    if (next === undefined) {
      await changed();
      continue;
    }
    const payload = await next.read;
    reading.shift();
    const isSent = (): void => {
      free.push(next.buffer);
      notify();
    };
    if (!write(stream, payload, isSent)) while (!ended && stream.writableNeedDrain) await changed();
  }
  if (failure !== null) throw failure as Error;
  stream.end();
}

/** @param isSent is called when the payload is not needed any more */
function write(stream: Duplex, payload: Uint8Array | null, isSent: () => void): boolean {
  if (payload === null) return stream.write(encodeAnswerHeader('absent', 0), isSent);
  stream.cork();
  stream.write(encodeAnswerHeader('here', payload.length));
  const goesOn = stream.write(payload, isSent);
  stream.uncork();
  return goesOn;
}
