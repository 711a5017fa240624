import { type Batch, type Clock, type Content, errorCode, type RosterOperation } from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import type { Conversations } from '../conversations/conversations.js';
import type { MayDelete } from '../conversations/effects.js';
import type { Erasing } from '../conversations/erasing.js';
import type { ChatEvents } from '../events.js';
import type { Mutex } from '../mutex.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { IdentityKeys } from '../ports/identity.js';
import type { ChatLog } from '../ports/log.js';
import type { PeerLink } from '../ports/peer-link.js';
import type { Rosters } from '../roster/rosters.js';
import { DeliverySession } from './delivery-session.js';
import type { Exchange } from './exchange.js';
import { Relays } from './relays.js';
import type { StorageHealth } from './storage-health.js';

/** Whether batches of a peer are kept; dropped, of one who is blocked; or wait at their author for now. */
export type Admission = 'take' | 'drop' | 'hold';

export interface DeliveryParts {
  store: ConversationStore;
  keys: IdentityKeys;
  conversations: Conversations;
  events: ChatEvents;
  clock: Clock;
  random: () => number;
  log: ChatLog;
  health: StorageHealth;
  /** One work at a time for each conversation. */
  mutex: Mutex<string>;
  erasing: Pick<Erasing, 'changesFor'>;
  /** Writes contents to one's own feed; they are durable when it resolves. @throws {ChatError} {@link StorageError} */
  append: (conversation: Conversation, contents: readonly Content[]) => Promise<void>;
  /** Whether somebody may delete what another member wrote. */
  mayDelete: (conversation: Conversation) => MayDelete;
  /** @param held entries of the peer that are held in the direct conversation */
  admission: (peerId: string, held: number) => Admission;
  /** Commits changes together with what makes the other one a contact. @throws {StorageError} */
  commitAsContact: (conversation: Conversation, changes: readonly Change[]) => Promise<void>;
  /** Commits changes together with a record of the other one. @throws {StorageError} */
  commitAsKnown: (conversation: Conversation, changes: readonly Change[]) => Promise<void>;
  rosters: Pick<Rosters, 'take' | 'prove'>;
  /** The other one of a direct conversation signed two batches for one place. @throws {StorageError} */
  noteForked: (peerId: string) => Promise<void>;
  /** A member of a group signed two batches for one place. */
  onFork: (conversation: Conversation, one: Batch, other: Batch) => void;
  /** Batches of others in a group are durable. @param from the peer that sent them */
  onTaken: (conversation: Conversation, batches: readonly Batch[], from: string) => void;
  /** Somebody offers what this node lacks of the feed of somebody else. */
  onOffered: (conversation: Conversation) => void;
  /** A batch of one's own came back from somebody else: this node was restored, or another one has its key. */
  onOwnReceived: (conversation: Conversation, batch: Batch) => void;
}

/** Brings feeds to the peers that lack them and takes theirs, over all links. */
export class Delivery {
  readonly #sessions = new Map<string, DeliverySession>();
  readonly #relays: Relays;
  readonly #parts: DeliveryParts;

  constructor(parts: Omit<DeliveryParts, 'onTaken' | 'onOffered' | 'onFork'>) {
    this.#parts = {
      ...parts,
      onTaken: (conversation, batches, from) => this.#passOn(conversation, batches, from),
      onOffered: (conversation) => this.#relays.changed(conversation),
      onFork: (conversation, one, other) => {
        // Not waited for: it needs the conversation for itself. Where it fails, the next link shows the fork again.
        parts.rosters.prove(conversation, one, other).catch((error: unknown) => {
          parts.log.warn({ code: errorCode(error) }, 'cannot tell that a member signed two things as one');
        });
      },
    };
    const exchanges = (conversation: Conversation): Exchange[] => this.#exchanges(conversation);
    this.#relays = new Relays({ self: parts.keys.peerId, clock: parts.clock, exchanges });
  }

  /** What a link does for delivery. The latest link of a peer counts. */
  open(link: PeerLink): DeliverySession {
    const { peerId } = link.peer;
    const session = new DeliverySession(link, this.#parts, () => {
      if (this.#sessions.get(peerId) === session) this.#sessions.delete(peerId);
      for (const group of this.#parts.conversations.groups()) this.#relays.changed(group);
    });
    this.#sessions.set(peerId, session);
    return session;
  }

  /** Batches of one's own are durable. */
  appended(conversation: Conversation, batches: readonly Batch[]): void {
    for (const session of this.#sessions.values()) session.appended(conversation, batches);
  }

  /** The person here has read more of a conversation, and others may know. */
  readMoved(conversation: Conversation): void {
    for (const session of this.#sessions.values()) session.readMoved(conversation);
  }

  /**
   * The roster of a group has changed.
   * @param operations that are new here
   * @param from the peer that told them; null where they were made here
   */
  rosterChanged(
    conversation: Conversation,
    operations: readonly RosterOperation[],
    from: string | null,
  ): void {
    for (const [peerId, session] of this.#sessions)
      session.rosterChanged(conversation, peerId === from ? [] : operations);
    this.#relays.changed(conversation);
  }

  /** The person here has accepted or blocked a peer. */
  decided(peerId: string): void {
    this.#sessions.get(peerId)?.decided();
  }

  #exchanges(conversation: Conversation): Exchange[] {
    return [...this.#sessions.values()].flatMap((session) => session.exchange(conversation.id) ?? []);
  }

  #passOn(conversation: Conversation, batches: readonly Batch[], from: string): void {
    this.#relays.compareLater(conversation);
    for (const exchange of this.#exchanges(conversation)) {
      if (exchange.peerId !== from) exchange.passOn(batches);
    }
  }
}
