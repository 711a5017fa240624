import {
  Backoff,
  type Batch,
  bytesOfHex,
  conversationDigest,
  type DeleteContent,
  errorCode,
  forkBetween,
  type FeedStatement,
  hex,
  lastSeq,
  MAX_FEED_TIPS,
  MAX_FEEDS_PER_FRAME,
  MAX_WANTED_SEGMENTS,
  ProtocolError,
  REQUEST_RETRY_MS,
  type RosterOperation,
  segmentTag,
  shortPeerId,
  type StateFrame,
  type Timer,
  type Tip,
  type WantFrame,
} from '@p2p-chat/shared';
import type { Conversation } from '../conversations/conversation.js';
import { rangesBetween } from '../conversations/coverage.js';
import type { Erasure } from '../conversations/erasing.js';
import { withReceipts } from '../conversations/receipt-times.js';
import { StorageError } from '../errors.js';
import type { MessageRange } from '../events.js';
import type { Covered, FeedIndex, Mark } from '../feeds/feed-index.js';
import type { Change, ReceiptTime, Watermark } from '../ports/conversation.store.js';
import type { PeerLink } from '../ports/peer-link.js';
import { type Group, isLate } from '../roster/group.js';
import type { DeliveryParts } from './delivery.js';
import { ErasureProofs } from './erasure-proofs.js';
import { FeedSender } from './feed-sender.js';
import { rosterFrames } from './roster-frames.js';
import { STORAGE_BACKOFF } from './storage-backoff.js';
import { wantFrames } from './want-frames.js';

/** Batches that are committed together. */
const MAX_GROUP_BATCHES = 64;

/** What the far end has said of one's own feed: what was covered before, and what is now. */
interface Moved {
  known: Covered;
  now: Covered;
  /** When what was covered before was learnt. */
  times: readonly ReceiptTime[];
}

/**
 * One conversation over one link: says what is held, sends what the far end
 * lacks, takes what it sends, and asks for what only the far end has.
 *
 * In a group the rosters come first. Then each end sends its own feed; feeds of others go where they
 * are asked for (`Relays` says of whom). Who is no member gets the roster at most.
 */
export class Exchange {
  readonly #feeds = new Map<string, FeedIndex>();
  readonly #senders = new Map<string, FeedSender>();
  readonly #received: { batch: Batch; done: () => void; failed: (error: unknown) => void }[] = [];
  /** Own tips when the digest was sent: what an equal one states. */
  #digestTips: readonly Tip[] = [];
  #digest = '';
  /** What the far end said of its own and of this node's feed last, where not all of it is held yet. */
  readonly #unplaced = new Map<string, readonly Tip[]>();
  /** Segments that were asked for from their start, because the far end holds another branch of them. */
  readonly #branches = new Set<string>();
  /** Feeds whose segments were told, to get what is missing. */
  readonly #asked = new Set<string>();
  /** Pages of a `want` that is not whole yet. */
  readonly #wanted = new Map<string, Covered>();
  /** Hashes of the tips that the far end was told of its own feed last; null before that. */
  #told: string | null = null;
  /** Whether batches of the far end are not taken for now. */
  #refusing = false;
  #hold: Timer | null = null;
  #closed = false;
  #taking = false;
  readonly #proofs: ErasureProofs;
  /** Whether feeds are exchanged: in a group while both ends are members. */
  #isActive = false;
  /** Whether the far end knows of the group, or is asked what it knows. */
  #isKnown = false;
  /** Hash of the roster of which the far end was told what is held. */
  #rosterTold = '';
  /** What the far end said last of feeds that are neither its own nor this node's. */
  readonly #offered = new Map<string, readonly Tip[]>();
  /** Up to where the far end's feed was read, as it was told last. */
  #readTold = '';

  constructor(
    private readonly link: PeerLink,
    readonly conversation: Conversation,
    private readonly parts: DeliveryParts,
  ) {
    const { store, keys } = parts;
    this.#proofs = new ErasureProofs(store, keys.sha256, parts.mayDelete(conversation));
  }

  /** Loads the feeds of both ends. @returns the digest, 32 hexadecimal digits @throws {StorageError} */
  async open(): Promise<string> {
    this.#isActive = this.#mayExchange;
    if (this.#isActive) await this.#openFeeds();
    return this.#takeDigest();
  }

  /** Whether both ends are members, where it is a group. */
  get isActive(): boolean {
    return this.#isActive && !this.#closed;
  }

  /** Whether the far end is told at the opening of the link that the conversation is there. */
  get isShared(): boolean {
    const { group } = this.conversation;
    if (group === null) return true;
    const isKnownToBoth = group.concerns(this.#self) && group.concerns(this.#peer);
    return isKnownToBoth && (group.isMember(this.#self) || group.isMember(this.#peer));
  }

  get peerId(): string {
    return this.#peer;
  }

  close(): void {
    this.#closed = true;
    this.#hold?.clear();
    for (const sender of this.#senders.values()) sender.stop();
  }

  /** The far end's digest; null where it did not name the conversation. */
  async digest(theirs: string | null): Promise<void> {
    const { group } = this.conversation;
    if (group !== null) return this.#groupDigest(group, theirs);
    if (theirs === this.#digest) {
      await this.#stated(this.#self, this.#digestTips);
      return;
    }
    const { read } = this.conversation.watermark(this.#peer, this.#self);
    this.#say([
      { author: this.#self, tips: this.#feed(this.#self).tips },
      { author: this.#peer, read },
    ]);
  }

  async state({ feeds, hold }: StateFrame): Promise<void> {
    if (!this.#isActive) return;
    if (hold === undefined) this.#goOn();
    else this.#wait(hold);
    for (const { author, tips, read } of feeds) {
      if (author === this.#self) {
        if (tips !== undefined) await this.#stated(author, tips);
        if (read !== undefined) await this.#note(author, [], read);
      } else if (author === this.#peer && tips !== undefined) {
        await this.#statedOwn(tips);
        await this.#compareBranches(author, tips);
      } else if (tips !== undefined && this.#feeds.has(author)) {
        this.#statedOther(author, tips);
        // What was sent and comes back as an acknowledgement is no news.
        if (this.#senders.get(author)?.isStarted !== true) await this.#compareBranches(author, tips);
      }
    }
  }

  /** The far end tells all that it holds of a feed. */
  async want({ author, segments, more, stop }: WantFrame): Promise<void> {
    const sender = this.#senders.get(author);
    if (sender === undefined) return;
    if (stop === true) return sender.end();
    const all: Covered = this.#wanted.get(author) ?? new Map<string, number>();
    for (const [segment, seq] of segments) all.set(segment, seq);
    if (all.size > MAX_WANTED_SEGMENTS)
      throw new ProtocolError('frame-malformed', 'A want has too many segments.');
    if (more) return void this.#wanted.set(author, all);
    this.#wanted.delete(author);
    const feed = this.#feed(author);
    const lacks = [...all].some(([segment, seq]) => !feed.holds({ segment, seq }));
    const covered: Covered = new Map();
    for (const [segment, seq] of all) {
      const held = Math.min(seq, feed.get(segment)?.tip.seq ?? 0);
      if (held > 0) covered.set(segment, held);
    }
    if (author === this.#self) await this.#note(author, this.#tipsWithin(feed, covered), []);
    if (author !== this.#peer || !(await this.#hasDropped(feed, covered))) sender.start(covered);
    // Of others in a group one end at a time is asked, which that one's statement decides.
    if (lacks && (author === this.#self || author === this.#peer)) this.#ask(author);
  }

  /** A batch that was verified. Resolves when it was dealt with. @throws {ProtocolError} where it does not belong here */
  batch(batch: Batch): Promise<void> {
    if (!this.#feeds.has(batch.author)) {
      // The far end may know of members that this node does not know of yet, or any more.
      if (this.conversation.group !== null) return Promise.resolve();
      throw new ProtocolError('batch-malformed', 'Its author is no member of the conversation.');
    }
    return new Promise((done, failed) => {
      this.#received.push({ batch, done, failed });
      if (!this.#taking) void this.#takeAll();
    });
  }

  /** Batches of one's own are durable. */
  appended(batches: readonly Batch[]): void {
    this.#senders.get(this.#self)?.appended(batches);
  }

  /** Batches of others in a group are durable: they go on to the far end where it asked for that. */
  passOn(batches: readonly Batch[]): void {
    for (const [author, all] of Map.groupBy(batches, (batch) => batch.author)) {
      if (author !== this.#peer) this.#senders.get(author)?.appended(all);
    }
  }

  /** The far end asks for what it lacks of the roster. @param have what it holds */
  rosterAsked(have: readonly string[]): void {
    const group = this.conversation.group as Group;
    this.#isKnown = true;
    this.#tellOperations(group.lackedBy(have, this.#peer));
    if (have.some((hash) => !group.has(hash))) this.#askRoster(group);
  }

  /**
   * The roster has changed: feeds begin or end to be exchanged.
   * @param operations to be told to the far end
   */
  async rosterChanged(operations: readonly RosterOperation[]): Promise<void> {
    const group = this.conversation.group as Group;
    // Nothing to tell means that they came from the far end, which knows of the group then.
    if (operations.length === 0) this.#isKnown = true;
    else if (!this.#isKnown && this.isShared) this.#askRoster(group);
    else this.#tellOperations(group.tellable(operations, this.#peer));
    const wasActive = this.#isActive;
    const isActive = this.#mayExchange;
    if (isActive) await this.#openFeeds();
    this.#isActive = isActive;
    if (isActive && !wasActive) {
      this.#sayAll();
      // What the far end said of its feeds before came too early: it says it once more.
      this.link.send({ type: 'digests', conversations: [[this.conversation.id, this.#takeDigest()]] });
    }
    // What waits to be acknowledged there may not count any more.
    for (const author of group.roster.forks.keys()) this.#senders.get(author)?.resume();
    if (!isActive) {
      for (const sender of this.#senders.values()) sender.stop();
      this.#senders.clear();
      this.#feeds.clear();
    }
  }

  /** Tells the digest once more where it is another one than was told. */
  tellDigest(digest = this.#currentDigest()): void {
    if (!this.isActive || digest === this.#digest) return;
    this.link.send({ type: 'digests', conversations: [[this.conversation.id, this.#takeDigest(digest)]] });
  }

  /** Whether the far end said that it holds something of somebody's feed that this node does not. */
  offers(author: string): boolean {
    const feed = this.#feeds.get(author);
    return this.#offered.get(author)?.some((tip) => feed?.holds(tip) === false) === true;
  }

  /** Asks the far end to send what it has of somebody's feed, and what comes. */
  askFor(author: string): void {
    if (!this.#feeds.has(author)) return;
    this.#asked.delete(author);
    this.#ask(author);
  }

  /** Takes back {@link askFor}. */
  stopAsking(author: string): void {
    this.#asked.delete(author);
    const { id } = this.conversation;
    this.link.send({ type: 'want', conversation: id, author, segments: [], more: false, stop: true });
  }

  /** The person here has read more. */
  readMoved(): void {
    if (!this.#isActive) return;
    const told = JSON.stringify(this.conversation.watermark(this.#peer, this.#self).read);
    if (this.conversation.group !== null && told === this.#readTold) return;
    this.#readTold = told;
    this.#say([{ author: this.#peer, read: this.conversation.watermark(this.#peer, this.#self).read }]);
  }

  /** The person here has decided about the far end: what was held up may come. */
  decided(): void {
    if (!this.#refusing) return;
    this.#refusing = false;
    this.#sayHeld([this.#peer]);
  }

  get #self(): string {
    return this.parts.keys.peerId;
  }

  get #peer(): string {
    return this.link.peer.peerId;
  }

  #feed(author: string): FeedIndex {
    // A feed that is no longer exchanged stays loaded.
    const feed = this.#feeds.get(author) ?? this.conversation.loadedFeed(author);
    if (feed === undefined) throw new Error('open() comes first');
    return feed;
  }

  get #mayExchange(): boolean {
    const { group } = this.conversation;
    return group === null || (group.isMember(this.#self) && group.isMember(this.#peer));
  }

  async #openFeeds(): Promise<void> {
    const { store, clock, random, log } = this.parts;
    for (const author of this.conversation.writers()) {
      if (this.#feeds.has(author)) continue;
      const feed = await this.conversation.feed(author);
      this.#feeds.set(author, feed);
      const isFor = (batch: Batch): boolean => this.#isForPeer(batch, feed);
      const conversation = this.conversation.id;
      // What its author has erased needs no proof.
      const proofs = author === this.#self ? {} : { proofs: this.#proofs };
      const parts = {
        link: this.link,
        conversation,
        author,
        feed,
        isFor,
        ...proofs,
        store,
        clock,
        random,
        log,
      };
      this.#senders.set(author, new FeedSender(parts));
    }
  }

  /** Whether a batch is sent to the far end, where it is a group. */
  #isForPeer(batch: Batch, feed: FeedIndex): boolean {
    const { group } = this.conversation;
    if (group === null) return true;
    return (
      batch.lastClock > group.historyFrom(this.#peer) &&
      lastSeq(batch) <= group.limit(batch.author, feed, batch.segment)
    );
  }

  /** The tips of a feed that are for both ends. */
  #tips(author: string): readonly Tip[] {
    const { group } = this.conversation;
    const feed = this.#feed(author);
    if (group === null) return feed.tips;
    const [one, other] = [group.historyFrom(this.#self), group.historyFrom(this.#peer)];
    return group.tips(author, feed, one > other ? one : other);
  }

  #takeDigest(digest = this.#currentDigest()): string {
    if (this.#isActive) this.#digestTips = this.#tips(this.#self);
    return (this.#digest = digest);
  }

  async #groupDigest(group: Group, theirs: string | null): Promise<void> {
    if (!this.isShared) {
      // Who was in learns that they, or this node, are not any more; anybody else nothing.
      if (theirs !== null) this.#tellOperations(group.lackedBy([], this.#peer));
      return;
    }
    const digest = this.#currentDigest();
    if (theirs === digest) {
      this.#isKnown = true;
      this.#takeDigest(digest);
      if (this.#isActive) await this.#stated(this.#self, this.#digestTips);
      return;
    }
    // The far end says what it holds where it learns that this node holds something else.
    this.tellDigest(digest);
    this.#askRoster(group);
    if (this.#isActive) this.#sayAll();
  }

  /** Says what is held of the roster, so that the far end sends the rest; once for each roster. */
  #askRoster(group: Group): void {
    this.#isKnown = true;
    if (this.#rosterTold === group.hash) return;
    this.#rosterTold = group.hash;
    const { id } = this.conversation;
    this.link.send({ type: 'roster', conversation: id, have: group.locator(), operations: [], more: false });
  }

  #tellOperations(operations: readonly RosterOperation[]): void {
    for (const frame of rosterFrames(this.conversation.id, operations)) this.link.send(frame);
  }

  /** Says what is held of all feeds, and what was read of the far end's. */
  #sayAll(): void {
    const told = this.#tips(this.#peer);
    const { read } = this.conversation.watermark(this.#peer, this.#self);
    this.#readTold = JSON.stringify(read);
    const others = [...this.#feeds.keys()].filter((author) => author !== this.#self && author !== this.#peer);
    this.#say([
      { author: this.#self, tips: this.#tips(this.#self) },
      { author: this.#peer, tips: told, read },
      ...others.map((author) => ({ author, tips: this.#tips(author) })).filter(({ tips }) => tips.length > 0),
    ]);
  }

  /** The far end holds this of the feed of somebody else. */
  #statedOther(author: string, tips: readonly Tip[]): void {
    this.#offered.set(author, tips);
    const feed = this.#feed(author);
    const sender = this.#senders.get(author);
    if (sender?.isStarted === true) sender.acknowledged(tips.filter((tip) => feed.holds(tip)));
    if (this.offers(author)) this.parts.onOffered(this.conversation);
  }

  #currentDigest(): string {
    const { conversation } = this;
    const { group } = conversation;
    const roster = group === null ? {} : { roster: bytesOfHex(group.hash) };
    if (!this.#isActive) {
      const state = { ...roster, feeds: [], reads: [] };
      return hex(conversationDigest(conversation.id, state, this.parts.keys.sha256));
    }
    const [self, peer] = [this.#self, this.#peer];
    const feeds = [...this.#feeds.keys()].map((author) => ({ author, tips: this.#tips(author) }));
    const reads = [
      { member: self, author: peer, read: conversation.watermark(peer, self).read },
      { member: peer, author: self, read: conversation.watermark(self, peer).read },
    ];
    return hex(conversationDigest(conversation.id, { ...roster, feeds, reads }, this.parts.keys.sha256));
  }

  /** The far end holds this of one's own feed. */
  async #stated(author: string, tips: readonly Tip[]): Promise<void> {
    const feed = this.#feed(author);
    const held = tips.filter((tip) => feed.holds(tip));
    const sender = this.#senders.get(author);
    if (held.length < tips.length) {
      this.#unplaced.set(author, tips);
      this.#ask(author);
    } else {
      this.#unplaced.delete(author);
      this.#asked.delete(author);
      if (sender?.isStarted === false) sender.start(feed.covered(held));
    }
    sender?.acknowledged(held);
    await this.#note(author, held, []);
  }

  /** The far end holds this of its own feed: it is told what is held here. */
  async #statedOwn(tips: readonly Tip[]): Promise<void> {
    const feed = this.#feed(this.#peer);
    const held = tips.filter((tip) => feed.holds(tip));
    this.#senders.get(this.#peer)?.acknowledged(held);
    // An author that was restored learns nothing of batches that were dropped here.
    const told = (await this.#hasDropped(feed, feed.covered(held))) ? held : this.#tips(this.#peer);
    const hashes = told.map(({ hash }) => hash).join();
    if (hashes === this.#told) return;
    this.#told = hashes;
    this.#say([{ author: this.#peer, tips: told }]);
  }

  async #hasDropped(feed: FeedIndex, covered: Covered): Promise<boolean> {
    if (this.conversation.group !== null) return false;
    const { store } = this.parts;
    for (const [segment, seq] of feed.vector()) {
      const from = covered.get(segment) ?? 0;
      if (seq > from && (await store.hasDropped(this.conversation.id, this.#peer, segment, from)))
        return true;
    }
    return false;
  }

  /** Tells all that is held of a feed, so that the far end sends the rest. */
  #ask(author: string): void {
    if (this.#asked.has(author)) return;
    this.#asked.add(author);
    this.#tellSegments(author, this.#feed(author).vector());
  }

  #tellSegments(author: string, all: readonly [segment: string, seq: number][]): void {
    for (const frame of wantFrames(this.conversation.id, author, all)) this.link.send(frame);
  }

  /** Says so much of each feed, in so many frames, as a receiver takes. */
  #say(feeds: readonly FeedStatement[], hold?: number): void {
    const pages: FeedStatement[][] = [];
    let total = 0;
    for (const { author, tips, read } of feeds) {
      const told = {
        author,
        ...(tips === undefined ? {} : { tips: tips.slice(0, MAX_FEED_TIPS) }),
        ...(read === undefined ? {} : { read: read.slice(0, MAX_FEED_TIPS) }),
      };
      const page = pages.at(-1);
      total += told.tips?.length ?? 0;
      if (page === undefined || page.length === MAX_FEEDS_PER_FRAME || total > MAX_FEED_TIPS) {
        pages.push([told]);
        total = told.tips?.length ?? 0;
      } else page.push(told);
    }
    for (const page of pages) {
      const state: StateFrame = { type: 'state', conversation: this.conversation.id, feeds: page };
      this.link.send(hold === undefined ? state : { ...state, hold });
    }
  }

  #sayHeld(authors: readonly string[], hold?: number): void {
    this.#say(
      authors.map((author) => ({ author, tips: this.#tips(author) })),
      hold,
    );
  }

  #wait(ms: number): void {
    const sender = this.#senders.get(this.#self);
    sender?.pause();
    this.#hold?.clear();
    this.#hold = this.parts.clock.setTimeout(() => {
      this.#hold = null;
      sender?.resume();
    }, ms);
  }

  #goOn(): void {
    if (this.#hold === null) return;
    this.#hold.clear();
    this.#hold = null;
    this.#senders.get(this.#self)?.resume();
  }

  #tipsWithin(feed: FeedIndex, covered: Covered): Tip[] {
    const tips = [...covered.keys()].flatMap((segment) => feed.get(segment)?.tip ?? []);
    return feed.greatest(tips.filter(({ segment, seq }) => seq <= (covered.get(segment) ?? 0)));
  }

  /** Makes durable what the far end said of one's own feed; what was known before stays. */
  async #note(author: string, have: readonly Tip[], read: readonly Mark[]): Promise<void> {
    await this.parts.mutex.run(`watermark ${this.conversation.id}`, async () => {
      const feed = this.#feed(author);
      const before = this.conversation.watermark(author, this.#peer);
      const marks = {
        have: feed.greatest([...have, ...before.have]),
        read: feed.greatest([...read, ...before.read]),
      };
      if (isSameMarks(before.have, marks.have) && isSameMarks(before.read, marks.read)) return;
      const [delivered, seen] = (['have', 'read'] as const).map((state) => ({
        known: feed.covered(before[state]),
        now: feed.covered(marks[state]),
        times: before.times?.[state] ?? [],
      })) as [Moved, Moved];
      const timesOf = ({ known, now, times }: Moved): ReceiptTime[] =>
        withReceipts(times, known, now, this.parts.clock.now());
      const times = { have: timesOf(delivered), read: timesOf(seen) };
      const after: Watermark = { ...before, ...marks, times };
      const changes: Change[] = [...this.conversation.toStore(), { type: 'watermark', watermark: after }];
      if (!(await this.#commit(() => this.parts.store.commit(changes)))) return;
      this.conversation.committed(changes);
      this.#tell('delivered', feed, delivered);
      this.#tell('read', feed, seen);
    });
  }

  #tell(state: 'delivered' | 'read', feed: FeedIndex, { known, now }: Moved): void {
    const ranges = rangesBetween(feed, known, now);
    if (ranges.length > 0) {
      const { id, group } = this.conversation;
      const { events } = this.parts;
      if (group === null) return events.publish({ type: 'states', conversation: id, state, ranges });
      events.publish({ type: 'states', conversation: id, state, ranges, member: this.#peer });
      const atAll = this.#rangesAtAll(group, feed, state, { known, now });
      if (atAll.length > 0) events.publish({ type: 'states', conversation: id, state, ranges: atAll });
    }
  }

  /** What the far end has, or has read, last of all members for whom this node writes. */
  #rangesAtAll(
    group: Group,
    feed: FeedIndex,
    state: 'delivered' | 'read',
    { known, now }: Pick<Moved, 'known' | 'now'>,
  ): MessageRange[] {
    const [last = ''] = feed.tips.map(({ clock }) => clock).sort();
    let ranges = rangesBetween(feed, known, now);
    let atAll = now;
    for (const member of group.memberIds()) {
      // Most of the time somebody is missing, and the others need not be looked at.
      if (ranges.length === 0) return [];
      if (member === this.#self || member === this.#peer || group.historyFrom(member) >= last) continue;
      const { have, read } = this.conversation.watermark(this.#self, member);
      atAll = least(atAll, feed.covered(state === 'delivered' ? have : read));
      ranges = rangesBetween(feed, known, atAll);
    }
    return ranges;
  }

  async #takeAll(): Promise<void> {
    this.#taking = true;
    while (this.#received.length > 0) {
      const group = this.#received.splice(0, MAX_GROUP_BATCHES);
      try {
        await this.#takeNamed(group.map(({ batch }) => batch));
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#taking = false;
  }

  /** Takes batches, after what has to be said before that. */
  async #takeNamed(batches: readonly Batch[]): Promise<void> {
    const { mutex, append } = this.parts;
    const { conversation } = this;
    for (;;) {
      const toName = await mutex.run(conversation.id, () => this.#take(batches));
      if (toName.length === 0 || !(await this.#commit(() => append(conversation, toName)))) return;
    }
  }

  /** @returns what has to be said first; then nothing of them is taken */
  async #take(batches: readonly Batch[]): Promise<readonly DeleteContent[]> {
    if (this.#closed) return [];
    const drafts = new Map(Array.from(this.#feeds, ([author, feed]) => [author, feed.overlay()]));
    const taken: { batch: Batch; late: boolean }[] = [];
    const { group } = this.conversation;
    const answered = new Set<string>();
    const missing = new Set<string>();
    const branches: Batch[] = [];
    let refused = false;
    for (const batch of batches) this.#proofs.note(batch);
    for (const batch of batches) {
      if (batch.author !== this.#peer && !(await this.#isProved(batch))) continue;
      const draft = drafts.get(batch.author);
      // The roster has changed since it came.
      if (draft === undefined) continue;
      const isPeers = group === null && batch.author === this.#peer;
      switch (draft.judge(batch, (tip) => group?.isDecided(batch.author, tip) === true)) {
        case 'take':
          if (group !== null && group.admits(batch, draft) !== 'take') break;
          if (isPeers && this.parts.admission(this.#peer, draft.total()) === 'hold') {
            this.#refusing = refused = true;
            break;
          }
          if (isPeers) this.#refusing = false;
          taken.push({ batch, late: group !== null && isLate(batch, draft) });
          draft.add(batch, this.#tag(batch));
          answered.add(batch.author);
          break;
        case 'held':
          answered.add(batch.author);
          // The last one was compared; any other one is seldom sent twice.
          if (group !== null && lastSeq(batch) < (draft.get(batch.segment)?.tip.seq ?? 0))
            branches.push(batch);
          break;
        case 'missing':
          // Behind one that was refused everything is missing.
          if (isPeers && this.#refusing) refused = true;
          else missing.add(batch.author);
          break;
        case 'forked':
          branches.push(batch);
          break;
      }
    }
    const dropped = group === null && this.parts.admission(this.#peer, 0) === 'drop';
    const kept = taken.map(({ batch }) => batch).filter(({ author }) => !dropped || author !== this.#peer);
    const erasure = await this.#erasure(kept);
    if (erasure === null) return [];
    if (erasure.toName.length > 0) return erasure.toName;
    if (taken.length > 0 && !(await this.#save(taken, dropped, erasure.changes))) return [];
    if (refused) answered.add(this.#peer);
    if (answered.size > 0) this.#sayHeld([...answered], refused ? REQUEST_RETRY_MS : undefined);
    // What was asked for has come where a later batch is taken.
    for (const author of answered) {
      if (author !== this.#self && !missing.has(author)) this.#asked.delete(author);
    }
    for (const author of missing) this.#ask(author);
    await this.#placeLater();
    for (const batch of branches) await this.#prove(batch);
    return [];
  }

  /** @returns whether they are durable; not where the link is gone and nothing of them was done */
  async #save(
    taken: readonly { batch: Batch; late: boolean }[],
    dropped: boolean,
    erasures: readonly Change[],
  ): Promise<boolean> {
    const { parts, conversation } = this;
    const receivedAt = parts.clock.now();
    const changes: Change[] = [
      ...conversation.toStore(),
      ...taken.map(({ batch, late }): Change => ({
        type: 'receive',
        batch,
        ...(late ? { late } : {}),
        receivedAt,
        dropped: dropped && batch.author === this.#peer,
      })),
    ];
    changes.push(...erasures);
    const hasOwn = taken.some(({ batch }) => batch.author === this.#self);
    const commit = hasOwn ? parts.commitAsContact : parts.commitAsKnown;
    if (!(await this.#commit(() => commit(conversation, changes)))) return false;
    const latest = this.#latestClock();
    conversation.committed(changes);
    for (const { batch } of taken) {
      this.#feed(batch.author).add(batch, this.#tag(batch));
      conversation.observe(batch.author, batch.lastClock);
      if (dropped && batch.author === this.#peer) continue;
      parts.events.publish({ type: 'messages', kept: { batch, receivedAt } });
      if (batch.author === this.#self) parts.onOwnReceived(conversation, batch);
    }
    // What sorts before the end of the conversation does not show by itself whether it was counted.
    if (conversation.group !== null)
      parts.onTaken(
        conversation,
        taken.map(({ batch }) => batch),
        this.#peer,
      );
    if (!dropped && taken.some(({ batch }) => batch.firstClock < latest))
      parts.events.publish({ type: 'conversation', conversation: conversation.id });
    return true;
  }

  /** Whether what is erased in a batch was deleted: without that it is a hole, and others are asked. */
  async #isProved(batch: Batch): Promise<boolean> {
    let isProved = false;
    const look = async (): Promise<void> => {
      isProved = await this.#proofs.covers(batch);
    };
    return (await this.#commit(look)) && isProved;
  }

  /** What has to be erased with what is taken; null where the link is gone. */
  async #erasure(taken: readonly Batch[]): Promise<Erasure | null> {
    let erasure: Erasure | null = null;
    await this.#commit(async () => {
      erasure = await this.parts.erasing.changesFor(this.conversation, taken);
    });
    return erasure;
  }

  /** Of all that is held; '' while there is nothing. */
  #latestClock(): string {
    const { conversation } = this;
    return conversation
      .authors()
      .flatMap((author) => conversation.tips(author).map(({ clock }) => clock))
      .reduce((latest, clock) => (clock > latest ? clock : latest), '');
  }

  /** What was said of a feed counts once all of it is held. */
  async #placeLater(): Promise<void> {
    const tips = this.#unplaced.get(this.#self);
    if (tips?.every((tip) => this.#feed(this.#self).holds(tip))) await this.#stated(this.#self, tips);
  }

  /**
   * Commits, for as long as it takes.
   * @returns false where the link is gone and nothing was done: its sender has it and sends it again
   */
  async #commit(commit: () => Promise<void>): Promise<boolean> {
    const { clock, random, log, health } = this.parts;
    const backoff = new Backoff(STORAGE_BACKOFF, random);
    let unknown = false;
    for (;;) {
      try {
        await commit();
        health.worked();
        return true;
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        health.failed(error);
        unknown ||= error.outcome === 'unknown';
        if (this.#closed && !unknown) return false;
        const wait = backoff.next();
        log.warn({ code: errorCode(error), retryInMs: Math.round(wait) }, 'cannot save what arrived');
        await clock.sleep(wait);
        if (this.#closed && !unknown) return false;
      }
    }
  }

  #tag({ author, segment }: Batch): string {
    return segmentTag(this.conversation.id, author, segment, this.parts.keys.sha256);
  }

  /** Whether the far end holds another branch of what is held here: then it is asked for that from its start. */
  async #compareBranches(author: string, tips: readonly Tip[]): Promise<void> {
    const { group, id } = this.conversation;
    if (group === null) return;
    for (const { segment, seq, hash } of tips) {
      const held = this.#feed(author).get(segment)?.tip;
      if (held === undefined || seq > held.seq || held.hash === hash) continue;
      const look = async (): Promise<void> => {
        const kept = seq === held.seq ? null : await this.parts.store.batchOf(id, author, segment, seq);
        if (kept?.batch.hash !== hash) this.#askForBranch(author, segment);
      };
      await this.#commit(look);
    }
  }

  #askForBranch(author: string, segment: string): void {
    const place = placeOf({ author, segment });
    const isProven = this.conversation.group?.beforeFork(author, segment) !== Infinity;
    if (isProven || this.#branches.has(place)) return;
    this.#branches.add(place);
    this.#tellSegments(
      author,
      this.#feed(author)
        .vector()
        .filter(([one]) => one !== segment),
    );
  }

  /** A batch may not be the one that is held in its place: where both begin at the fork, everybody is told. */
  async #prove(batch: Batch): Promise<void> {
    const { author, segment, first } = batch;
    const { conversation, parts } = this;
    if (conversation.group === null) {
      const where = { peer: shortPeerId(author), segment, first };
      parts.log.warn(where, 'two batches are signed for one place of a feed; the first one stays');
      if (author === this.#peer) await this.#commit(() => parts.noteForked(author));
      return;
    }
    await this.#commit(async () => {
      const kept = await parts.store.batchOf(conversation.id, author, segment, first);
      if (kept?.batch.hash === batch.hash) return;
      if (kept === null || forkBetween(kept.batch, batch) === null) this.#askForBranch(author, segment);
      else parts.onFork(conversation, kept.batch, batch);
    });
  }
}

function placeOf({ author, segment }: Pick<Batch, 'author' | 'segment'>): string {
  return `${author} ${segment}`;
}

/** What both stand for. */
function least(one: Covered, other: Covered): Covered {
  return new Map(Array.from(one, ([segment, seq]) => [segment, Math.min(seq, other.get(segment) ?? 0)]));
}

function isSameMarks(one: readonly Mark[], other: readonly Mark[]): boolean {
  const has = ({ segment, seq }: Mark): boolean =>
    other.some((mark) => mark.segment === segment && mark.seq === seq);
  return one.length === other.length && one.every(has);
}
