import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import {
  ALPN_PROTOCOL,
  BLOCKS_ALPN_PROTOCOL,
  Descriptors,
  errorCode,
  errorMessage,
  HANDSHAKE_TIMEOUT_MS,
  plainAddress,
} from '@p2p-chat/shared';
import { toTransportError, TransportError } from './errors.js';
import { tlsOptions } from './tls-options.js';
import { UnauthenticatedConnections } from './unauthenticated.js';

export interface TlsListenerOptions {
  identity: { keyPem: string; certificatePem: string };
  /** Address to listen on; '' for all. */
  host: string;
  port: number;
  /** Whether a port that is taken may be replaced by a free one after it. */
  portMayMove: boolean;
  /**
   * A connection whose TLS handshake is done. The promise settles when its
   * hello is done as well: until then it counts as unauthenticated.
   */
  onSocket: (socket: TLSSocket, address: string) => Promise<void>;
  /** Whether few files and connections may be opened any more. */
  descriptors?: Pick<Descriptors, 'areScarce'>;
  /** A connection that came to nothing, for the log. */
  onRefused: (error: TransportError, address: string) => void;
}

// How many ports after a taken one are tried before any free one is taken.
const PORTS_TO_TRY = 20;

/** The listening end of the gateway: accepts, bounds and hands on. */
export class TlsListener {
  readonly #waiting = new UnauthenticatedConnections();
  /** By {@link connectionKey}: what gives the place of a connection back. */
  readonly #places = new Map<string, { socket: Socket; leave: () => void }>();
  #server: Server | null = null;
  readonly #descriptors: Pick<Descriptors, 'areScarce'>;

  constructor(private readonly options: TlsListenerOptions) {
    this.#descriptors = options.descriptors ?? new Descriptors();
  }

  /**
   * @returns the port
   * @throws {TransportError} `port-taken` or `port-forbidden`
   */
  async start(): Promise<number> {
    const { host, port, portMayMove } = this.options;
    const candidates = portMayMove && port !== 0 ? [...nextPorts(port), 0] : [port];
    for (const candidate of candidates) {
      try {
        return await this.#listen(candidate);
      } catch (error) {
        if (errorCode(error) === 'EADDRINUSE' && candidate !== candidates.at(-1)) continue;
        throw listenError(error, { host, port: candidate });
      }
    }
    throw listenError(undefined, { host, port });
  }

  /** Stops accepting and drops whoever has not said hello. */
  stop(): void {
    this.#server?.close();
    for (const { socket } of this.#places.values()) socket.destroy();
  }

  #listen(port: number): Promise<number> {
    const server = createServer({
      ...tlsOptions(this.options.identity, [ALPN_PROTOCOL, BLOCKS_ALPN_PROTOCOL]),
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('secureConnection', (socket) => this.#identified(socket));
    server.on('tlsClientError', (error: Error, socket) => {
      const address = plainAddress(socket.remoteAddress ?? 'unknown');
      this.options.onRefused(toTransportError(error, address), address);
      socket.destroy();
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(this.options.host === '' ? {} : { host: this.options.host }) }, () => {
        server.off('error', reject);
        server.on('error', (error) =>
          this.options.onRefused(toTransportError(error, 'listener'), 'listener'),
        );
        this.#server = server;
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  // Runs before the TLS handshake: a connection too many costs no cryptography.
  #admit(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? 'unknown');
    if (this.#descriptors.areScarce) this.#turnAwayOldest();
    if (!this.#waiting.enter(address)) {
      socket.destroy();
      this.options.onRefused(
        new TransportError('link-limit', 'Too many connections that have not said hello.'),
        address,
      );
      return;
    }
    const key = connectionKey(socket);
    const leave = (): void => {
      if (this.#places.delete(key)) this.#waiting.leave(address);
    };
    this.#places.set(key, { socket, leave });
    socket.once('close', leave);
  }

  // A peer says hello at once: who waits longest is least likely to be one.
  #turnAwayOldest(): void {
    const [oldest] = this.#places.values();
    if (oldest === undefined) return;
    oldest.leave();
    oldest.socket.destroy();
  }

  #identified(socket: TLSSocket): void {
    const place = this.#places.get(connectionKey(socket));
    this.options.onSocket(socket, plainAddress(socket.remoteAddress ?? 'unknown')).then(
      () => place?.leave(),
      () => socket.destroy(),
    );
  }
}

// The same for a TCP connection and the TLS socket on top of it.
function connectionKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

function* nextPorts(first: number): Generator<number> {
  for (let port = first; port < Math.min(first + PORTS_TO_TRY, 65_536); port += 1) yield port;
}

// What the system says of an address that is not its own: the second where the
// zone is that of no interface, the last two where it has no IPv6.
const NOT_OWN_ADDRESS = new Set(['EADDRNOTAVAIL', 'EINVAL', 'EAFNOSUPPORT', 'ENODEV']);

function listenError(error: unknown, { host, port }: { host: string; port: number }): TransportError {
  const code = errorCode(error) ?? '';
  if (code === 'EACCES') {
    return new TransportError('port-forbidden', `Port ${port} may not be listened on by this user.`, {
      hint: 'Choose one above 1023 with P2P_CHAT_PORT.',
      cause: error,
    });
  }
  if (NOT_OWN_ADDRESS.has(code) && host !== '') {
    return new TransportError(
      'port-forbidden',
      `P2P_CHAT_HOST is ${host}, which is no address of this machine.`,
      { hint: 'Leave it unset to listen on all addresses.', cause: error },
    );
  }
  if (code === 'EADDRINUSE') {
    return new TransportError('port-taken', `Port ${port} is taken by another program.`, {
      hint: 'Choose another with P2P_CHAT_PORT, or leave it unset to take the next free one.',
      cause: error,
    });
  }
  return new TransportError(
    'port-forbidden',
    `Port ${port} cannot be listened on (${errorMessage(error)}).`,
    { hint: 'Choose another with P2P_CHAT_PORT.', cause: error },
  );
}
