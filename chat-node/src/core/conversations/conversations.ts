import { directConversation } from '@p2p-chat/shared';
import type { IdentityKeys } from '../ports/identity.js';
import type { ConversationSnapshot, ConversationStore } from '../ports/conversation.store.js';
import { Conversation } from './conversation.js';

export interface ConversationsParts {
  store: ConversationStore;
  keys: Pick<IdentityKeys, 'peerId' | 'sha256'>;
}

/** Every conversation, in memory by its tips and watermarks. */
export class Conversations {
  readonly #byId = new Map<string, Conversation>();
  /** Ids of direct conversations by the other one's peer id: each is a hash. */
  readonly #direct = new Map<string, string>();

  constructor(private readonly parts: ConversationsParts) {}

  /** Loads what is stored; once, first. @throws {StorageError} */
  async load(): Promise<void> {
    for (const snapshot of await this.parts.store.conversations()) this.#add(snapshot, true);
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

  #add(snapshot: ConversationSnapshot, stored: boolean): Conversation {
    const conversation = new Conversation(this.parts.keys.peerId, snapshot, this.parts.store, stored);
    this.#byId.set(conversation.id, conversation);
    return conversation;
  }
}

function emptyDirect(id: string, peerId: string): ConversationSnapshot {
  return { record: { id, kind: 'direct', peerId, seen: [] }, feeds: [], watermarks: [], lastClock: '' };
}
