import type { ConversationClocks } from './conversation-clocks.js';
import { ChatError } from './errors.js';
import type { ChatEvents } from './events.js';
import type { Message } from './message.js';
import type { PeerDirectory } from './peer-directory.js';
import type { MessageRepository } from './ports/message.repository.js';

/** A message of an earlier history with a peer. Its author follows from its direction. */
export type EarlierMessage = Omit<Message, 'author' | 'conversationId' | 'kind'> & {
  peerId: string;
  /** The name of its author, as the history shows it. */
  user: string;
};

/** What became of messages that were imported. */
export interface ImportOutcome {
  imported: number;
  /** How many were there already. */
  known: number;
}

/** Says why a message of one's own was never sent. */
const NEVER_SENT = 'imported before it was delivered';

/**
 * Restores history, into the profile that it is of or another one of the same
 * person. Nothing that is imported is sent, causes a receipt or counts as
 * unread; what is there already stays as it is.
 */
export class ImportMessages {
  constructor(
    private readonly self: string,
    private readonly messages: MessageRepository,
    private readonly directory: PeerDirectory,
    private readonly clocks: ConversationClocks,
    private readonly events: ChatEvents,
    private readonly conversationOf: (peerId: string) => string,
  ) {}

  /**
   * Durable when it resolves.
   * @throws {ChatError} `peer-is-self`; nothing was imported
   * @throws {StorageError} what was imported before stays; once more imports the rest
   */
  async import(messages: readonly EarlierMessage[]): Promise<ImportOutcome> {
    if (messages.some(({ peerId }) => peerId === this.self)) {
      throw new ChatError('peer-is-self', 'That is a history with the user of this profile.', {
        hint: 'Import it into a profile of the other person.',
      });
    }
    const added = await this.messages.addImported(messages.map((one) => this.#restored(one)));
    for (const [peerId, all] of Map.groupBy(messages, (one) => one.peerId)) {
      const clock = await this.clocks.get(this.conversationOf(peerId));
      for (const one of all) clock.observe(one.clock);
      await this.directory.introduce(peerId, all.find(({ direction }) => direction === 'in')?.user);
      // Whom one wrote to was no stranger.
      if (all.some(({ direction }) => direction === 'out')) await this.directory.accept(peerId);
    }
    const imported = messages.filter((_, at) => added[at]);
    for (const peerId of new Set(imported.map((one) => one.peerId)))
      this.events.publish({ type: 'history', peerId });
    return { imported: imported.length, known: added.length - imported.length };
  }

  #restored({ peerId, user: _, ...message }: EarlierMessage): Message {
    const common = { ...message, conversationId: this.conversationOf(peerId), kind: 'text' } as const;
    if (message.direction === 'in') return { ...common, author: peerId, state: 'read' };
    const mine = { ...common, author: this.self };
    return message.state === 'queued' ? { ...mine, state: 'failed', reason: NEVER_SENT } : mine;
  }
}
