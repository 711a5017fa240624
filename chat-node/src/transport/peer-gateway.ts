import type { TLSSocket } from 'node:tls';
import {
  type Clock,
  DIAL_STAGGER_MS,
  errorMessage,
  type HelloFrame,
  MAX_LINKS,
  PROTOCOL_VERSION,
  ProtocolError,
  shortPeerId,
  SIMULTANEOUS_DIAL_MS,
} from '@p2p-chat/shared';
import type { PeerAddress } from '../chat/peer.js';
import { type LinkHandler, type LinkPeer, PeerTransport } from '../chat/ports/peer-link.js';
import type { Logger } from '../logger.js';
import { toTransportError, TransportError } from './errors.js';
import { FrameStream } from './frame-stream.js';
import { exchangeHello } from './handshake.js';
import { Link } from './link.js';
import { dialTls } from './tls-dialer.js';
import { TlsListener } from './tls-listener.js';
import { peerIdOf } from './tls-options.js';

export interface PeerGatewayOptions {
  identity: { peerId: string; keyPem: string; certificatePem: string };
  /** Address to listen on; '' for all. */
  host: string;
  port: number;
  portMayMove: boolean;
  user: string;
  agent: string;
  instance: string;
  clock: Clock;
  logger: Logger;
}

/** Links to peers over TLS 1.3: listens, dials, and keeps at most one link for each peer. */
export class PeerGateway extends PeerTransport {
  readonly #links = new Map<string, Link>();
  /** Every link with an open socket, also one that lost to another. */
  readonly #open = new Set<Link>();
  readonly #refusals = new Map<string, number>();
  /** Called when a link's socket is gone. */
  readonly #closed = new Map<Link, () => void>();
  #listener: TlsListener | null = null;
  #handler: LinkHandler | null = null;
  #port = 0;
  #stopping = false;

  constructor(private readonly options: PeerGatewayOptions) {
    super();
  }

  async listen(handler: LinkHandler): Promise<number> {
    this.#handler = handler;
    this.#listener = new TlsListener({
      ...this.options,
      onSocket: (socket, address) => this.#accept(socket, address),
      onRefused: (error, address) => this.#logRefusal(error, address),
    });
    this.#port = await this.#listener.start();
    return this.#port;
  }

  async dial(
    peerId: string | null,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<LinkPeer> {
    const existing = peerId === null ? undefined : this.#links.get(peerId);
    if (existing !== undefined) return existing.peer;
    if (addresses.length === 0)
      throw new TransportError('peer-unreachable', 'No address of this peer is known.');
    const { socket, found, host } = await this.#race(peerId, addresses, signal);
    try {
      return (await this.#establish(socket, found, host, true)).peer;
    } catch (error) {
      socket.destroy();
      throw toTransportError(error, host);
    }
  }

  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    this.#listener?.stop();
    const closed = [...this.#open].map(
      (link) => new Promise<void>((resolve) => this.#closed.set(link, resolve)),
    );
    for (const link of this.#open) link.close(reason);
    await Promise.all(closed);
  }
  /** The first address at which the wanted peer proves itself; later ones start while earlier ones hang (RFC 8305). */
  async #race(
    peerId: string | null,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<{ socket: TLSSocket; found: string; host: string }> {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    let won = false;
    const attempts = addresses.map(async (address, index) => {
      await this.options.clock.sleep(index * DIAL_STAGGER_MS, stop);
      const dialled = await dialTls(address, peerId, this.options.identity, stop);
      if (won) dialled.socket.destroy();
      won = true;
      return { socket: dialled.socket, found: dialled.peerId, host: address.host };
    });
    try {
      return await Promise.any(attempts);
    } catch (error) {
      throw mostTelling(error instanceof AggregateError ? error.errors : [error]);
    } finally {
      over.abort();
    }
  }

  async #accept(socket: TLSSocket, address: string): Promise<void> {
    try {
      await this.#establish(socket, peerIdOf(socket), address, false);
    } catch (error) {
      this.#logRefusal(toTransportError(error, address), address);
      // An error frame may still be on its way; the stream closes the socket behind it.
      if (!(error instanceof TransportError && error.code === 'protocol-error')) throw error;
    }
  }

  async #establish(socket: TLSSocket, peerId: string, host: string, outbound: boolean): Promise<Link> {
    const { clock } = this.options;
    if (this.#stopping) throw new TransportError('aborted', 'The node is stopping.');
    socket.setNoDelay(true);
    if (peerId === this.options.identity.peerId) {
      throw new TransportError('peer-is-self', 'That address is this node itself.');
    }
    const stream = new FrameStream(socket, clock);
    return exchangeHello(stream, this.#hello(), clock, (hello) => {
      const peer: LinkPeer = {
        peerId,
        user: hello.user,
        instance: hello.instance,
        agent: hello.agent,
        address: hello.port === 0 ? null : { host, port: hello.port },
      };
      const link = new Link(
        { peer, outbound, openedAt: clock.monotonic() },
        stream,
        this.#requireHandler(),
        (ended, error, reason) => this.#ended(ended, error, reason),
      );
      this.#open.add(link);
      this.#register(link);
      return link;
    });
  }

  #hello(): HelloFrame {
    const { user, agent, instance } = this.options;
    return {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      user,
      agent,
      instance,
      features: [],
      port: this.#port,
    };
  }

  #register(link: Link): void {
    const existing = this.#links.get(link.peer.peerId);
    if (this.#stopping || (existing === undefined && this.#links.size >= MAX_LINKS)) {
      return link.close(this.#stopping ? 'logout' : 'busy');
    }
    if (existing !== undefined && this.#prefers(existing, link)) return link.close('duplicate');
    this.#links.set(link.peer.peerId, link);
    if (existing !== undefined) {
      existing.close('duplicate');
      this.#requireHandler().onClosed(existing, 'duplicate');
    }
    this.#requireHandler().onOpen(link);
  }

  /**
   * Whether the link that is there stays when another one to the peer opens.
   *
   * Of two that were dialled at the same time the one dialled by the lower
   * peer id stays: both sides come to the same end without a word. Otherwise
   * the new one stays: who dials anew has lost the old link, or is a new start.
   */
  #prefers(existing: Link, added: Link): boolean {
    if (existing.peer.instance !== added.peer.instance) return false;
    if (existing.origin.outbound === added.origin.outbound) return false;
    if (added.origin.openedAt - existing.origin.openedAt > SIMULTANEOUS_DIAL_MS) return false;
    const selfIsLower = this.options.identity.peerId < existing.peer.peerId;
    return existing.origin.outbound === selfIsLower;
  }

  #ended(link: Link, error: Error | null, reason: string | null): void {
    this.#open.delete(link);
    this.#closed.get(link)?.();
    this.#closed.delete(link);
    const { peerId } = link.peer;
    if (error instanceof ProtocolError)
      this.#logRefusal(toTransportError(error, shortPeerId(peerId)), peerId);
    if (this.#links.get(peerId) !== link) return;
    this.#links.delete(peerId);
    this.options.logger.debug(
      { peer: shortPeerId(peerId), reason, ...(error === null ? {} : { error: errorMessage(error) }) },
      'link closed',
    );
    this.#requireHandler().onClosed(link, reason);
  }

  // Once a minute for each address and fault: whoever knocks all day does not fill the disk.
  #logRefusal(error: TransportError, address: string): void {
    const now = this.options.clock.monotonic();
    const key = `${address} ${error.code}`;
    const last = this.#refusals.get(key);
    if (last !== undefined && now - last < REFUSAL_LOG_INTERVAL_MS) return;
    if (this.#refusals.size >= MAX_REFUSALS_REMEMBERED) this.#refusals.clear();
    this.#refusals.set(key, now);
    this.options.logger.warn({ address, code: error.code }, error.message);
  }

  #requireHandler(): LinkHandler {
    if (this.#handler === null) throw new Error('listen() comes first');
    return this.#handler;
  }
}

const REFUSAL_LOG_INTERVAL_MS = 60_000;
const MAX_REFUSALS_REMEMBERED = 1_000;

// Somebody else at an address says more than nobody at another.
const TELLING: TransportError['code'][] = [
  'peer-identity-wrong',
  'peer-refused',
  'protocol-error',
  'peer-is-self',
  'tls-failed',
  'handshake-timeout',
  'peer-unreachable',
];

function mostTelling(errors: unknown[]): TransportError {
  const translated = errors.map((error) => toTransportError(error, 'peer'));
  const rank = ({ code }: TransportError): number => {
    const index = TELLING.indexOf(code);
    return index === -1 ? TELLING.length : index;
  };
  translated.sort((a, b) => rank(a) - rank(b));
  return translated[0] ?? new TransportError('peer-unreachable', 'No address of this peer is known.');
}
