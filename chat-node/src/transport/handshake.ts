import { type Clock, HANDSHAKE_TIMEOUT_MS, type HelloFrame, ProtocolError } from '@p2p-chat/shared';
import { TransportError } from './errors.js';
import type { FrameStream, FrameStreamHandler } from './frame-stream.js';

/**
 * Exchanges hellos over a stream whose far end has been identified: sends
 * ours, waits for theirs.
 *
 * @param open makes what takes over the stream; called in the same turn, so
 *   that a frame right behind their hello is not lost
 * @returns what `open` made
 * @throws {TransportError} `handshake-timeout`, `peer-refused`,
 *   `peer-unreachable`, or `protocol-error` with the ProtocolError as cause
 */
export function exchangeHello<T extends FrameStreamHandler>(
  stream: FrameStream,
  hello: HelloFrame,
  clock: Clock,
  open: (theirs: HelloFrame) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      reject(new TransportError('handshake-timeout', 'The far end did not say hello in time.'));
      stream.destroy();
    }, HANDSHAKE_TIMEOUT_MS);
    stream.start({
      onFrame: (frame) => {
        if (frame.type === 'hello') {
          timer.clear();
          const opened = open(frame);
          stream.handOver(opened);
          resolve(opened);
        } else if (frame.type === 'error') {
          reject(new TransportError('peer-refused', `The far end refused: ${frame.detail} (${frame.code})`));
          stream.close();
        } else if (frame.type === 'bye') {
          reject(new TransportError('peer-refused', `The far end left: ${frame.reason}`));
          stream.close();
        } else {
          stream.fail(new ProtocolError('hello-expected', `The first frame is a hello, not ${frame.type}.`));
        }
      },
      onEnd: (error) => {
        timer.clear();
        reject(endedEarly(error));
      },
    });
    stream.send(hello);
  });
}

function endedEarly(error: Error | null): TransportError {
  if (error instanceof ProtocolError)
    return new TransportError('protocol-error', error.message, { cause: error });
  return new TransportError('peer-unreachable', 'The far end closed the link before its hello.', {
    cause: error,
  });
}
