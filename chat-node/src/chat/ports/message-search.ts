import type { Message } from '../message.js';

export interface SearchQuery {
  /** At least one, as `queryWords` gives them: a message has for each of them a word that begins so. */
  words: readonly string[];
  /** Only messages of this conversation. */
  conversationId?: string;
  /** Only messages that were saved before the one with this id. */
  before?: string;
  /** 1 to MAX_SEARCH_PAGE. */
  limit: number;
}

/**
 * Finds messages by their words, whatever their conversation.
 *
 * What was saved before the call is found. Saving does no work for it: the
 * index is filled when nothing else is to be done, and before a search
 * answers, in steps between which messages are saved as ever.
 */
export abstract class MessageSearch {
  /**
   * The messages that match, the one that was saved last first. The cost of a
   * page does not grow with the pages before it.
   * @throws {ChatError} `message-unknown` where no message has the id of `before`
   * @throws {StorageError}
   */
  abstract search(query: SearchQuery): Promise<Message[]>;
}
