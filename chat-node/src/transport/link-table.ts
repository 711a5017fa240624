import type { Duplex } from 'node:stream';
import {
  type Clock,
  Descriptors,
  errorMessage,
  type HelloFrame,
  MAX_LINKS,
  PROTOCOL_VERSION,
  ProtocolError,
  shortPeerId,
  SIMULTANEOUS_DIAL_MS,
} from '@p2p-chat/shared';
import type { LinkHandler, LinkPeer } from '../core/ports/peer-link.js';
import type { Logger } from '../runtime/logger.js';
import { TransportError } from './errors.js';
import { FrameStream } from './frame-stream.js';
import { exchangeHello } from './handshake.js';
import { Link } from './link.js';

export interface LinkTableOptions {
  /** Own peer id. */
  self: string;
  /** The name for the hello of a new link. */
  user: string | (() => string);
  agent: string;
  instance: string;
  clock: Clock;
  logger: Logger;
  /** There is no link to the peer any more. */
  onGone: (peerId: string) => void;
  /** A peer broke the protocol on an open link. */
  onProtocolError: (error: ProtocolError, peerId: string) => void;
}

/** The links that are open, over whatever stream: says hello, and keeps at most one for each peer. */
export class LinkTable {
  readonly #byPeer = new Map<string, Link>();
  /** Every link with an open stream, also one that lost to another; what is called when it is gone. */
  readonly #open = new Map<Link, () => void>();
  #stopping = false;
  readonly #descriptors = new Descriptors();

  constructor(
    private readonly options: LinkTableOptions,
    private readonly handler: LinkHandler,
    /** Port of our own gateway, for the hello. */
    private readonly port: () => number,
  ) {}

  /** The open link to a peer. */
  get(peerId: string): Link | undefined {
    return this.#byPeer.get(peerId);
  }

  /**
   * Makes a link of a stream whose far end has been identified.
   * @param host address of the far end
   * @param learn is called right before the link opens
   * @throws {TransportError} as {@link exchangeHello}, `peer-is-self`,
   *   `stranger-refused` or `aborted`
   */
  async establish(
    stream: Duplex,
    peerId: string,
    host: string,
    outbound: boolean,
    learn: () => void,
  ): Promise<Link> {
    if (this.#stopping) throw new TransportError('aborted', 'The node is stopping.');
    if (peerId === this.options.self)
      throw new TransportError('peer-is-self', 'That address is this node itself.');
    const { clock } = this.options;
    const frames = new FrameStream(stream, clock);
    if (!outbound && !this.handler.admits(peerId)) throw refuseStranger(frames, host);
    return exchangeHello(frames, this.#hello(), clock, (hello) => {
      const link = new Link(
        { peer: toPeer(peerId, host, hello), outbound, openedAt: clock.monotonic() },
        frames,
        this.handler,
        (ended, error, reason) => this.#ended(ended, error, reason),
      );
      learn();
      this.#register(link);
      return link;
    });
  }

  /** Says bye on every link and waits until all are closed. */
  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    const closed = [...this.#open.keys()].map(
      (link) => new Promise<void>((resolve) => this.#open.set(link, resolve)),
    );
    for (const link of this.#open.keys()) link.close(reason);
    await Promise.all(closed);
  }

  #hello(): HelloFrame {
    const { user, agent, instance } = this.options;
    return {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      user: typeof user === 'string' ? user : user(),
      agent,
      instance,
      port: this.port(),
    };
  }

  #register(link: Link): void {
    this.#open.set(link, () => undefined);
    const { peerId } = link.peer;
    const existing = this.#byPeer.get(peerId);
    if (this.#stopping) return link.close('logout');
    if (existing === undefined && !this.#hasRoomFor(peerId)) {
      this.options.onGone(peerId);
      return link.close('busy');
    }
    if (existing !== undefined && this.#prefers(existing, link))
      return void this.#keepIfAlive(existing, link);
    if (existing !== undefined) this.#giveUp(existing);
    this.#byPeer.set(peerId, link);
    this.handler.onOpen(link);
  }

  /** The link makes way for another one to its peer: it no longer counts, whenever it ends. */
  #giveUp(link: Link): void {
    if (this.#byPeer.get(link.peer.peerId) !== link) return;
    this.#byPeer.delete(link.peer.peerId);
    link.close('duplicate');
    this.handler.onClosed(link, 'duplicate');
  }

  // However many strangers come, none of them keeps a contact out.
  #hasRoomFor(peerId: string): boolean {
    const isFull = this.#byPeer.size >= MAX_LINKS;
    if (!isFull && !this.#descriptors.areScarce) return true;
    if (!this.handler.prefers(peerId)) return false;
    for (const [stranger, link] of this.#byPeer) {
      if (this.handler.prefers(stranger)) continue;
      this.#byPeer.delete(stranger);
      link.close('busy');
      this.handler.onClosed(link, 'busy');
      this.options.onGone(stranger);
      return true;
    }
    return !isFull;
  }

  // The far end may have lost the existing one without a word, for example with
  // its address; then it does not know of two, and the new one is all it has.
  async #keepIfAlive(existing: Link, added: Link): Promise<void> {
    added.wait();
    const alive = await existing.isAlive();
    added.goOn();
    if (alive) return added.close('duplicate');
    if (!this.#open.has(added)) return;
    // One that is closing is not alive and not gone either: it would be asked again without end.
    this.#giveUp(existing);
    this.#register(added);
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
    const selfIsLower = this.options.self < existing.peer.peerId;
    return existing.origin.outbound === selfIsLower;
  }

  #ended(link: Link, error: Error | null, reason: string | null): void {
    const closed = this.#open.get(link);
    this.#open.delete(link);
    closed?.();
    const { peerId } = link.peer;
    if (error instanceof ProtocolError) this.options.onProtocolError(error, peerId);
    if (this.#byPeer.get(peerId) !== link) return;
    this.#byPeer.delete(peerId);
    const fault = error === null ? {} : { error: errorMessage(error) };
    this.options.logger.debug({ peer: shortPeerId(peerId), reason, ...fault }, 'link closed');
    this.handler.onClosed(link, reason);
    this.options.onGone(peerId);
  }
}

/** Says why, and closes once that has left. */
function refuseStranger(frames: FrameStream, host: string): TransportError {
  frames.start({ onFrame: () => undefined, onEnd: () => undefined });
  frames.close({ type: 'error', code: 'contacts-only', detail: 'This node takes links of contacts only.' });
  return new TransportError('stranger-refused', `A stranger at ${host} was refused.`);
}

function toPeer(peerId: string, host: string, { user, instance, agent, port }: HelloFrame): LinkPeer {
  return { peerId, user, instance, agent, address: port === 0 ? null : { host, port } };
}
