import type { OnReadOpts } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { ALPN_PROTOCOL, HANDSHAKE_TIMEOUT_MS, shortPeerId } from '@p2p-chat/shared';
import type { PeerAddress } from '../core/peers/peer.js';
import { toTransportError, TransportError } from './errors.js';
import { peerIdOf, type Purpose, tlsOptions } from './tls-options.js';
import { usableLookup } from './usable-lookup.js';

/** What TLS hands over at a time is a record of 16 KiB at most. */
const READ_BYTES = 64 * 1024;

/**
 * Opens a TLS connection and makes sure who is at its far end before anything
 * is sent.
 *
 * @param peerId who must be there; null for anybody
 * @param purpose what the connection is for
 * @param onRead takes what comes, each time in the same memory, in place of the event `data`
 * @param groups the key exchange to offer, where it is not Node's own choice
 * @returns the socket and the peer id of its key
 * @throws {TransportError} `peer-unreachable`, `peer-identity-wrong`,
 *   `tls-failed`, `handshake-timeout` or `aborted`
 */
export function dialTls(
  address: PeerAddress,
  peerId: string | null,
  identity: { keyPem: string; certificatePem: string },
  signal: AbortSignal,
  purpose: Purpose = ALPN_PROTOCOL,
  { onRead, groups }: { onRead?: (chunk: Buffer) => void; groups?: string } = {},
): Promise<{ socket: TLSSocket; peerId: string }> {
  const where = formatAddress(address);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted());
    // An address without a peer was typed in by a person; all others are somebody's word.
    const lookup = peerId === null ? {} : { lookup: usableLookup() };
    const socket = connect({
      ...tlsOptions(identity, [purpose]),
      ...(groups === undefined ? {} : { ecdhCurve: groups }),
      host: address.host,
      port: address.port,
      ...lookup,
      ...(onRead === undefined ? {} : { onread: readInto(onRead) }),
    });
    const fail = (error: TransportError): void => {
      cleanUp();
      // A late error of a socket that was given up has nobody to tell.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(aborted());
    const onError = (error: Error): void => fail(toTransportError(error, where));
    const onClose = (): void =>
      fail(new TransportError('tls-failed', `${where} closed the connection during the TLS handshake.`));
    const onTimeout = (): void =>
      fail(new TransportError('handshake-timeout', `${where} did not answer in time.`));
    const cleanUp = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off('timeout', onTimeout).setTimeout(0);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, onTimeout);
    socket.on('error', onError).on('close', onClose);
    socket.once('secureConnect', () => {
      try {
        const found = peerIdOf(socket, purpose);
        if (peerId !== null && found !== peerId) throw wrongPeer(where, peerId, found);
        cleanUp();
        resolve({ socket, peerId: found });
      } catch (error) {
        fail(toTransportError(error, where));
      }
    });
  });
}

/** One buffer for all that comes: a new one for each read is garbage by the megabyte. */
function readInto(onRead: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer: new Uint8Array(READ_BYTES),
    callback: (length, memory) => {
      onRead(Buffer.from(memory.buffer, memory.byteOffset, length));
      return true;
    },
  };
}

/** `host:port`, with brackets around an IPv6 address (RFC 3986). */
export function formatAddress({ host, port }: PeerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function wrongPeer(where: string, wanted: string, found: string): TransportError {
  return new TransportError(
    'peer-identity-wrong',
    `${where} answers as ${shortPeerId(found)}, not as ${shortPeerId(wanted)}.`,
    { hint: 'Nothing was sent. Another person may use that address now.' },
  );
}

function aborted(): TransportError {
  return new TransportError('aborted', 'The attempt was given up.');
}
