import {
  type Clock,
  type DiscoverySourceView,
  type ParsedMessage,
  type ParsedRunFrame,
  splitIds,
} from '@p2p-chat/shared';
import { Connector } from './connector.js';
import { directConversationId, type ConversationSummary } from './conversation.js';
import { ConversationClocks } from './conversation-clocks.js';
import type { KnownWay } from '../core/diagnosis/peer-entry.probe.js';
import { ChatError, type StorageError } from './errors.js';
import type { ChatEvents } from './events.js';
import type { Message } from './message.js';
import { messagesOf, type MessageRun } from './message-run.js';
import { MessageRequests } from './message-requests.js';
import { type EarlierMessage, ImportMessages, type ImportOutcome } from './import-messages.js';
import { MovedPeers } from './moved-peers.js';
import { Outbox } from './outbox.js';
import type { OwnProfile } from './own-profile.js';
import type { PeerAddress } from './peer.js';
import { type KnownPeer, PeerDirectory } from './peer-directory.js';
import type { ChatLog } from './ports/log.js';
import type { HistoryPage, MessageRepository } from './ports/message.repository.js';
import type { MessageSearch } from './ports/message-search.js';
import type { PeerDiscovery, SelfAnnouncement } from './ports/peer-discovery.js';
import type { LinkHandler, PeerFrame, PeerLink, PeerTransport } from './ports/peer-link.js';
import type { PeerRepository } from './ports/peer.repository.js';
import { Presence } from './presence.js';
import { ReceiveMessage } from './receive-message.js';
import { Receipts } from './receipts.js';
import { type FoundMessage, SearchMessages, type SearchRequest } from './search-messages.js';
import { SendMessage } from './send-message.js';
import { StorageHealth } from './storage-health.js';
import { Typing } from './typing.js';

export interface ChatOptions {
  /** Own peer id. */
  self: string;
  /** What the user shows and has set. */
  profile: OwnProfile;
  instance: string;
  /** Host of the gateway where it was set to one address; '' for all. */
  host: string;
  staticAddresses: readonly PeerAddress[];
  /** Whether peers that nobody here has accepted are refused. */
  contactsOnly: boolean;
  messages: MessageRepository;
  search: MessageSearch;
  peers: PeerRepository;
  transport: PeerTransport;
  discovery: readonly PeerDiscovery[];
  events: ChatEvents;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  log: ChatLog;
}

/** A peer with what its conversation holds. */
export interface PeerWithUnread extends KnownPeer {
  /** Messages that were not read; none of a stranger's are counted here. */
  unread: number;
  /** Where it is a stranger who wrote: how many messages wait for a decision. */
  request: { messages: number } | null;
}

// How long the sources of discovery have to take the withdrawal at the end.
const WITHDRAW_TIMEOUT_MS = 2_000;

/**
 * The core of a node: everything that the control API can ask for, and the
 * handler of all links.
 */
export class Chat implements LinkHandler {
  readonly #directory: PeerDirectory;
  readonly #moved: MovedPeers;
  readonly #connector: Connector;
  readonly #outbox: Outbox;
  readonly #receipts: Receipts;
  readonly #presence: Presence;
  readonly #typing: Typing;
  readonly #searcher: SearchMessages;
  readonly #importer: ImportMessages;
  readonly #requests: MessageRequests;
  readonly #sender: SendMessage;
  readonly #receiver: ReceiveMessage;
  readonly #health: StorageHealth;
  #port = 0;

  constructor(private readonly options: ChatOptions) {
    const { self, profile, messages, peers, events, clock, random, log } = options;
    const clocks = new ConversationClocks(messages);
    this.#directory = new PeerDirectory(self, peers, events, clock);
    this.#moved = new MovedPeers(this.#directory);
    this.#requests = new MessageRequests(messages, this.#directory, options.contactsOnly);
    this.#connector = new Connector(
      self,
      options.transport,
      this.#directory,
      clock,
      random,
      log,
      options.staticAddresses,
    );
    this.#outbox = new Outbox({ messages, events, clock, random, log });
    this.#receipts = new Receipts(messages, this.#directory, events, log, () => profile.settings.receipts);
    this.#presence = new Presence(profile, this.#directory, clock, log, events);
    this.#typing = new Typing(profile, this.#directory, events, clock);
    this.#searcher = new SearchMessages(options.search, messages);
    this.#importer = new ImportMessages(
      self,
      messages,
      this.#directory,
      clocks,
      events,
      directConversationId,
    );
    this.#sender = new SendMessage(
      self,
      messages,
      clocks,
      this.#directory,
      this.#requests,
      this.#outbox,
      events,
      clock,
    );
    this.#health = new StorageHealth(clock);
    this.#receiver = new ReceiveMessage(
      messages,
      clocks,
      this.#directory,
      this.#requests,
      events,
      clock,
      random,
      log,
      this.#health,
    );
  }

  /**
   * Loads what is known, listens, announces and dials, in this order.
   * @returns the port of the gateway
   */
  async start(): Promise<number> {
    await this.#load();
    this.#port = await this.options.transport.listen(this);
    this.options.events.subscribe((event) => {
      if (event.type === 'peer') this.#connector.peerChanged(event.peerId);
    });
    const { profile, host, instance } = this.options;
    const announcement: SelfAnnouncement = {
      // Read for each announcement: the user may take another name.
      get user() {
        return profile.settings.user;
      },
      host,
      instance,
      port: this.#port,
    };
    for (const source of this.options.discovery) source.start(announcement, this.#moved);
    this.#connector.start();
    return this.#port;
  }

  /** Withdraws, says bye to every peer and closes the links. Never rejects. */
  async stop(): Promise<void> {
    this.#connector.stop();
    const patience = new AbortController();
    const timer = this.options.clock.setTimeout(() => patience.abort(), WITHDRAW_TIMEOUT_MS);
    await Promise.all([
      this.options.transport.stop('logout'),
      ...this.options.discovery.map((source) => source.stop(patience.signal)),
    ]);
    timer.clear();
  }

  /** Port of the peer gateway. */
  get port(): number {
    return this.#port;
  }

  get links(): number {
    return this.#directory.links;
  }

  discoveryHealth(): DiscoverySourceView[] {
    return [...this.options.discovery.flatMap((source) => source.health()), ...this.#connector.health()];
  }

  /** Why messages cannot be kept at the moment; null where they can. */
  get storageProblem(): StorageError | null {
    return this.#health.problem;
  }

  /** Messages in state `queued`, for all peers. */
  async queuedCount(): Promise<number> {
    return (await this.options.messages.conversations()).reduce((sum, { queued }) => sum + queued, 0);
  }

  /**
   * The peer that a person means; see {@link PeerDirectory.resolve}.
   * @throws {ChatError}
   */
  resolve(reference: string): KnownPeer {
    return this.#directory.resolve(reference);
  }

  /** What is known of the way to a peer; see {@link PeerDirectory.wayTo}. */
  wayTo(reference: string): KnownWay {
    return this.#directory.wayTo(reference);
  }

  /** Whether the peer is a stranger who wrote and waits for a decision. */
  isRequest(peerId: string): boolean {
    return this.#requests.of(peerId) !== undefined;
  }

  /** Strangers who wrote and wait for a decision. */
  get requests(): number {
    return this.#requests.count;
  }

  /** Everyone who is known, with unread counts; only those online unless `all`. */
  async peers(all: boolean): Promise<PeerWithUnread[]> {
    const unread = new Map((await this.options.messages.conversations()).map((one) => [one.id, one.unread]));
    return this.#directory
      .all()
      .filter(({ online, remembered, keyAlarm }) => online || (all && (remembered || keyAlarm !== null)))
      .map((peer) => this.withUnread(peer, unread.get(directConversationId(peer.peerId)) ?? 0));
  }

  /** One peer with its unread count. */
  async peer(peerId: string): Promise<PeerWithUnread | null> {
    const known = this.#directory.get(peerId);
    if (known === undefined) return null;
    const conversation = await this.options.messages.conversation(directConversationId(peerId));
    return this.withUnread(known, conversation?.unread ?? 0);
  }

  /** A peer with the unread messages of its conversation, told apart from a request. */
  withUnread(peer: KnownPeer, unread: number): PeerWithUnread {
    const waiting = this.#requests.of(peer.peerId);
    return {
      ...peer,
      unread: peer.contact ? unread : 0,
      request: waiting === undefined ? null : { messages: waiting },
    };
  }

  /** A peer by id, as far as it is known. */
  knownPeer(peerId: string): KnownPeer | undefined {
    return this.#directory.get(peerId);
  }

  /** See {@link SendMessage.send}. */
  async send(peerId: string, bodies: readonly string[]): Promise<Message[]> {
    return (await this.sendMany(peerId, bodies)).flatMap(messagesOf);
  }

  /** {@link send} for bursts. @returns the messages as runs */
  async sendMany(peerId: string, bodies: readonly string[]): Promise<MessageRun[]> {
    const accepted = await this.#sender.send(peerId, bodies).catch((error: unknown) => {
      this.#health.failed(error);
      throw error;
    });
    this.#health.worked();
    this.#typing.sent(peerId);
    this.#connector.reach(peerId);
    return accepted;
  }

  /** A page of the conversation with a peer, oldest first. */
  history(peerId: string, page: HistoryPage): Promise<Message[]> {
    return this.options.messages.history(directConversationId(peerId), page);
  }

  /** See {@link ImportMessages.import}. */
  import(messages: readonly EarlierMessage[]): Promise<ImportOutcome> {
    return this.#importer.import(messages);
  }

  /** See {@link SearchMessages.find}. */
  search(text: string, request: SearchRequest): Promise<FoundMessage[]> {
    return this.#searcher.find(text, request);
  }

  conversations(): Promise<ConversationSummary[]> {
    return this.options.messages.conversations();
  }

  /**
   * A person has seen messages of a peer. Those of a stranger stay as they
   * are: nobody is told of a reading before they were accepted.
   * @param upTo id of the last one seen; undefined for all
   * @returns how many were unread
   * @throws {ChatError} `message-unknown`
   */
  async markRead(peerId: string, upTo?: string): Promise<number> {
    const message =
      upTo === undefined ? undefined : await this.options.messages.find(directConversationId(peerId), upTo);
    if (message === null)
      throw new ChatError('message-unknown', 'No message of this conversation has that id.');
    if (!this.#directory.isContact(peerId)) return 0;
    return this.#receipts.markRead(peerId, message?.clock ?? null);
  }

  /** What the user shows and has set. */
  get profile(): OwnProfile {
    return this.options.profile;
  }

  /** The user has changed what they show: discovery announces it at once. */
  announceAnew(): void {
    for (const source of this.options.discovery) source.refresh();
  }

  /** Whether the peer was written to or accepted, and is not blocked. */
  isTrusted(peerId: string): boolean {
    return this.#directory.isTrusted(peerId);
  }

  /** The user writes to a peer; see {@link Typing.writes}. */
  writes(peerId: string): void {
    this.#typing.writes(peerId);
  }

  /** Blocks or unblocks by peer id; see docs/protocol.md for what the peer sees: nothing. */
  async setBlocked(peerId: string, blocked: boolean): Promise<KnownPeer> {
    const peer = await this.#directory.setBlocked(peerId, blocked);
    if (blocked) this.#requests.decided(peerId);
    else await this.#requests.unblocked(peerId);
    return peer;
  }

  /**
   * Makes a peer a contact, known or not: its messages count and are
   * receipted, and what waits at its node comes. Durable when it resolves.
   * @throws {ChatError} `peer-is-self` or `peer-blocked`
   * @throws {StorageError}
   */
  async accept(peerId: string): Promise<void> {
    if (this.#directory.isBlocked(peerId)) {
      throw new ChatError('peer-blocked', 'You have blocked this person.', {
        hint: 'Unblock them to accept them.',
      });
    }
    await this.#directory.accept(peerId);
    await this.#directory.sawAlarm(peerId);
    this.#requests.decided(peerId);
    this.#connector.reach(peerId);
  }

  /** The person has seen that a key shows the name of somebody else; see {@link KnownPeer.keyAlarm}. */
  sawAlarm(peerId: string): Promise<void> {
    return this.#directory.sawAlarm(peerId);
  }

  /** Keys that show the name of somebody else, and nobody has seen it. */
  get keyAlarms(): number {
    return this.#directory.keyAlarms;
  }

  /** Notes whether a person compared the safety number of a peer and found it equal. */
  async setVerified(peerId: string, verified: boolean): Promise<void> {
    await this.#directory.setVerified(peerId, verified);
    if (verified) await this.#directory.sawAlarm(peerId);
  }

  async #load(): Promise<void> {
    const conversations = await this.options.messages.conversations();
    await this.#directory.load(conversations.map(({ id }) => id));
    // A crash may have come between a first message and the note that it made a contact.
    const writtenTo = conversations.filter(({ id, queued }) => queued > 0 && !this.#directory.isContact(id));
    await Promise.all(
      writtenTo.map(({ id }) =>
        this.#directory.accept(id).catch((error: unknown) => {
          this.options.log.warn({ error: String(error) }, 'cannot store that a peer is a contact');
        }),
      ),
    );
    this.#requests.load(conversations);
  }

  prefers(peerId: string): boolean {
    return this.#directory.isContact(peerId);
  }

  admits(peerId: string): boolean {
    return !this.options.contactsOnly || this.#directory.isContact(peerId);
  }

  onOpen(link: PeerLink): void {
    this.#directory.linkOpened(link.peer);
    this.#connector.linkOpened(link.peer);
    this.#moved.opened(link);
    this.#receiver.opened(link);
    this.#outbox.opened(link);
    this.#receipts.opened(link);
    this.#presence.opened(link);
    this.#typing.opened(link);
    this.#directory.rememberAddress(link.peer).catch((error: unknown) => {
      this.options.log.warn({ error: String(error) }, 'cannot store the address of a peer');
    });
  }

  onMessages(link: PeerLink, messages: readonly ParsedMessage[]): Promise<void> {
    this.#typing.ended(link.peer.peerId);
    return this.#receiver.receive(link, messages);
  }

  onRun(link: PeerLink, run: ParsedRunFrame): Promise<void> {
    this.#typing.ended(link.peer.peerId);
    return this.#receiver.receiveRun(link, run);
  }

  onFrame(link: PeerLink, frame: PeerFrame): void {
    switch (frame.type) {
      case 'ack':
        if (frame.of === 'receipt') void this.#receipts.acked(link, splitIds(frame.ids));
        else this.#outbox.acked(link, frame.ids);
        break;
      case 'receipt':
        void this.#receipts.received(link, frame.ids);
        break;
      case 'reject':
        this.#outbox.rejected(link, frame.id, frame.code, frame.retryAfterMs);
        break;
      case 'presence':
        this.#presence.received(link, frame);
        break;
      case 'typing':
        this.#typing.received(link);
        break;
    }
  }

  onClosed(link: PeerLink, reason: string | null): void {
    this.#receiver.closed(link);
    this.#outbox.closed(link);
    this.#receipts.closed(link);
    this.#presence.closed(link);
    this.#typing.closed(link);
    this.#moved.closed(link);
    this.#directory.linkClosed(link.peer);
    this.#connector.linkClosed(link.peer, reason);
  }
}
