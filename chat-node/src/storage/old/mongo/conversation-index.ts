import type { Clock } from '@p2p-chat/shared';
import type { ConversationKind, ConversationSummary } from '../../../chat/conversation.js';
import { type MessageDocument, messageOf, orderKeyBounds } from './message.schema.js';
import type { Models } from './models.js';

interface Entry {
  readonly kind: ConversationKind;
  unread: number;
  queued: number;
  /** Key of the last message in the conversation's order; null while there is none. */
  last: string | null;
}

/**
 * When everything is derived again after a write whose effect was not known,
 * in milliseconds from when the server answered again: one that hung may carry
 * out such a write after it has answered.
 */
export const RECOUNT_AFTER_MS: readonly number[] = [1_000, 5_000, 30_000];

// Until there are groups, every conversation is one of two people.
const KIND: ConversationKind = 'direct';

/**
 * The counters and the last message of each conversation, in memory.
 *
 * A message is one document, and no write changes two, so counters on disk
 * could differ from the messages after a crash. These are derived from the
 * messages at start, over the index of those that wait, and again after a
 * write whose effect is not known; in between they follow each write. One
 * node owns the database, so nobody else changes it meanwhile.
 */
export class ConversationIndex {
  #entries: Map<string, Entry> | null = null;
  #isDoubtful = false;
  /** Times on the monotonic clock. */
  #recounts: number[] = [];

  constructor(
    private readonly models: Models,
    private readonly clock: Clock,
  ) {}

  /** Derives everything from the messages, where it is not known, or may be wrong by now. */
  async load(): Promise<void> {
    const now = this.clock.monotonic();
    const isDue = this.#recounts.some((at) => at <= now);
    if (this.#entries !== null && !isDue) return;
    const [conversations, counts] = await Promise.all([
      this.models.conversations.find().lean(),
      this.models.messages.aggregate<{ _id: { conversation: string; waiting: string }; count: number }>([
        { $match: { waiting: { $in: ['delivery', 'reading'] } } },
        { $group: { _id: { conversation: '$conversation', waiting: '$waiting' }, count: { $sum: 1 } } },
      ]),
    ]);
    const entries = new Map<string, Entry>();
    await Promise.all(
      conversations.map(async ({ _id, kind }) => {
        entries.set(_id, { kind, unread: 0, queued: 0, last: await this.#lastKey(_id) });
      }),
    );
    for (const { _id, count } of counts) {
      const entry = entries.get(_id.conversation);
      if (entry === undefined) continue;
      if (_id.waiting === 'delivery') entry.queued = count;
      else entry.unread = count;
    }
    this.#entries = entries;
    this.#recounts = this.#isDoubtful
      ? RECOUNT_AFTER_MS.map((ms) => now + ms)
      : this.#recounts.filter((at) => at > now);
    this.#isDoubtful = false;
  }

  /** To be called after a write whose effect is not known: {@link load} finds out. */
  invalidate(): void {
    this.#entries = null;
    this.#isDoubtful = true;
  }

  /** Makes conversations that are not there. Before their first message, so that none is without. */
  async create(ids: Iterable<string>): Promise<void> {
    const missing = [...ids].filter((id) => !this.#known.has(id));
    if (missing.length === 0) return;
    await this.models.conversations.bulkWrite(
      missing.map((id) => ({
        updateOne: { filter: { _id: { $eq: id } }, update: { $setOnInsert: { kind: KIND } }, upsert: true },
      })),
    );
    for (const id of missing) this.#known.set(id, { kind: KIND, unread: 0, queued: 0, last: null });
  }

  /** Notes that a message was added. */
  added(document: MessageDocument): void {
    const entry = this.#known.get(document.conversation);
    if (entry === undefined) return;
    if (document.waiting === 'delivery') entry.queued += 1;
    else if (document.waiting === 'reading') entry.unread += 1;
    if (entry.last === null || entry.last < document._id) entry.last = document._id;
  }

  /** Notes that so many messages of a conversation are no longer queued. */
  left(conversationId: string, queued: number): void {
    const entry = this.#known.get(conversationId);
    if (entry !== undefined) entry.queued -= queued;
  }

  /** Notes that so many messages of a conversation were read. */
  read(conversationId: string, count: number): void {
    const entry = this.#known.get(conversationId);
    if (entry !== undefined) entry.unread -= count;
  }

  /** All conversations that have messages, the one with the greatest clock first. */
  async summaries(): Promise<ConversationSummary[]> {
    const summaries = await this.#summariesOf([...this.#known]);
    return summaries.sort((a, b) => (a.lastClock > b.lastClock ? -1 : a.lastClock < b.lastClock ? 1 : 0));
  }

  /** One conversation, or null where it has no message. */
  async summary(id: string): Promise<ConversationSummary | null> {
    const entry = this.#known.get(id);
    if (entry === undefined) return null;
    const [summary] = await this.#summariesOf([[id, entry]]);
    return summary ?? null;
  }

  get #known(): Map<string, Entry> {
    if (this.#entries === null) throw new Error('the conversations are not loaded');
    return this.#entries;
  }

  async #summariesOf(entries: readonly [string, Entry][]): Promise<ConversationSummary[]> {
    const keys = entries.flatMap(([, { last }]) => last ?? []);
    const documents = keys.length === 0 ? [] : await this.models.messages.find({ _id: { $in: keys } }).lean();
    const byKey = new Map(documents.map((document) => [document._id, messageOf(document)]));
    return entries.flatMap(([id, { kind, unread, queued, last }]) => {
      const message = last === null ? undefined : byKey.get(last);
      return message === undefined
        ? []
        : [
            {
              id,
              kind,
              unread,
              queued,
              lastClock: message.clock,
              last: message,
            } satisfies ConversationSummary,
          ];
    });
  }

  async #lastKey(conversationId: string): Promise<string | null> {
    const { first, last } = orderKeyBounds(conversationId);
    const document = await this.models.messages
      .findOne({ _id: { $gt: first, $lt: last } }, { _id: 1 })
      .sort({ _id: -1 })
      .lean();
    return document?._id ?? null;
  }
}
