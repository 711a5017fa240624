import { queryWords } from '@p2p-chat/shared';
import { directConversationId } from './conversation.js';
import { ChatError } from './errors.js';
import type { Message } from './message.js';
import type { MessageRepository } from './ports/message.repository.js';
import type { MessageSearch } from './ports/message-search.js';

export interface SearchRequest {
  /** Only the conversation with this peer. */
  peerId?: string;
  /** Only messages that were saved before the one with this id. */
  before?: string;
  limit: number;
}

/** A message that was found, and its neighbours in the conversation. */
export interface FoundMessage {
  message: Message;
  previous: Message | null;
  next: Message | null;
}

/** Searches all history. */
export class SearchMessages {
  constructor(
    private readonly search: MessageSearch,
    private readonly messages: MessageRepository,
  ) {}

  /**
   * The messages that have all words of a text, the one that was saved last
   * first. Words count without case and diacritics, and their beginning is
   * enough.
   * @throws {ChatError} `search-empty`, `message-unknown`
   */
  async find(text: string, { peerId, before, limit }: SearchRequest): Promise<FoundMessage[]> {
    const words = queryWords(text);
    if (words.length === 0) {
      throw new ChatError('search-empty', 'There is no word to search for.', {
        hint: 'Give a word, or the beginning of one: letters, digits or an emoji.',
      });
    }
    const found = await this.search.search({
      words,
      limit,
      ...(peerId === undefined ? {} : { conversationId: directConversationId(peerId) }),
      ...(before === undefined ? {} : { before }),
    });
    return Promise.all(found.map((message) => this.#withNeighbours(message)));
  }

  async #withNeighbours(message: Message): Promise<FoundMessage> {
    const { conversationId, id } = message;
    const [[previous = null], [next = null]] = await Promise.all([
      this.messages.history(conversationId, { before: id, limit: 1 }),
      this.messages.history(conversationId, { after: id, limit: 1 }),
    ]);
    return { message, previous, next };
  }
}
