import type { Mark } from '../feeds/feed-index.js';
import { Mutex } from '../mutex.js';
import type { ChatEvents, MessageRange } from '../events.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { countMessages, rangesBetween } from './coverage.js';
import type { Timeline, TimelineItem } from './timeline.js';

export interface ReadingParts {
  /** Own peer id. */
  self: string;
  store: ConversationStore;
  timeline: Timeline;
  events: ChatEvents;
  /** Whether the members of a conversation are told what was read in it. */
  tells: (conversation: Conversation) => boolean;
  /** Is called when they may be told more. */
  onTold: (conversation: Conversation) => void;
}

/** Items that are looked at a time for one of another author. */
const SCAN_PAGE = 128;

/** Takes note of how far the person here has read. */
export class Reading {
  readonly #mutex = new Mutex<string>();

  constructor(private readonly parts: ReadingParts) {}

  /**
   * The person has seen all up to a message. Durable when it resolves.
   * @param upTo null for all
   * @returns how many of them were unread
   * @throws {StorageError}
   */
  markRead(conversation: Conversation, upTo: TimelineItem | null): Promise<number> {
    return this.#mutex.run(conversation.id, () => this.#markRead(conversation, upTo));
  }

  async #markRead(conversation: Conversation, upTo: TimelineItem | null): Promise<number> {
    const { self, store, events } = this.parts;
    const tells = this.parts.tells(conversation);
    const told: Change[] = [];
    const ranges: MessageRange[] = [];
    let count = 0;
    let seen = conversation.record.seen;
    for (const author of conversation.authors()) {
      if (author === self) continue;
      const feed = await conversation.feed(author);
      const before = feed.covered(conversation.seen(author));
      if (feed.count(before) === feed.total()) continue;
      const marks = feed.greatest([
        ...conversation.seen(author),
        ...(await this.#marksUpTo(conversation, author, upTo)),
      ]);
      const after = feed.covered(marks);
      const added = rangesBetween(feed, before, after);
      if (added.length === 0) continue;
      count += await countMessages(conversation, author, feed, before);
      count -= await countMessages(conversation, author, feed, after);
      ranges.push(...added);
      seen = [...seen.filter((one) => one.author !== author), { author, marks }];
      if (tells) {
        const watermark = conversation.watermark(author, self);
        const read = feed.greatest([...watermark.read, ...marks]);
        told.push({ type: 'watermark', watermark: { ...watermark, read } });
      }
    }
    if (ranges.length === 0) return 0;
    const changes: Change[] = [{ type: 'conversation', record: { ...conversation.record, seen } }, ...told];
    await store.commit(changes);
    conversation.committed(changes);
    events.publish({ type: 'states', conversation: conversation.id, state: 'read', ranges });
    events.publish({ type: 'conversation', conversation: conversation.id });
    if (tells) this.parts.onTold(conversation);
    return count;
  }

  /** The entries of an author up to a message, as marks. */
  async #marksUpTo(
    conversation: Conversation,
    author: string,
    upTo: TimelineItem | null,
  ): Promise<readonly Mark[]> {
    const tips = conversation.tips(author).map(({ segment, seq }) => ({ segment, seq }));
    if (upTo === null) return tips;
    const own = markIn(upTo, author);
    if (own !== null) return [own];
    if (conversation.tips(author).every(({ clock }) => clock < upTo.clock)) return tips;
    for (let from = upTo; ;) {
      const page = await this.parts.timeline.page(conversation, { side: 'before', from, limit: SCAN_PAGE });
      for (const item of page.toReversed()) {
        const mark = markIn(item, author);
        if (mark !== null) return [mark];
      }
      const [earliest] = page;
      if (earliest === undefined) return [];
      from = earliest;
    }
  }
}

function markIn(item: TimelineItem, author: string): Mark | null {
  if (!('batch' in item) || item.author !== author) return null;
  return { segment: item.segment, seq: item.entry.seq };
}
