import { CLOCK_MERGE_LIMIT } from '@p2p-chat/shared';
import { ChatError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import type { Change, ConversationStore, ImportedMessage } from '../ports/conversation.store.js';
import type { Conversations } from './conversations.js';
import type { Message } from './message.js';

/** A message of an earlier history with a person. Its author follows from its direction. */
export interface EarlierMessage extends Omit<ImportedMessage, 'conversation' | 'author'> {
  /** With whom the conversation was. */
  peerId: string;
  direction: 'in' | 'out';
  /** The name of its author, as the history shows it. */
  user: string;
}

/** What had become of a message by the time of an export; it stands in `later` of its content. */
export type LaterOfImported = Partial<
  Pick<Message, 'edited' | 'reactions' | 'confirmed'> & { replyTo: string }
>;

/** What of that an imported content says. */
export function laterOf(content: string): LaterOfImported {
  return (JSON.parse(content) as { later?: LaterOfImported }).later ?? {};
}

/** What became of messages that were imported. */
export interface ImportOutcome {
  imported: number;
  /** How many were there already. */
  known: number;
}

export interface ImportParts {
  /** Own peer id. */
  self: string;
  store: ConversationStore;
  conversations: Conversations;
  events: ChatEvents;
  people: {
    /** Makes a person known who was not. */
    introduce(peerId: string, user: string | undefined): Promise<unknown>;
    /** Makes a person a contact. */
    accept(peerId: string): Promise<unknown>;
  };
}

/**
 * Restores history, into the profile that it is of or another one of the same
 * person. Nothing that is imported is sent, told as read or counts as unread;
 * what is there already stays as it is.
 */
export class MessageImport {
  constructor(private readonly parts: ImportParts) {}

  /**
   * Durable when it resolves.
   * @throws {ChatError} `peer-is-self`; nothing was imported
   * @throws {StorageError} what was imported stays; once more imports the rest
   */
  async import(messages: readonly EarlierMessage[]): Promise<ImportOutcome> {
    const { self, store, conversations, events, people } = this.parts;
    if (messages.some(({ peerId }) => peerId === self)) {
      throw new ChatError('peer-is-self', 'That is a history with the user of this profile.', {
        hint: 'Import it into a profile of the other person.',
      });
    }
    const missing = await this.#missing(messages);
    const changes: Change[] = [];
    for (const peerId of new Set(missing.map((one) => one.peerId)))
      changes.push(...conversations.direct(peerId).toStore());
    changes.push({ type: 'import', messages: missing.map((one) => this.#restored(one)) });
    if (missing.length > 0) await store.commit(changes);
    for (const [peerId, all] of Map.groupBy(messages, (one) => one.peerId)) {
      const conversation = conversations.direct(peerId);
      conversation.committed(changes);
      for (const { clock } of all) if (clock < CLOCK_MERGE_LIMIT) conversation.observe(self, clock);
      await people.introduce(peerId, all.find(({ direction }) => direction === 'in')?.user);
      // A person who was written to is no stranger.
      if (all.some(({ direction }) => direction === 'out')) await people.accept(peerId);
    }
    for (const peerId of new Set(missing.map((one) => one.peerId))) {
      const { id } = conversations.direct(peerId);
      // The list may not have had it, or another last message.
      events.publish({ type: 'conversation', conversation: id });
      events.publish({ type: 'history', conversation: id });
    }
    return { imported: missing.length, known: messages.length - missing.length };
  }

  async #missing(messages: readonly EarlierMessage[]): Promise<EarlierMessage[]> {
    const once = [...new Map(messages.map((one) => [one.id, one])).values()];
    const places = await Promise.all(once.map(({ id }) => this.parts.store.find(id)));
    return once.filter((_, nth) => places[nth] === null);
  }

  #restored({ peerId, direction, user: _, ...message }: EarlierMessage): ImportedMessage {
    const conversation = this.parts.conversations.direct(peerId).id;
    if (direction === 'in') return { ...message, conversation, author: peerId, state: 'read' };
    return { ...message, conversation, author: this.parts.self };
  }
}
