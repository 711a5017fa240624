import {
  type Batch,
  type Clock,
  clockMs,
  contentText,
  type DiscoverySourceView,
  isPeerId,
} from '@p2p-chat/shared';
import type { Conversation } from './conversations/conversation.js';
import { ConversationList } from './conversations/conversation-list.js';
import { Conversations } from './conversations/conversations.js';
import type { MayDelete } from './conversations/effects.js';
import { Erasing } from './conversations/erasing.js';
import type { Message } from './conversations/message.js';
import { Messages } from './conversations/messages.js';
import { Outgoing } from './conversations/outgoing.js';
import { Delivery } from './delivery/delivery.js';
import { StorageHealth } from './delivery/storage-health.js';
import { ChatError, type StorageError } from './errors.js';
import type { ChatEvents } from './events.js';
import { Mutex } from './mutex.js';
import type { PeerAddress } from './peers/peer.js';
import { Peers } from './peers/peers.js';
import { type ContactsPolicy, Requests } from './peers/requests.js';
import type { Change, ConversationKind, ConversationStore, MuteLevel } from './ports/conversation.store.js';
import type { IdentityKeys } from './ports/identity.js';
import type { ChatLog } from './ports/log.js';
import type { PeerDiscovery, SelfAnnouncement } from './ports/peer-discovery.js';
import type { PeerTransport } from './ports/peer-link.js';
import type { OwnProfile } from './presence/own-profile.js';
import { ambiguous, findGroups } from './roster/group-finder.js';
import { Rosters } from './roster/rosters.js';
import { Connector } from './sessions/connector.js';
import { MovedPeers } from './sessions/moved-peers.js';
import { Sessions } from './sessions/sessions.js';

export interface ChatParts {
  keys: IdentityKeys;
  /** What the user shows and has set. */
  profile: OwnProfile;
  /** Random for each start. */
  instance: string;
  /** Host of the gateway where it was set to one address; '' for all. */
  host: string;
  staticAddresses: readonly PeerAddress[];
  contacts: ContactsPolicy;
  store: ConversationStore;
  transport: PeerTransport;
  discovery: readonly PeerDiscovery[];
  events: ChatEvents;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  log: ChatLog;
}

// How long the sources of discovery have to take the withdrawal at the end.
const WITHDRAW_TIMEOUT_MS = 2_000;

/** The core of a node: puts its parts together, starts and stops them. */
export class Chat {
  readonly peers: Peers;
  readonly requests: Requests;
  readonly conversations: Conversations;
  readonly messages: Messages;
  readonly list: ConversationList;
  readonly rosters: Rosters;
  readonly #outgoing: Outgoing;
  readonly #delivery: Delivery;
  readonly #sessions: Sessions;
  readonly #connector: Connector;
  readonly #moved: MovedPeers;
  readonly #health: StorageHealth;
  #port = 0;
  #startedAt = Number.POSITIVE_INFINITY;
  #isCopied = false;

  constructor(private readonly parts: ChatParts) {
    const { keys, profile, store, events, clock, random, log, transport, contacts } = parts;
    const self = keys.peerId;
    this.conversations = new Conversations({ store, keys });
    this.peers = new Peers({
      self,
      ownName: () => profile.settings.user,
      store,
      events,
      clock,
      onNews: (peerId) => this.#connector.heard(peerId),
    });
    this.requests = new Requests({ policy: contacts, peers: this.peers, conversations: this.conversations });
    this.#health = new StorageHealth(clock);
    this.#moved = new MovedPeers(this.peers);
    this.#connector = new Connector({
      self,
      transport,
      peers: this.peers,
      clock,
      random,
      log,
      staticAddresses: parts.staticAddresses,
      isWanted: (peerId) => this.#isWanted(peerId),
    });
    const commitAsContact = (conversation: Conversation, changes: readonly Change[]): Promise<void> =>
      this.#commitAsContact(conversation, changes);
    const mutex = new Mutex<string>();
    // Its author, and in a group an admin.
    const mayDelete =
      ({ group }: Conversation): MayDelete =>
      (by, author, at) =>
        by === author || group?.isAdminAt(by, at) === true;
    const erasing = new Erasing({ store, sha256: keys.sha256, mayDelete, self });
    this.rosters = new Rosters({
      store,
      keys,
      conversations: this.conversations,
      events,
      clock,
      mutex,
      ownName: () => profile.settings.user,
      onChanged: (conversation, operations, from) => {
        this.#delivery.rosterChanged(conversation, operations, from);
        this.#followRoster(conversation, from !== null).catch((error: unknown) => {
          log.warn({ error: String(error) }, 'cannot follow the roster of a group');
        });
      },
    });
    this.#delivery = new Delivery({
      store,
      keys,
      erasing,
      mayDelete,
      conversations: this.conversations,
      events,
      clock,
      random,
      log,
      health: this.#health,
      mutex,
      rosters: this.rosters,
      noteForked: (peerId) => this.peers.setForked(peerId),
      admission: (peerId, held) => this.requests.admission(peerId, held),
      commitAsContact,
      commitAsKnown:
        contacts === 'everyone' ? commitAsContact : (one, changes) => this.#commitAsKnown(one, changes),
      append: async (conversation, contents) => {
        await this.#outgoing.append(conversation, contents.map(contentText), null);
      },
      onOwnReceived: (conversation, batch) => this.#ownReceived(conversation, batch),
    });
    this.#outgoing = new Outgoing({
      store,
      keys,
      events,
      clock,
      random,
      log,
      mutex,
      erasing,
      commitAsContact,
      onAppended: (conversation, batches) => this.#appended(conversation, batches),
    });
    this.#sessions = new Sessions({
      policy: contacts,
      peers: this.peers,
      profile,
      conversations: this.conversations,
      delivery: this.#delivery,
      connector: this.#connector,
      moved: this.#moved,
      events,
      clock,
      log,
    });
    this.messages = new Messages({
      store,
      keys,
      conversations: this.conversations,
      outgoing: this.#outgoing,
      events,
      health: this.#health,
      people: {
        isContact: (peerId) => this.peers.isContact(peerId),
        isBlocked: (peerId) => this.peers.isBlocked(peerId),
        nameOf: (peerId) => this.peers.nameOf(peerId),
        introduce: (peerId, user) => this.peers.introduce(peerId, user),
        accept: (peerId) => this.accept(peerId),
      },
      mayDelete,
      receipts: () => profile.settings.receipts,
      onTold: (conversation) => this.#delivery.readMoved(conversation),
    });
    this.list = new ConversationList({ self, conversations: this.conversations, messages: this.messages });
    events.subscribe((event) => {
      if (event.type !== 'messages') return;
      this.messages.tellChanges(event.kept).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'cannot tell what has changed in other messages');
      });
      const { author } = event.kept.batch;
      if (author === self || this.peers.isContact(author)) return;
      this.requests.changed(author).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'cannot count what a stranger wrote');
      });
    });
  }

  /** What the user of this node shows and has set. */
  get profile(): OwnProfile {
    return this.parts.profile;
  }

  /** Own peer id. */
  get self(): string {
    return this.parts.keys.peerId;
  }

  /**
   * Loads what is known, listens, announces and dials, in this order.
   * @returns the port of the gateway
   * @throws {StorageError}
   */
  async start(): Promise<number> {
    const { transport, profile, host, instance, discovery, clock } = this.parts;
    await this.peers.load();
    await this.conversations.load();
    for (const { peerId } of this.conversations.all()) {
      if (peerId !== null) await this.peers.introduce(peerId, undefined);
    }
    for (const conversation of this.conversations.groups()) {
      await this.#meetMembers(conversation);
      await this.#outgoing.writeForkedAnew(conversation);
    }
    await this.requests.load();
    this.#startedAt = clock.now();
    this.#port = await transport.listen(this.#sessions);
    const announcement: SelfAnnouncement = {
      // Read for each announcement: the user may take another name.
      get user() {
        return profile.settings.user;
      },
      host,
      instance,
      port: this.#port,
    };
    for (const source of discovery) source.start(announcement, this.#moved);
    this.#connector.start();
    return this.#port;
  }

  /** Withdraws, says bye to every peer and closes the links. Never rejects. */
  async stop(): Promise<void> {
    this.#connector.stop();
    const patience = new AbortController();
    const timer = this.parts.clock.setTimeout(() => patience.abort(), WITHDRAW_TIMEOUT_MS);
    await Promise.all([
      this.parts.transport.stop('logout'),
      ...this.parts.discovery.map((source) => source.stop(patience.signal)),
    ]);
    timer.clear();
  }

  /** Port of the peer gateway. */
  get port(): number {
    return this.#port;
  }

  /** Whether another machine wrote with this node's key since it started. */
  get isCopied(): boolean {
    return this.#isCopied;
  }

  /** Why messages cannot be kept at the moment; null where they can. */
  get storageProblem(): StorageError | null {
    return this.#health.problem;
  }

  discoveryHealth(): DiscoverySourceView[] {
    return [...this.parts.discovery.flatMap((source) => source.health()), ...this.#connector.health()];
  }

  /** The user has changed what they show: discovery announces it at once. */
  announceAnew(): void {
    for (const source of this.parts.discovery) source.refresh();
  }

  /**
   * The conversation that a person means.
   * @param reference its id, or a peer id, short id or unambiguous name of a person
   * @throws {ChatError} as {@link Peers.resolve}
   */
  resolveConversation(reference: string): { id: string; kind: ConversationKind; peerId: string | null } {
    const { id, kind, peerId } = this.#conversationNamed(reference.trim());
    return { id, kind, peerId };
  }

  #conversationNamed(reference: string): Conversation {
    const id = reference.toLowerCase();
    const stored = this.conversations.get(id);
    if (stored !== undefined) return stored;
    if (isPeerId(id) && this.peers.get(id) === undefined) {
      // With everyone there is a conversation, before its first message too. Its id looks as theirs does.
      const other = this.peers.ids().find((peerId) => this.conversations.idOf(peerId) === id);
      if (other !== undefined) return this.conversations.direct(other);
    }
    const groups = this.conversations
      .groups()
      .filter(({ group }) => group.roster.members.has(this.self) || group.isMember(this.self));
    const [group, ...others] = findGroups(reference, groups);
    if (group === undefined) return this.conversations.direct(this.peers.resolve(reference).peerId);
    // A group cannot pass for a person, nor for another group; of whom the beginning of an id is, is known by the whole.
    if (others.length > 0 || this.#isNameOfSomebody(reference))
      throw ambiguous(reference, [group, ...others]);
    return group;
  }

  #isNameOfSomebody(reference: string): boolean {
    try {
      this.peers.resolve(reference);
      return true;
    } catch (error) {
      return error instanceof ChatError && error.code === 'peer-ambiguous';
    }
  }

  /** Sets what notifies the person here of a conversation. Durable when it resolves. @throws {StorageError} */
  async setMute(id: string, mute: MuteLevel): Promise<void> {
    const conversation = this.conversations.get(id);
    if (conversation === undefined) return;
    const record = { ...conversation.record, mute };
    const changes: Change[] = [{ type: 'conversation', record }];
    await this.parts.store.commit(changes);
    conversation.committed(changes);
    this.parts.events.publish({ type: 'conversation', conversation: id });
  }

  /** What notifies the person here of a conversation: of an open room nothing, until they say otherwise. */
  muteOf(id: string): MuteLevel {
    const conversation = this.conversations.get(id);
    return conversation?.record.mute ?? (conversation?.group?.isOpen === true ? 'off' : 'all');
  }

  /**
   * Whether the person here wants to be told of a message that arrived.
   * @param calls whether it is for them by name: a mention, or a reminder
   */
  notifies({ author, conversation, content }: Message, calls = false): boolean {
    if (this.profile.settings.presence === 'dnd' || this.peers.isBlocked(author)) return false;
    const isGroup = this.conversations.get(conversation)?.kind === 'group';
    if (!isGroup && !this.peers.isContact(author)) return false;
    const mute = this.muteOf(conversation);
    if (calls || mute !== 'mentions') return mute !== 'off';
    return content.kind === 'text' && content.mentions?.includes(this.self) === true;
  }

  /**
   * Makes a peer a contact, known or not: its messages count, and what waits at
   * its node comes. Durable when it resolves.
   * @throws {ChatError} `peer-is-self` or `peer-blocked`
   * @throws {StorageError}
   */
  async accept(peerId: string): Promise<void> {
    await this.peers.accept(peerId);
    this.#decided(peerId);
    this.#connector.reach(peerId);
  }

  /** Blocks or unblocks; see docs/protocol.md for what the peer sees: nothing. @throws {ChatError} {@link StorageError} */
  async setBlocked(peerId: string, blocked: boolean): Promise<void> {
    // What was dropped meanwhile is not unread. Noted when it matters: beside each drop, the time it took would tell.
    if (!blocked && this.peers.isBlocked(peerId)) await this.messages.passOver(peerId);
    await this.peers.setBlocked(peerId, blocked);
    for (const { id, group } of this.conversations.groups())
      if (group.authors().includes(peerId)) this.parts.events.publish({ type: 'history', conversation: id });
    if (blocked) this.#decided(peerId);
    else await this.requests.changed(peerId);
  }

  /** The user is writing in a conversation. */
  writes(conversation: string): void {
    const peerId = this.conversations.get(conversation)?.peerId ?? null;
    if (peerId !== null) this.#sessions.writes(peerId);
  }

  /** Whether there is to be a link to somebody who is no contact: they are in a group of this node's, or may be told of its rooms. */
  #isWanted(peerId: string): boolean {
    const isInRoom = this.conversations
      .groups()
      .some(({ group }) => group.isOpen && group.isMember(this.self));
    return isInRoom || this.conversations.sharesGroup(peerId);
  }

  async #followRoster(conversation: Conversation, isTold: boolean): Promise<void> {
    await this.#meetMembers(conversation);
    await this.#outgoing.writeForkedAnew(conversation);
    const { group } = conversation;
    const own = group?.roster.members.get(this.self);
    if (!isTold || group === null || own?.state !== 'invited' || own.addedBy === null) return;
    // A contact need not ask; who has declined or left decides anew.
    const isFirst = group.operations().every(({ author }) => author !== this.self);
    if (isFirst && this.peers.isTrusted(own.addedBy)) await this.rosters.enter(conversation);
  }

  /** The members of a group are known by the names that the roster gives, and are dialled. */
  async #meetMembers({ group }: Conversation): Promise<void> {
    for (const { peerId, user, state } of group?.roster.members.values() ?? []) {
      if (peerId === this.self || (state !== 'member' && state !== 'invited')) continue;
      if (!group?.isMember(this.self)) continue;
      await this.peers.introduce(peerId, user);
      this.#connector.heard(peerId);
    }
    // A room is for everybody.
    if (group?.isOpen === true) for (const peerId of this.peers.ids()) this.#connector.heard(peerId);
  }

  #decided(peerId: string): void {
    this.requests.decided(peerId);
    this.#delivery.decided(peerId);
    this.#connector.heard(peerId);
  }

  async #commitAsContact({ peerId }: Conversation, changes: readonly Change[]): Promise<void> {
    if (peerId === null) return this.parts.store.commit(changes);
    if (await this.peers.commitAsContact(peerId, changes)) this.#decided(peerId);
  }

  #commitAsKnown({ peerId }: Conversation, changes: readonly Change[]): Promise<void> {
    return peerId === null ? this.parts.store.commit(changes) : this.peers.commitAsKnown(peerId, changes);
  }

  #appended(conversation: Conversation, batches: readonly Batch[]): void {
    this.#delivery.appended(conversation, batches);
    const { peerId } = conversation;
    if (peerId === null) return;
    this.#sessions.sent(peerId);
    this.#connector.reach(peerId);
  }

  #ownReceived(conversation: Conversation, batch: Batch): void {
    if (batch.segment === this.#outgoing.segment(conversation)) this.#outgoing.leaveSegment(conversation);
    if (clockMs(batch.firstClock) > this.#startedAt) this.#isCopied = true;
  }
}
