import { queryWords } from '@p2p-chat/shared';
import { ChatError } from '../errors.js';
import type { ConversationStore } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import type { Conversations } from './conversations.js';
import type { Message } from './message.js';
import { Projection, type TimelineItem } from './projection.js';
import type { Timeline } from './timeline.js';

export interface SearchRequest {
  /** Only in this conversation. */
  conversation?: string;
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

export interface SearchParts {
  /** Own peer id. */
  self: string;
  store: ConversationStore;
  conversations: Conversations;
  timeline: Timeline;
}

/** Searches all history. */
export class MessageSearch {
  constructor(private readonly parts: SearchParts) {}

  /**
   * The messages that have all words of a text, the one that was saved last
   * first. Words count without case and diacritics, and their beginning is
   * enough.
   * @throws {ChatError} `search-empty`, `message-unknown`
   */
  async find(text: string, request: SearchRequest): Promise<FoundMessage[]> {
    const words = queryWords(text);
    if (words.length === 0) {
      throw new ChatError('search-empty', 'There is no word to search for.', {
        hint: 'Give a word, or the beginning of one: letters, digits or an emoji.',
      });
    }
    const { store, conversations, timeline } = this.parts;
    const places = await store.search({ words, ...request });
    const found = await Promise.all(
      places.map(async (place) => {
        const { conversation: id } = 'imported' in place ? place.imported : place;
        const conversation = conversations.get(id);
        const item = conversation === undefined ? null : await timeline.at(conversation, place);
        return conversation === undefined || item === null
          ? []
          : [await this.#withNeighbours(conversation, item)];
      }),
    );
    return found.flat();
  }

  async #withNeighbours(conversation: Conversation, item: TimelineItem): Promise<FoundMessage> {
    const { timeline, self } = this.parts;
    const [[before], [after]] = await Promise.all([
      timeline.page(conversation, { side: 'before', from: item, limit: 1 }),
      timeline.page(conversation, { side: 'after', from: item, limit: 1 }),
    ]);
    const items = [item, before, after].filter((one) => one !== undefined);
    const messages = await new Projection(self, conversation).messages(items);
    const shown = new Map(messages.map((message) => [message.id, message]));
    return {
      message: shown.get(item.id) as Message,
      previous: (before && shown.get(before.id)) ?? null,
      next: (after && shown.get(after.id)) ?? null,
    };
  }
}
