import type { KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { BLOCKS_ALPN_PROTOCOL } from '@p2p-chat/shared';
import type { PeerAddress } from '../core/peers/peer.js';
import { type LinkHandler, type LinkPeer, PeerTransport } from '../core/ports/peer-link.js';
import { AddressWatch } from './address-watch.js';
import { dialOrder } from './dial-order.js';
import { toTransportError, TransportError } from './errors.js';
import { firstToSucceed } from './happy-eyeballs.js';
import { LastGoodAddresses } from './last-good-addresses.js';
import { LinkTable, type LinkTableOptions } from './link-table.js';
import { RefusalLog } from './refusal-log.js';
import { mostTelling } from './most-telling.js';
import { dialTls } from './tls-dialer.js';
import { TlsListener } from './tls-listener.js';
import { peerIdOf, publicKeyOf } from './tls-options.js';

export interface PeerGatewayOptions extends Omit<LinkTableOptions, 'self' | 'onProtocolError'> {
  identity: { peerId: string; keyPem: string; certificatePem: string };
  /** Address to listen on; '' for all. */
  host: string;
  port: number;
  /** Whether a port that is taken may be replaced by a free one after it. */
  portMayMove: boolean;
  /** Is told the key that the far end of a link has proved, right before the link opens. */
  onIdentified: (publicKey: KeyObject) => void;
  /** Takes connections that are for blocks of files. */
  blocks?: { accept(socket: TLSSocket): void };
}

/** Links to peers over TLS 1.3: listens and dials. */
export class PeerGateway extends PeerTransport {
  readonly #refusals: RefusalLog;
  readonly #addresses: AddressWatch;
  readonly #lastGood = new LastGoodAddresses();
  #listener: TlsListener | null = null;
  #links: LinkTable | null = null;
  #port = 0;

  constructor(private readonly options: PeerGatewayOptions) {
    super();
    this.#refusals = new RefusalLog(options.clock, options.logger);
    this.#addresses = new AddressWatch(options.clock);
  }

  async listen(handler: LinkHandler): Promise<number> {
    this.#links = new LinkTable(
      {
        ...this.options,
        self: this.options.identity.peerId,
        onProtocolError: (error, peerId) => this.#refusals.refused(toTransportError(error, peerId), peerId),
      },
      handler,
      () => this.#port,
    );
    this.#listener = new TlsListener({
      ...this.options,
      onSocket: (socket, address) => this.#accept(socket, address),
      onRefused: (error, address) => this.#refusals.refused(error, address),
    });
    this.#port = await this.#listener.start();
    return this.#port;
  }

  async dial(
    peerId: string | null,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<LinkPeer> {
    const existing = peerId === null ? undefined : this.#table.get(peerId);
    if (existing !== undefined) return existing.peer;
    if (addresses.length === 0)
      throw new TransportError('peer-unreachable', 'No address of this peer is known.');
    const { socket, found, address } = await this.#race(peerId, addresses, signal);
    try {
      const { peer } = await this.#establish(socket, found, address.host, true);
      this.#lastGood.set(found, address);
      return peer;
    } catch (error) {
      socket.destroy();
      throw toTransportError(error, address.host);
    }
  }

  async stop(reason: string): Promise<void> {
    this.#listener?.stop();
    await this.#links?.stop(reason);
    this.#addresses.stop();
  }

  /** The first address at which the wanted peer proves itself. */
  async #race(
    peerId: string | null,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<{ socket: TLSSocket; found: string; address: PeerAddress }> {
    const { clock, identity } = this.options;
    const lastGood = peerId === null ? undefined : this.#lastGood.get(peerId);
    try {
      return await firstToSucceed(dialOrder(addresses, lastGood), {
        clock,
        signal,
        attempt: async (address, stop) => {
          const dialled = await dialTls(address, peerId, identity, stop);
          return { socket: dialled.socket, found: dialled.peerId, address };
        },
        discard: ({ socket }) => socket.destroy(),
      });
    } catch (error) {
      throw mostTelling(error instanceof AggregateError ? error.errors : [error]);
    }
  }

  async #accept(socket: TLSSocket, address: string): Promise<void> {
    try {
      const { blocks } = this.options;
      if (blocks !== undefined && socket.alpnProtocol === BLOCKS_ALPN_PROTOCOL) return blocks.accept(socket);
      await this.#establish(socket, peerIdOf(socket), address, false);
    } catch (error) {
      const refusal = toTransportError(error, address);
      this.#refusals.refused(refusal, address);
      // An error frame may still be on its way; the stream closes the socket behind it.
      if (refusal.code !== 'protocol-error' && refusal.code !== 'stranger-refused') throw refusal;
    }
  }

  #establish(socket: TLSSocket, peerId: string, host: string, outbound: boolean) {
    socket.setNoDelay(true);
    this.#addresses.add(socket);
    const key = publicKeyOf(socket);
    return this.#table.establish(socket, peerId, host, outbound, () => this.options.onIdentified(key));
  }

  get #table(): LinkTable {
    if (this.#links === null) throw new Error('listen() comes first');
    return this.#links;
  }
}
