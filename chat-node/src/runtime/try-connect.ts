import { connect } from 'node:net';

/**
 * Opens a TCP connection and closes it again.
 * @param host a name or an address; of the addresses of a name, the first that answers
 * @throws what the system said, or `ETIMEDOUT`
 */
export function tryConnect(
  { host, port }: { host: string; port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const patience = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal: AbortSignal.any([signal, patience]) });
    socket.once('connect', () => {
      resolve();
      socket.destroy();
    });
    socket.on('error', (error) => {
      const late = Object.assign(new Error('no answer', { cause: error }), { code: 'ETIMEDOUT' });
      reject(patience.aborted ? late : error);
    });
  });
}
