import {
  Backoff,
  type Clock,
  errorCode,
  type ParsedMessage,
  type ParsedRunFrame,
  splitIds,
  type WireMessage,
} from '@p2p-chat/shared';
import { directConversationId } from './conversation.js';
import type { ConversationClocks } from './conversation-clocks.js';
import type { ChatEvents } from './events.js';
import { InOrder } from './in-order.js';
import { fromWire, toWire } from './message.js';
import { greatestClock, messagesOf, type MessageRun, packRuns, withPlaces } from './message-run.js';
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
    if (taken.length > 0) await this.#untilSaved(link, () => this.#save(link, taken));
  }

  /** {@link receive} for messages that came as a run. */
  async receiveRun(link: PeerLink, frame: ParsedRunFrame): Promise<void> {
    if (frame.kind !== 'text') {
      for (const id of splitIds(frame.ids)) link.sendReject(id, 'kind-unsupported');
      return;
    }
    await this.#untilSaved(link, () => this.#saveRun(link, { ...frame, bodies: frame.encodedBodies }));
  }

  /** Tries until it is saved or the link is gone; a storage that is away is waited for. */
  async #untilSaved(link: PeerLink, save: () => Promise<void>): Promise<void> {
    const backoff = new Backoff(STORAGE_BACKOFF, this.random);
    while (this.#openLinks.has(link)) {
      try {
        await save();
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

  async #saveRun(link: PeerLink, texts: RunTexts): Promise<void> {
    const { peerId } = link.peer;
    const run = runOf(texts, peerId, this.clock.now());
    if (this.directory.isBlocked(peerId)) return this.#drop(link, [run]);
    if (!this.requests.concern(peerId) && !this.#turns.isTaken(peerId)) return this.#store(link, [run]);
    await this.#save(link, messagesOf(run).map(toWire));
  }

  async #save(link: PeerLink, wire: readonly WireMessage[]): Promise<void> {
    const { peerId } = link.peer;
    if (this.directory.isBlocked(peerId)) return this.#drop(link, this.#runsOf(link, wire));
    if (!this.requests.concern(peerId) && !this.#turns.isTaken(peerId))
      return this.#store(link, this.#runsOf(link, wire));
    await this.#turns.run(peerId, async () => {
      const admitted = await this.requests.admit(link, wire);
      if (admitted.length === 0) return;
      if (this.directory.isBlocked(peerId)) return this.#drop(link, this.#runsOf(link, admitted));
      await this.#store(link, this.#runsOf(link, admitted));
      await this.requests.stored(peerId);
    });
  }

  async #drop(link: PeerLink, runs: readonly MessageRun[]): Promise<void> {
    // The same steps as for what is stored, so that nobody can tell by the time.
    const conversationClock = this.clocks.get(directConversationId(link.peer.peerId));
    if (conversationClock instanceof Promise) await conversationClock;
    await this.#order.after(link, this.messages.addDropped(runs));
    link.sendAck(runs.map(({ ids }) => ids).join(''));
  }

  #runsOf({ peer: { peerId } }: PeerLink, wire: readonly WireMessage[]): MessageRun[] {
    const now = this.clock.now();
    return packRuns(wire.map((one) => fromWire(one, peerId, directConversationId(peerId), now)));
  }

  async #store(link: PeerLink, runs: readonly MessageRun[]): Promise<void> {
    const { peerId } = link.peer;
    const loaded = this.clocks.get(directConversationId(peerId));
    const conversationClock = loaded instanceof Promise ? await loaded : loaded;
    for (const run of runs) conversationClock.observe(greatestClock(run));
    const saving = Promise.all([this.directory.remember(peerId), this.messages.addIncomingRuns(runs)]);
    const [, added] = await this.#order.after(link, saving);
    link.sendAck(runs.map(({ ids }) => ids).join(''));
    for (const [nth, run] of runs.entries()) this.#tell(run, added[nth] ?? null);
  }

  /** @param places of the messages that are new; null for all */
  #tell(run: MessageRun, places: readonly number[] | null): void {
    if (places === null) this.events.publish({ type: 'messages', run });
    else if (places.length > 0) this.events.publish({ type: 'messages', run: withPlaces(run, places) });
  }
}

/** What a peer decides of a run: all but whose it is, whatever the frame says. */
type RunTexts = Omit<MessageRun, 'conversationId' | 'author' | 'receivedAt'>;

/** A run that arrived over a link, as it is kept. */
function runOf(
  { kind, count, ids, clocks, sentAt, bodies }: RunTexts,
  peerId: string,
  receivedAt: number,
): MessageRun {
  const conversationId = directConversationId(peerId);
  return { conversationId, author: peerId, kind, receivedAt, count, ids, clocks, sentAt, bodies };
}
