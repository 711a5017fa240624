import {
  changeId,
  type Entry,
  entriesOf,
  messageId,
  parseMessageId,
  type RosterOperation,
  segmentTag,
  type Sha256,
} from '@p2p-chat/shared';
import type {
  ConversationStore,
  ImportedMessage,
  KeptBatch,
  MessagePlace,
  StoredBatch,
} from '../ports/conversation.store.js';
import type { Conversation } from './conversation.js';
import { compareMessages, type MessageOrder } from './message.js';
import { referencesOf } from './references.js';

/** An entry of a timeline, not read yet. */
export interface TimelineEntry extends MessageOrder {
  segment: string;
  entry: Entry;
  receivedAt: number | null;
  /** The batch that it is of. */
  batch: KeptBatch['batch'];
}

/** A change of a group's roster, as a line among the messages. */
export type TimelineChange = MessageOrder & { operation: RosterOperation };

/** An entry, or a message of an earlier history. */
export type MessageItem = TimelineEntry | (MessageOrder & { imported: ImportedMessage });

/** What a timeline consists of: messages, and changes of the roster among them. */
export type TimelineItem = MessageItem | TimelineChange;

export interface TimelinePage {
  side: 'before' | 'after';
  /** Where the page begins, not part of it; null for the latest or the first ones. */
  from: MessageOrder | null;
  limit: number;
}

/** Before and behind all messages; stores that keep clocks as signed integers sort them alike. */
const FIRST: MessageOrder = { clock: '0'.repeat(16), author: '', id: '' };
const LAST: MessageOrder = { clock: `7${'f'.repeat(15)}`, author: '', id: '' };
/** Batches that are read at a time: few at first, because one may hold a whole page. */
const FIRST_STEP = 8;
const MAX_STEP = 64;
/** Imported messages that are read at a time, at least. */
const IMPORTED_STEP = 16;

/**
 * The messages of a conversation in their order, in pages. They are read from
 * batches, whose clocks overlap by no more than a minute: what a page costs
 * does not grow with the conversation.
 */
export class Timeline {
  constructor(
    private readonly store: ConversationStore,
    private readonly sha256: Sha256,
  ) {}

  /** One page, oldest first. @throws {StorageError} */
  async page(conversation: Conversation, { side, from, limit }: TimelinePage): Promise<TimelineItem[]> {
    const start = from ?? (side === 'before' ? LAST : FIRST);
    const found = new NearestItems(side, start, limit);
    if (from !== null) {
      for (const batch of await this.store.around(conversation.id, from.clock))
        found.add(this.lines(conversation, batch));
    }
    await this.#addBatches(conversation, side, start, limit, found);
    await this.#addImported(conversation, side, start, limit, found);
    found.add(this.changes(conversation));
    return found.oldestFirst();
  }

  /** The changes of a group's roster, in order. */
  changes({ group }: Conversation): TimelineChange[] {
    const changes = group?.changes() ?? [];
    return changes.map((operation) => {
      const { clock, author, hash } = operation;
      return { clock, author, id: changeId(hash), operation };
    });
  }

  /** What stands at a place; null where its batch was dropped. @throws {StorageError} */
  async at(conversation: Conversation, place: MessagePlace): Promise<MessageItem | null> {
    if ('imported' in place) return importedItem(place.imported);
    const { author, segment, seq } = place;
    const kept = await this.store.batchOf(conversation.id, author, segment, seq);
    if (kept === null) return null;
    return this.entries(conversation, kept).find(({ entry }) => entry.seq === seq) ?? null;
  }

  /** The entries of a batch that was just saved, but for those that only change other messages. */
  items(conversation: Conversation, kept: KeptBatch): TimelineEntry[] {
    return this.lines(conversation, { ...kept, silent: referencesOf(kept.batch).silent });
  }

  /** The entries of a batch. */
  entries(conversation: Conversation, { batch, receivedAt }: KeptBatch): TimelineEntry[] {
    const { author, segment } = batch;
    const tag =
      conversation.loadedFeed(author)?.get(segment)?.tag ??
      segmentTag(conversation.id, author, segment, this.sha256);
    const counted = entriesOf(batch).filter(({ seq }) => conversation.counts(author, segment, seq));
    return counted.map((entry) => {
      return { clock: entry.clock, author, id: messageId(tag, entry.seq), segment, entry, receivedAt, batch };
    });
  }

  /** The entries of a stored batch that have a line of their own. */
  lines(conversation: Conversation, kept: KeptBatch & Pick<StoredBatch, 'silent'>): TimelineEntry[] {
    const entries = this.entries(conversation, kept);
    return kept.silent.length === 0
      ? entries
      : entries.filter(({ entry }) => !kept.silent.includes(entry.seq));
  }

  async #addBatches(
    conversation: Conversation,
    side: 'before' | 'after',
    start: MessageOrder,
    limit: number,
    found: NearestItems,
  ): Promise<void> {
    const nearest = (batch: StoredBatch): string =>
      side === 'before' ? batch.batch.lastClock : batch.batch.firstClock;
    // Those that hold an entry at the very clock are among the ones around it.
    let cursor = { clock: start.clock, position: side === 'before' ? 0 : Number.MAX_SAFE_INTEGER };
    for (let step = Math.min(limit + 1, FIRST_STEP); ; step = Math.min(2 * step, MAX_STEP)) {
      const batches = await this.store[side](conversation.id, cursor, step);
      for (const batch of batches) {
        // All that is still to come stands behind the page. At an equal clock it may not.
        if (found.isCompleteAt(nearest(batch))) return;
        found.add(this.lines(conversation, batch));
      }
      const last = batches.at(-1);
      if (last === undefined || batches.length < step) return;
      cursor = { clock: nearest(last), position: last.position };
    }
  }

  async #addImported(
    conversation: Conversation,
    side: 'before' | 'after',
    start: MessageOrder,
    limit: number,
    found: NearestItems,
  ): Promise<void> {
    const step = Math.max(limit, IMPORTED_STEP);
    for (let place = start; ;) {
      const messages = await this.store.imported(conversation.id, side, place, step);
      for (const message of messages) {
        if (!(await isHeld(conversation, message))) found.add([importedItem(message)]);
      }
      const last = messages.at(-1);
      if (last === undefined || messages.length < step || found.isCompleteAt(last.clock)) return;
      place = { clock: last.clock, author: last.author, id: last.id };
    }
  }
}

/** The items nearest to a place, on one side of it. */
class NearestItems {
  #items: TimelineItem[] = [];
  readonly #compare: (a: MessageOrder, b: MessageOrder) => number;

  constructor(
    private readonly side: 'before' | 'after',
    private readonly start: MessageOrder,
    private readonly limit: number,
  ) {
    this.#compare = side === 'after' ? compareMessages : (a, b) => compareMessages(b, a);
  }

  add(items: readonly TimelineItem[]): void {
    for (const item of items) if (this.#compare(this.start, item) < 0) this.#items.push(item);
    if (this.#items.length < this.limit) return;
    this.#items.sort(this.#compare);
    this.#items.length = this.limit;
  }

  /** Whether there are as many as are wanted, all nearer than anything of this clock. */
  isCompleteAt(clock: string): boolean {
    const farthest = this.#items[this.limit - 1];
    if (farthest === undefined) return false;
    return this.side === 'before' ? farthest.clock > clock : farthest.clock < clock;
  }

  oldestFirst(): TimelineItem[] {
    return this.#items.sort(compareMessages);
  }
}

function importedItem(imported: ImportedMessage): MessageItem {
  const { clock, author, id } = imported;
  return { clock, author, id, imported };
}

/** Whether the real entry of an imported message is here. */
async function isHeld(conversation: Conversation, message: ImportedMessage): Promise<boolean> {
  const id = parseMessageId(message.id);
  if (id === null || conversation.tips(message.author).length === 0) return false;
  const segment = (await conversation.feed(message.author)).tagged(id.tag);
  return segment !== undefined && id.seq <= segment.tip.seq;
}
