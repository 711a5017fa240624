import { directConversation, type RosterOperation, storedOperation } from '@p2p-chat/shared';
import type { IdentityKeys } from '../ports/identity.js';
import type { ConversationSnapshot, ConversationStore } from '../ports/conversation.store.js';
import { Group } from '../roster/group.js';
import { Conversation } from './conversation.js';

export interface ConversationsParts {
  store: ConversationStore;
  keys: Pick<IdentityKeys, 'peerId' | 'sha256' | 'learnMember'>;
}

/** Every conversation, in memory by its tips and watermarks. */
export class Conversations {
  readonly #byId = new Map<string, Conversation>();
  /** Ids of direct conversations by the other one's peer id: each is a hash. */
  readonly #direct = new Map<string, string>();

  constructor(private readonly parts: ConversationsParts) {}

  /** Loads what is stored; once, first. @throws {StorageError} */
  async load(): Promise<void> {
    const { store, keys } = this.parts;
    for (const snapshot of await store.conversations()) {
      const { id, kind } = snapshot.record;
      if (kind === 'direct') this.#add(snapshot, true);
      else {
        const kept = await store.roster(id);
        const operations = kept.map(({ bytes }) => storedOperation(bytes, keys.sha256));
        await this.#addGroup(snapshot, operations, true);
      }
    }
  }

  /** All that are stored or were asked for, in no order. */
  all(): Conversation[] {
    return [...this.#byId.values()];
  }

  get(id: string): Conversation | undefined {
    return this.#byId.get(id);
  }

  /** The id of the conversation with one person. */
  idOf(peerId: string): string {
    const { keys } = this.parts;
    let id = this.#direct.get(peerId);
    if (id === undefined)
      this.#direct.set(peerId, (id = directConversation(keys.peerId, peerId, keys.sha256)));
    return id;
  }

  /** The conversation with one person. It is stored with its first message. */
  direct(peerId: string): Conversation {
    const id = this.idOf(peerId);
    return this.#byId.get(id) ?? this.#add(emptyDirect(id, peerId), false);
  }

  /** Every group of which there is a roster, in no order. */
  groups(): (Conversation & { readonly group: Group })[] {
    return this.all().filter((one): one is Conversation & { readonly group: Group } => one.group !== null);
  }

  /** Whether somebody is a member, or asked to be one, of a group in which the person here is too. */
  sharesGroup(peerId: string): boolean {
    const { peerId: self } = this.parts.keys;
    return this.groups().some(
      ({ group }) => group.isMember(self) && (group.isMember(peerId) || group.concerns(peerId)),
    );
  }

  /** A group that was founded here or heard of. It is not stored yet. */
  addGroup(id: string, operations: readonly RosterOperation[]): Promise<Conversation> {
    return this.#addGroup(
      { record: { id, kind: 'group', peerId: null, seen: [] }, feeds: [], watermarks: [], lastClock: '' },
      operations,
      false,
    );
  }

  /** Forgets a group that could not be stored. */
  dropGroup(id: string): void {
    this.#byId.delete(id);
  }

  async #addGroup(
    snapshot: ConversationSnapshot,
    operations: readonly RosterOperation[],
    stored: boolean,
  ): Promise<Conversation> {
    const { keys } = this.parts;
    const group = new Group(snapshot.record.id, keys.peerId, keys.sha256, operations);
    const conversation = this.#add(snapshot, stored, group);
    for (const { key, author, clock } of operations) {
      keys.learnMember(key);
      conversation.observe(author, clock);
    }
    await conversation.loadCut(group);
    return conversation;
  }

  #add(snapshot: ConversationSnapshot, stored: boolean, group: Group | null = null): Conversation {
    const { keys, store } = this.parts;
    const conversation = new Conversation(keys.peerId, snapshot, store, stored, group);
    this.#byId.set(conversation.id, conversation);
    return conversation;
  }
}

function emptyDirect(id: string, peerId: string): ConversationSnapshot {
  return { record: { id, kind: 'direct', peerId, seen: [] }, feeds: [], watermarks: [], lastClock: '' };
}
