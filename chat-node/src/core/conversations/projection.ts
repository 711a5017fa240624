import { type Entry, readContent } from '@p2p-chat/shared';
import type { Mark } from '../feeds/feed-index.js';
import type { ImportedMessage } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { coverage, loadForMarks } from './coverage.js';
import type { DeliveryState, Message, MessageOrder } from './message.js';

/** An entry of a timeline, not read yet. */
export interface TimelineEntry extends MessageOrder {
  segment: string;
  entry: Entry;
  receivedAt: number | null;
}

/** What a timeline consists of: entries, and messages of an earlier history. */
export type TimelineItem = TimelineEntry | (MessageOrder & { imported: ImportedMessage });

type StateOf = (segment: string, seq: number) => DeliveryState;

/** Shows entries of one conversation as messages, with the states that they have now. */
export class Projection {
  readonly #states = new Map<string, StateOf>();

  /** @param self own peer id */
  constructor(
    private readonly self: string,
    private readonly conversation: Conversation,
  ) {}

  /** Shows what was read from the store. @throws {StorageError} */
  async messages(items: readonly TimelineItem[]): Promise<Message[]> {
    for (const author of new Set(items.map((item) => item.author))) {
      for (const marks of this.#marks(author)) await loadForMarks(this.conversation, author, marks);
    }
    return items.map((item) => this.message(item));
  }

  /** Shows one; its state is known where its feed is loaded. */
  message(item: TimelineItem): Message {
    return 'imported' in item ? this.#imported(item.imported) : this.#entry(item);
  }

  #entry({ id, author, segment, entry, receivedAt }: TimelineEntry): Message {
    return {
      id,
      conversation: this.conversation.id,
      author,
      direction: author === this.self ? 'out' : 'in',
      content: readContent(entry.content),
      clock: entry.clock,
      sentAt: entry.sentAt,
      receivedAt: author === this.self ? null : receivedAt,
      state: this.#stateOf(author)(segment, entry.seq),
    };
  }

  #imported({ content, ...message }: ImportedMessage): Message {
    const direction = message.author === this.self ? 'out' : 'in';
    return { ...message, direction, content: readContent(content) };
  }

  #stateOf(author: string): StateOf {
    let stateOf = this.#states.get(author);
    if (stateOf === undefined) this.#states.set(author, (stateOf = this.#create(author)));
    return stateOf;
  }

  #create(author: string): StateOf {
    const [read, have] = this.#marks(author).map((marks) => coverage(this.conversation, author, marks));
    const least = author === this.self ? 'queued' : 'delivered';
    return (segment, seq) => {
      if (read?.(segment, seq)) return 'read';
      return have?.(segment, seq) ? 'delivered' : least;
    };
  }

  /** What was read of a feed, and of one's own also what was delivered. */
  #marks(author: string): (readonly Mark[])[] {
    const { conversation, self } = this;
    if (author !== self) return [conversation.seen(author)];
    if (conversation.peerId === null) return [];
    const { have, read } = conversation.watermark(self, conversation.peerId);
    return [read, have];
  }
}
