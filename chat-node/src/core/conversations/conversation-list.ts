import type { Group } from '../roster/group.js';
import type { Conversation } from './conversation.js';
import type { Conversations } from './conversations.js';
import { countBeyond } from './coverage.js';
import type { Message } from './message.js';
import type { Messages } from './messages.js';
import type { ConversationKind } from '../ports/conversation.store.js';

/** Unread messages that are counted: beyond, only that there are more matters. */
export const MAX_COUNTED_UNREAD = 1_000;

/** What a list of conversations shows of one. */
export interface ConversationSummary {
  id: string;
  kind: ConversationKind;
  /** Of a direct conversation: the other one. */
  peerId: string | null;
  /** Messages of others that were not read here, to {@link MAX_COUNTED_UNREAD} at most. */
  unread: number;
  /** Own messages that are not delivered. */
  queued: number;
  last: Message | null;
  /** Clock of the last message; '' while there is none. */
  lastClock: string;
  /** Messages that the person here is asked to confirm and has not. */
  toConfirm: readonly Message[];
}

export interface ConversationListParts {
  /** Own peer id. */
  self: string;
  conversations: Conversations;
  messages: Pick<Messages, 'last' | 'toConfirm'>;
}

/** The conversations as lists show them. All is derived, nothing is counted along. */
export class ConversationList {
  constructor(private readonly parts: ConversationListParts) {}

  /** All that hold something, the one with the latest message first. @throws {StorageError} */
  async summaries(): Promise<ConversationSummary[]> {
    const stored = this.parts.conversations.all().filter(({ isStored }) => isStored);
    const all = await Promise.all(stored.map((one) => this.#summary(one)));
    return all.sort((a, b) => (a.lastClock === b.lastClock ? 0 : a.lastClock < b.lastClock ? 1 : -1));
  }

  /** One of them; null where there is no such conversation. @throws {StorageError} */
  async summary(id: string): Promise<ConversationSummary | null> {
    const conversation = this.parts.conversations.get(id);
    return conversation === undefined ? null : this.#summary(conversation);
  }

  /** Own messages that are not delivered, in all conversations. @throws {StorageError} */
  async queued(): Promise<number> {
    const counts = await Promise.all(this.parts.conversations.all().map((one) => this.#queued(one)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #summary(conversation: Conversation): Promise<ConversationSummary> {
    const { id, kind, peerId } = conversation;
    const [unread, queued, last, toConfirm] = await Promise.all([
      this.#unread(conversation),
      this.#queued(conversation),
      this.parts.messages.last(conversation),
      this.parts.messages.toConfirm(conversation),
    ]);
    return { id, kind, peerId, unread, queued, last, lastClock: last?.clock ?? '', toConfirm };
  }

  async #unread(conversation: Conversation): Promise<number> {
    let unread = 0;
    for (const author of conversation.authors()) {
      if (author !== this.parts.self)
        unread += await countBeyond(conversation, author, conversation.seen(author));
    }
    return Math.min(unread, MAX_COUNTED_UNREAD);
  }

  async #queued(conversation: Conversation): Promise<number> {
    const { peerId, group } = conversation;
    const { self } = this.parts;
    if (group !== null) return this.#queuedIn(conversation, group);
    if (peerId === null) return 0;
    return countBeyond(conversation, self, conversation.watermark(self, peerId).have);
  }

  /** Own messages of a group that are not at all members: those that the one who lacks most lacks. */
  async #queuedIn(conversation: Conversation, group: Group): Promise<number> {
    const { self } = this.parts;
    let queued = 0;
    for (const member of group.memberIds()) {
      const from = group.historyFrom(member);
      const isForThem = conversation.tips(self).some(({ clock }) => clock > from);
      if (member === self || !isForThem) continue;
      const { have } = conversation.watermark(self, member);
      queued = Math.max(queued, await countBeyond(conversation, self, have));
    }
    return queued;
  }
}
