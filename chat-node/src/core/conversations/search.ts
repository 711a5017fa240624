import { queryWords, readContent } from '@p2p-chat/shared';
import { ChatError } from '../errors.js';
import type { MessagePlace } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import type { Conversations } from './conversations.js';
import type { Message } from './message.js';
import { Projection, type ProjectionParts } from './projection.js';
import type { MessageItem } from './timeline.js';

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

export interface SearchParts extends ProjectionParts {
  conversations: Conversations;
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
    const { store } = this.parts;
    const found: FoundMessage[] = [];
    let before = request.before === undefined ? undefined : await this.#current(request.before);
    for (;;) {
      const limit = request.limit - found.length;
      const places = await store.search({
        words,
        ...request,
        limit,
        ...(before === undefined ? {} : { before }),
      });
      const shown = await Promise.all(places.map((place) => this.#found(place)));
      found.push(...shown.flatMap(({ message }) => (message === null ? [] : [message])));
      before = shown.at(-1)?.id;
      if (found.length === request.limit || places.length < limit || before === undefined) return found;
    }
  }

  /** The id of the entry by which a message is found now: that of its latest edit, or its own. */
  async #current(id: string): Promise<string> {
    const place = await this.parts.store.find(id);
    const located = place === null ? null : await this.#at(place);
    if (located === null) return id;
    const effects = await new Projection(this.parts, located.conversation).effects([located.item]);
    return effects.get(located.item.id)?.edit?.entry.id ?? id;
  }

  async #at(place: MessagePlace): Promise<{ conversation: Conversation; item: MessageItem } | null> {
    const { conversations, timeline } = this.parts;
    const conversation = conversations.get(
      'imported' in place ? place.imported.conversation : place.conversation,
    );
    const item = conversation === undefined ? null : await timeline.at(conversation, place);
    return conversation === undefined || item === null ? null : { conversation, item };
  }

  /** What stands at a place: a message as it is now, or the latest edit of one; nothing where it says that no more. */
  async #found(place: MessagePlace): Promise<{ id: string | undefined; message: FoundMessage | null }> {
    const found = await this.#at(place);
    if (found === null) return { id: 'imported' in place ? place.imported.id : undefined, message: null };
    const { conversation, item } = found;
    const projection = new Projection(this.parts, conversation);
    const content = 'imported' in item ? null : readContent(item.entry.content);
    const target =
      content?.kind === 'edit' ? await this.parts.store.find(projection.idOf(content.target)) : null;
    const original =
      content?.kind === 'edit' ? target && (await this.parts.timeline.at(conversation, target)) : item;
    if (original === null) return { id: item.id, message: null };
    const effects = (await projection.effects([original])).get(original.id);
    const isCurrent = (effects?.edit?.entry.id ?? original.id) === item.id && !effects?.deleted;
    return { id: item.id, message: isCurrent ? await this.#withNeighbours(conversation, original) : null };
  }

  async #withNeighbours(conversation: Conversation, item: MessageItem): Promise<FoundMessage> {
    const { timeline } = this.parts;
    const [[before], [after]] = await Promise.all([
      timeline.page(conversation, { side: 'before', from: item, limit: 1 }),
      timeline.page(conversation, { side: 'after', from: item, limit: 1 }),
    ]);
    const items = [item, before, after].filter((one) => one !== undefined);
    const messages = await new Projection(this.parts, conversation).messages(items);
    const shown = new Map(messages.map((message) => [message.id, message]));
    return {
      message: shown.get(item.id) as Message,
      previous: (before && shown.get(before.id)) ?? null,
      next: (after && shown.get(after.id)) ?? null,
    };
  }
}
