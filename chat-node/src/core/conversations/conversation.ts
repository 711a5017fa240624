import { CLOCK_MERGE_LIMIT, clockMs, type ReadMark, type Tip } from '@p2p-chat/shared';
import { HybridClock } from '../feeds/hybrid-clock.js';
import { FeedIndex } from '../feeds/feed-index.js';
import type { Group } from '../roster/group.js';
import type {
  Change,
  ConversationKind,
  ConversationRecord,
  ConversationSnapshot,
  ConversationStore,
  Watermark,
} from '../ports/conversation.store.js';

/** A conversation in memory: its tips and watermarks, and of feeds that are looked at, the segments. */
export class Conversation {
  readonly #clock = new HybridClock();
  #record: ConversationRecord;
  #stored: boolean;
  /** Tips as they were loaded, of feeds whose segments were not. */
  readonly #tips = new Map<string, readonly Tip[]>();
  readonly #feeds = new Map<string, FeedIndex>();
  readonly #loading = new Map<string, Promise<FeedIndex>>();
  readonly #watermarks = new Map<string, Watermark>();

  /**
   * @param self own peer id
   * @param stored whether the store has it already
   * @param group of a group: its roster
   */
  constructor(
    private readonly self: string,
    snapshot: ConversationSnapshot,
    private readonly store: ConversationStore,
    stored: boolean,
    readonly group: Group | null = null,
  ) {
    this.#record = snapshot.record;
    this.#stored = stored;
    for (const { author, tips } of snapshot.feeds) {
      this.#tips.set(author, tips);
      for (const { clock } of tips) this.observe(author, clock);
    }
    for (const one of snapshot.watermarks) this.#watermarks.set(keyOf(one.author, one.member), one);
  }

  get id(): string {
    return this.#record.id;
  }

  get kind(): ConversationKind {
    return this.#record.kind;
  }

  /** Of a direct conversation: the other one. */
  get peerId(): string | null {
    return this.#record.peerId;
  }

  /** Peer ids of who is in it, oneself included. */
  members(): string[] {
    const { peerId } = this.#record;
    return this.group?.memberIds() ?? (peerId === null ? [] : [this.self, peerId]);
  }

  /** Everyone whose feed may have entries: who is or was in it. */
  writers(): string[] {
    return this.group?.authors() ?? this.members();
  }

  /** Whether an entry counts; one that its author wrote beyond their end in a group does not. The feed is loaded where they have one. */
  counts(author: string, segment: string, seq: number): boolean {
    const feed = this.#feeds.get(author);
    return this.group === null || feed === undefined || seq <= this.group.limit(author, feed, segment);
  }

  get record(): ConversationRecord {
    return this.#record;
  }

  /** Whether anything of it is stored. */
  get isStored(): boolean {
    return this.#stored;
  }

  /** Authors whose feeds have entries. */
  authors(): string[] {
    const all = new Set([...this.#tips.keys(), ...this.#feeds.keys()]);
    return [...all].filter((author) => this.tips(author).length > 0);
  }

  /** The tips of a feed; none where it is empty. */
  tips(author: string): readonly Tip[] {
    return this.#feeds.get(author)?.tips ?? this.#tips.get(author) ?? [];
  }

  /** The segments of a feed, loaded once. @throws {StorageError} */
  feed(author: string): Promise<FeedIndex> {
    const loaded = this.#feeds.get(author);
    if (loaded !== undefined) return Promise.resolve(loaded);
    const running = this.#loading.get(author);
    if (running !== undefined) return running;
    const loading = this.#load(author).finally(() => this.#loading.delete(author));
    this.#loading.set(author, loading);
    return loading;
  }

  /** Loads the feeds of which not all counts, as a roster says: what does depends on their segments. @throws {StorageError} */
  async loadCut({ roster }: Group): Promise<void> {
    for (const peerId of roster.forks.keys()) await this.feed(peerId);
    for (const { peerId, end } of roster.memberships.values()) if (end !== null) await this.feed(peerId);
  }

  /** The segments of a feed, where they were loaded. */
  loadedFeed(author: string): FeedIndex | undefined {
    return this.#feeds.get(author);
  }

  /** How many entries of a feed beyond these marks, each in its segment, are no messages. @throws {StorageError} */
  countSilent(author: string, beyond: readonly ReadMark[]): Promise<number> {
    return this.store.countSilent(this.id, author, beyond);
  }

  /** What a member said of a feed, and what was kept of it. */
  watermark(author: string, member: string): Watermark {
    const known = this.#watermarks.get(keyOf(author, member));
    return known ?? { conversation: this.id, author, member, have: [], read: [] };
  }

  /** Up to where the person here has read a feed. */
  seen(author: string): readonly ReadMark[] {
    return this.#record.seen.find((one) => one.author === author)?.marks ?? [];
  }

  /** The clock of the next entry of one's own. @param now wall clock in milliseconds since 1970 */
  nextClock(now: number): string {
    return this.#clock.next(Math.min(now, clockMs(CLOCK_MERGE_LIMIT)));
  }

  /**
   * Takes note of a clock in the conversation. One that is years ahead is taken
   * over from oneself alone, or a peer could make this node write what others refuse.
   */
  observe(author: string, clock: string): void {
    if (author === this.self || clock < CLOCK_MERGE_LIMIT) this.#clock.observe(clock);
  }

  /** What has to be committed before, or together with, the first batch or watermark. */
  toStore(): Change[] {
    return this.#stored ? [] : [{ type: 'conversation', record: this.#record }];
  }

  /** Takes note of changes that are durable now; those of other conversations are passed over. */
  committed(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'conversation' && change.record.id === this.id) {
        this.#record = change.record;
        this.#stored = true;
      } else if (change.type === 'watermark' && change.watermark.conversation === this.id) {
        this.#watermarks.set(keyOf(change.watermark.author, change.watermark.member), change.watermark);
      }
    }
  }

  async #load(author: string): Promise<FeedIndex> {
    // One that was never stored has nothing to load.
    const records = this.#stored ? await this.store.segments(this.id, author) : [];
    const feed = new FeedIndex(records);
    this.#feeds.set(author, feed);
    return feed;
  }
}

function keyOf(author: string, member: string): string {
  return `${author} ${member}`;
}
