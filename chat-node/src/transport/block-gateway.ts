import type { TLSSocket } from 'node:tls';
import {
  BLOCK_SILENCE_MS,
  BLOCKS_ALPN_PROTOCOL,
  type Clock,
  errorMessage,
  MAX_BLOCK_CONNECTIONS,
  MAX_BLOCK_CONNECTIONS_PER_PEER,
  shortPeerId,
} from '@p2p-chat/shared';
import type { PeerAddress } from '../core/peers/peer.js';
import { type BlockConnection, type BlockHandler, BlockTransport } from '../core/ports/block.transport.js';
import type { ChatLog } from '../core/ports/log.js';
import { BlockClient } from './block-client.js';
import { serveBlocks } from './block-server.js';
import { dialOrder } from './dial-order.js';
import { TransportError } from './errors.js';
import { firstToSucceed } from './happy-eyeballs.js';
import { mostTelling } from './most-telling.js';
import { dialTls } from './tls-dialer.js';
import { peerIdOf } from './tls-options.js';

export interface BlockGatewayOptions {
  identity: { keyPem: string; certificatePem: string };
  clock: Clock;
  logger: ChatLog;
}

/** Connections for blocks over TLS 1.3: what the listener of the links hands over, and those that are dialled. */
export class BlockGateway extends BlockTransport {
  readonly #served = new Map<TLSSocket, string>();
  readonly #clients = new Set<BlockClient>();
  #handler: BlockHandler | null = null;
  #stopped = false;

  constructor(private readonly options: BlockGatewayOptions) {
    super();
  }

  override serve(handler: BlockHandler): void {
    this.#handler = handler;
  }

  /**
   * Serves a connection that came, where its peer may ask for anything.
   * @throws {TransportError} `tls-failed` or `link-limit`; then nothing was sent
   */
  accept(socket: TLSSocket): void {
    const peerId = peerIdOf(socket, BLOCKS_ALPN_PROTOCOL);
    const handler = this.#handler;
    if (handler === null || this.#stopped || !handler.admits(peerId)) {
      socket.destroy();
      throw new TransportError('stranger-refused', 'A stranger asked for blocks of files.');
    }
    const ofPeer = [...this.#served.values()].filter((one) => one === peerId).length;
    if (this.#served.size >= MAX_BLOCK_CONNECTIONS || ofPeer >= MAX_BLOCK_CONNECTIONS_PER_PEER) {
      throw new TransportError('link-limit', 'Too many connections for blocks of files.');
    }
    this.#served.set(socket, peerId);
    socket.setTimeout(BLOCK_SILENCE_MS, () => socket.destroy());
    socket.once('close', () => this.#served.delete(socket));
    serveBlocks(socket, (request, into) => handler.answer(peerId, request, into)).catch((error: unknown) => {
      this.options.logger.debug(
        { peer: shortPeerId(peerId), error: errorMessage(error) },
        'a connection for blocks broke',
      );
      socket.destroy();
    });
  }

  override async open(
    peerId: string,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<BlockConnection> {
    if (this.#stopped || addresses.length === 0) {
      throw new TransportError('peer-unreachable', 'No address of this peer is known.');
    }
    const { clock, identity } = this.options;
    try {
      // Nothing comes before it is asked for.
      let client: BlockClient | null = null;
      const take = (chunk: Buffer): void => client?.take(chunk);
      const socket = await firstToSucceed(dialOrder(addresses, undefined), {
        clock,
        signal,
        attempt: async (address, stop) =>
          (await dialTls(address, peerId, identity, stop, BLOCKS_ALPN_PROTOCOL, { onRead: take })).socket,
        discard: (one) => one.destroy(),
      });
      const opened = new BlockClient(socket);
      client = opened;
      this.#clients.add(opened);
      socket.once('close', () => this.#clients.delete(opened));
      return opened;
    } catch (error) {
      throw mostTelling(error instanceof AggregateError ? error.errors : [error]);
    }
  }

  override stop(): void {
    this.#stopped = true;
    for (const socket of this.#served.keys()) socket.destroy();
    for (const client of this.#clients) client.close();
  }
}
