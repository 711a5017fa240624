import { Backoff, type Clock, errorCode, type ParsedMessage, type WireMessage } from '@p2p-chat/shared';
import { directConversationId } from './conversation.js';
import type { ConversationClocks } from './conversation-clocks.js';
import type { ChatEvents } from './events.js';
import { InOrder } from './in-order.js';
import { fromWire, type Message } from './message.js';
import type { MessageRequests } from './message-requests.js';
import type { PeerDirectory } from './peer-directory.js';
import type { ChatLog } from './ports/log.js';
import type { MessageRepository } from './ports/message.repository.js';
import type { PeerLink } from './ports/peer-link.js';
import { STORAGE_BACKOFF } from './storage-backoff.js';
import type { StorageHealth } from './storage-health.js';
import { Turns } from './turns.js';

/** Takes what arrives over links: saves it, then acks it, then tells of it. */
export class ReceiveMessage {
  readonly #openLinks = new WeakSet<PeerLink>();
  readonly #order = new InOrder<PeerLink>();
  /** Peers whose messages are looked at one after the other, because some may be refused. */
  readonly #turns = new Turns<string>();

  constructor(
    private readonly messages: MessageRepository,
    private readonly clocks: ConversationClocks,
    private readonly directory: PeerDirectory,
    private readonly requests: MessageRequests,
    private readonly events: ChatEvents,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly log: ChatLog,
    private readonly health: StorageHealth,
  ) {}

  /** Messages of this link are taken from now on. */
  opened(link: PeerLink): void {
    this.#openLinks.add(link);
  }

  /** What of this link is not saved yet is given up: its sender has it and will send it again. */
  closed(link: PeerLink): void {
    this.#openLinks.delete(link);
    this.requests.closed(link);
  }

  /**
   * Deals with messages of one link, in order. Resolves when they are durable
   * and acked, or when the link is gone; a storage that is away is waited for.
   */
  async receive(link: PeerLink, parsed: readonly ParsedMessage[]): Promise<void> {
    const taken: WireMessage[] = [];
    for (const one of parsed) {
      if (!one.ok) link.sendReject(one.id, one.code);
      else if (one.message.kind !== 'text') link.sendReject(one.message.id, 'kind-unsupported');
      else taken.push(one.message);
    }
    if (taken.length === 0) return;
    const backoff = new Backoff(STORAGE_BACKOFF, this.random);
    while (this.#openLinks.has(link)) {
      try {
        await this.#save(link, taken);
        this.health.worked();
        return;
      } catch (error) {
        this.health.failed(error);
        const wait = backoff.next();
        this.log.warn(
          { code: errorCode(error), retryInMs: Math.round(wait) },
          'cannot save messages that arrived',
        );
        await this.clock.sleep(wait);
      }
    }
  }

  async #save(link: PeerLink, wire: readonly WireMessage[]): Promise<void> {
    const { peerId } = link.peer;
    if (this.directory.isBlocked(peerId)) return this.#drop(link, wire);
    if (!this.requests.concern(peerId) && !this.#turns.isTaken(peerId)) return this.#store(link, wire);
    await this.#turns.run(peerId, async () => {
      const admitted = await this.requests.admit(link, wire);
      if (admitted.length === 0) return;
      if (this.directory.isBlocked(peerId)) return this.#drop(link, admitted);
      await this.#store(link, admitted);
      await this.requests.stored(peerId);
    });
  }

  async #drop(link: PeerLink, wire: readonly WireMessage[]): Promise<void> {
    // The same steps as for what is stored, so that nobody can tell by the time.
    const conversationClock = this.clocks.get(directConversationId(link.peer.peerId));
    if (conversationClock instanceof Promise) await conversationClock;
    await this.#order.after(link, this.messages.addDropped(link.peer.peerId, wire.length));
    link.sendAck(wire.map(({ id }) => id));
  }

  async #store(link: PeerLink, wire: readonly WireMessage[]): Promise<void> {
    const { peerId } = link.peer;
    const ids = wire.map(({ id }) => id);
    const conversationId = directConversationId(peerId);
    const loaded = this.clocks.get(conversationId);
    const conversationClock = loaded instanceof Promise ? await loaded : loaded;
    const receivedAt = this.clock.now();
    const messages = wire.map((one) => {
      conversationClock.observe(one.clock);
      return fromWire(one, peerId, conversationId, receivedAt);
    });
    const saving = Promise.all([this.directory.remember(peerId), this.messages.addIncoming(messages)]);
    const [, isNew] = await this.#order.after(link, saving);
    link.sendAck(ids);
    this.#tell(messages.filter((_, index) => isNew[index]));
  }

  #tell(messages: readonly Message[]): void {
    if (messages.length > 0) this.events.publish({ type: 'messages', messages });
  }
}
