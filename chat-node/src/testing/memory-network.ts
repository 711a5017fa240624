import type { Clock, DiscoverySourceView, ProtocolError } from '@p2p-chat/shared';
import { memoryDuplexPair, type MemoryLine } from '@p2p-chat/shared/testing';
import type { PeerAddress } from '../core/peers/peer.js';
import { type DiscoverySink, PeerDiscovery, type SelfAnnouncement } from '../core/ports/peer-discovery.js';
import { type LinkHandler, type LinkPeer, PeerTransport } from '../core/ports/peer-link.js';
import { TransportError } from '../transport/errors.js';
import { LinkTable } from '../transport/link-table.js';
import { recordingLogger } from './recording-logger.js';

interface Line {
  between: readonly [string, string];
  line: MemoryLine;
}

/**
 * A network in memory: nodes find and dial each other by peer id, over the
 * real framing, handshake and link table. Tests cut, block and heal its lines.
 */
export class MemoryNetwork {
  /** Who ended a link because of what the far end said. */
  readonly refusals: { by: string; of: string; error: ProtocolError }[] = [];
  readonly #transports = new Map<string, MemoryTransport>();
  readonly #sinks = new Map<string, DiscoverySink>();
  readonly #announced = new Map<string, SelfAnnouncement>();
  #lines: Line[] = [];
  #down = false;

  constructor(readonly clock: Clock) {}

  /** The transport and discovery of one start of a node. */
  node(
    peerId: string,
    user: string,
    instance: string,
  ): { transport: MemoryTransport; discovery: PeerDiscovery } {
    return {
      transport: new MemoryTransport(this, { self: peerId, user, instance }),
      discovery: new MemoryDiscovery(this, peerId),
    };
  }

  /** Breaks every line; both ends notice. */
  cut(): void {
    for (const { line } of this.#lines.splice(0)) line.cut();
  }

  /** From now on no line carries anything and nobody can be dialled. */
  takeDown(mode: 'block' | 'drop'): void {
    this.#down = true;
    for (const { line } of this.#lines) line[mode]();
  }

  /** Ends {@link takeDown}. */
  heal(): void {
    this.#down = false;
    for (const { line } of this.#lines) line.heal();
  }

  /** The node is gone as by SIGKILL: its lines break, its announcement stays. */
  crash(peerId: string): void {
    this.#transports.get(peerId)?.crash();
    this.#transports.delete(peerId);
    this.#sinks.delete(peerId);
    const [gone, left] = [
      this.#lines.filter(touches(peerId)),
      this.#lines.filter((one) => !touches(peerId)(one)),
    ];
    this.#lines = left;
    for (const { line } of gone) line.cut();
  }

  listening(peerId: string, transport: MemoryTransport): void {
    this.#transports.set(peerId, transport);
  }

  announce(peerId: string, self: SelfAnnouncement, sink: DiscoverySink): void {
    this.#announced.set(peerId, self);
    this.#sinks.set(peerId, sink);
    this.#tellAll();
  }

  withdraw(peerId: string): void {
    this.#announced.delete(peerId);
    this.#sinks.delete(peerId);
    this.#transports.delete(peerId);
    this.#tellAll();
  }

  /** A new line from one node to another; null where nobody is there. */
  connect(from: string, to: string) {
    const target = this.#transports.get(to);
    if (target === undefined || this.#down) return null;
    const pair = memoryDuplexPair();
    this.#lines.push({ between: [from, to], line: pair.line });
    target.accept(pair.b, from);
    return pair.a;
  }

  #tellAll(): void {
    const sightings = [...this.#announced].map(([peerId, { user, instance, port }]) => ({
      source: 'memory',
      peerId,
      user,
      instance,
      seq: 1,
      addresses: [{ host: peerId, port }],
    }));
    for (const sink of this.#sinks.values()) sink.replace('memory', sightings);
  }
}

const touches =
  (peerId: string) =>
  ({ between }: Line): boolean =>
    between.includes(peerId);

class MemoryDiscovery extends PeerDiscovery {
  constructor(
    private readonly network: MemoryNetwork,
    private readonly peerId: string,
  ) {
    super();
  }
  start(self: SelfAnnouncement, sink: DiscoverySink): void {
    this.network.announce(this.peerId, self, sink);
  }
  async stop(): Promise<void> {
    this.network.withdraw(this.peerId);
  }
  health(): DiscoverySourceView[] {
    return [{ source: 'memory', state: 'ok', detail: '' }];
  }
  refresh(): void {
    // Everything is known at once.
  }
}

const PORT = 1;

export class MemoryTransport extends PeerTransport {
  #table: LinkTable | null = null;
  #alive = true;

  constructor(
    private readonly network: MemoryNetwork,
    private readonly self: { self: string; user: string; instance: string },
  ) {
    super();
  }

  async listen(handler: LinkHandler): Promise<number> {
    const { clock } = this.network;
    this.#table = new LinkTable(
      {
        ...this.self,
        agent: 'memory/1',
        clock,
        logger: recordingLogger().logger,
        onGone: () => undefined,
        onProtocolError: (error, of) => void this.network.refusals.push({ by: this.self.self, of, error }),
      },
      this.#whileAlive(handler),
      () => PORT,
    );
    this.network.listening(this.self.self, this);
    return PORT;
  }

  async dial(peerId: string | null, addresses: readonly PeerAddress[]): Promise<LinkPeer> {
    // A timer of a process that is gone fires here all the same, and dials nobody.
    if (!this.#alive) return new Promise(() => undefined);
    const to = peerId ?? addresses[0]?.host ?? '';
    const existing = this.#table?.get(to);
    if (existing !== undefined) return existing.peer;
    const stream = this.network.connect(this.self.self, to);
    if (stream === null || this.#table === null)
      throw new TransportError('peer-unreachable', 'Nobody is there.');
    return (await this.#table.establish(stream, to, to, true, () => undefined)).peer;
  }

  /** The far end of somebody's dial. */
  accept(stream: Parameters<LinkTable['establish']>[0], from: string): void {
    this.#table?.establish(stream, from, from, false, () => undefined).catch(() => stream.destroy());
  }

  async stop(reason: string): Promise<void> {
    await this.#table?.stop(reason);
  }

  /** From now on the node hears nothing: its process is gone. */
  crash(): void {
    this.#alive = false;
  }

  #whileAlive(handler: LinkHandler): LinkHandler {
    return {
      admits: (peerId) => this.#alive && handler.admits(peerId),
      prefers: (peerId) => this.#alive && handler.prefers(peerId),
      onOpen: (link) => this.#alive && handler.onOpen(link),
      onFrame: (link, frame) =>
        this.#alive ? handler.onFrame(link, frame) : new Promise<void>(() => undefined),
      onClosed: (link, reason) => this.#alive && handler.onClosed(link, reason),
    };
  }
}
