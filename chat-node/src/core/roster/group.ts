import {
  type Batch,
  hex,
  lastSeq,
  MAX_ROSTER_HASHES,
  type Membership,
  type Roster,
  rosterHash,
  type RosterOperation,
  type Sha256,
  resolveRoster,
  type Tip,
} from '@p2p-chat/shared';
import type { FeedIndex } from '../feeds/feed-index.js';
import type { SegmentRecord } from '../ports/conversation.store.js';

/** What becomes of a batch by the roster: it may be taken; it was not written for this node; it does not count. */
export type Admittance = 'take' | 'not-for-us' | 'void';

/** The roster of one group in memory, and what follows from it for the feeds. */
export class Group {
  readonly #operations = new Map<string, RosterOperation>();
  #roster: Roster;
  #hash: string | null = null;
  /** The memberships of each person, in order. */
  #memberships = new Map<string, Membership[]>();

  constructor(
    readonly id: string,
    private readonly self: string,
    private readonly sha256: Sha256,
    operations: Iterable<RosterOperation> = [],
  ) {
    this.#roster = resolveRoster([]);
    this.add(operations);
  }

  get roster(): Roster {
    return this.#roster;
  }

  /** Hash of the set of operations, 64 hexadecimal digits. */
  get hash(): string {
    return (this.#hash ??= hex(rosterHash(this.#operations.keys(), this.sha256)));
  }

  get size(): number {
    return this.#operations.size;
  }

  get isOpen(): boolean {
    return this.#roster.policy.open;
  }

  has(hash: string): boolean {
    return this.#operations.has(hash);
  }

  /** The operations that count, from when this node's person may read on. */
  changes(): RosterOperation[] {
    const from = this.historyFrom(this.self);
    return this.#roster.counted.filter(({ clock }) => clock >= from);
  }

  /** All operations, each after those that it names. */
  operations(): RosterOperation[] {
    return [...this.#operations.values()].sort(
      (a, b) => compare(a.clock, b.clock) || compare(a.hash, b.hash),
    );
  }

  /** This one with further operations; this one stays as it is. */
  with(operations: Iterable<RosterOperation>): Group {
    return new Group(this.id, this.self, this.sha256, [...this.#operations.values(), ...operations]);
  }

  /** Adds operations that are durable. */
  add(operations: Iterable<RosterOperation>): void {
    for (const one of operations) this.#operations.set(one.hash, one);
    this.#roster = resolveRoster(this.#operations.values());
    this.#hash = null;
    this.#memberships = Map.groupBy(this.#roster.memberships.values(), ({ peerId }) => peerId);
  }

  isMember(peerId: string): boolean {
    return this.#roster.members.get(peerId)?.state === 'member';
  }

  /** Whether somebody is an admin, or was one at a clock: what they decided then counts on. */
  isAdminAt(peerId: string, clock: string): boolean {
    if (this.#roster.members.get(peerId)?.role === 'admin') return true;
    let isAdmin = false;
    for (const { author, clock: at, detail } of this.#roster.counted) {
      if (at >= clock) continue;
      if (detail.kind === 'found' && author === peerId) isAdmin = true;
      else if (detail.kind === 'promote' && detail.person === peerId) isAdmin = true;
      else if (detail.kind === 'demote' && detail.person === peerId) isAdmin = false;
    }
    return isAdmin;
  }

  /** Whether the roster is for this person: a member or somebody who is asked to be one, and of a room everybody. */
  concerns(peerId: string): boolean {
    const state = this.#roster.members.get(peerId)?.state;
    return this.isOpen ? state !== 'removed' : state === 'member' || state === 'invited';
  }

  /** Whether this person may know of the group: the roster names them, or it is a room. */
  isKnownTo(peerId: string): boolean {
    return this.isOpen || this.#roster.members.has(peerId);
  }

  /** Whether an operation can count: one that was never allowed does not, whatever comes. */
  canCount({ hash }: RosterOperation): boolean {
    return this.#roster.valid.has(hash);
  }

  /** Peer ids of the members. */
  memberIds(): string[] {
    return [...this.#roster.members.values()].flatMap(({ peerId, state }) =>
      state === 'member' ? [peerId] : [],
    );
  }

  /** Everyone who is or was a member: who may have a feed. */
  authors(): string[] {
    return [...this.#memberships.keys()];
  }

  /** The membership of somebody that lasts. */
  current(peerId: string): Membership | null {
    return this.#memberships.get(peerId)?.find(({ end }) => end === null) ?? null;
  }

  /** Somebody gets the batches that are over after this clock. */
  historyFrom(peerId: string): string {
    return this.#memberships.get(peerId)?.[0]?.historyFrom ?? 'f'.repeat(16);
  }

  /** The members other than its author for whom something was written at a clock. */
  audience(author: string, clock: string): string[] {
    return [...this.#memberships].flatMap(([peerId, all]) =>
      peerId !== author && all.some((one) => one.clock < clock && (one.end === null || clock < one.end.clock))
        ? [peerId]
        : [],
    );
  }

  /** What the first batch of a segment names: the entry on which it rests. */
  entryTip({ entry, clock }: Membership): Tip {
    return { segment: entry.slice(0, 32), seq: 1, clock, hash: entry };
  }

  /** The last entry of a segment before its author signed two batches for one place; infinity where they did not. */
  beforeFork(author: string, segment: string): number {
    return (this.#roster.forks.get(author)?.get(segment)?.first ?? Infinity) - 1;
  }

  /**
   * Whether a tip that a batch names is not one to wait for: an entry, what was not written for this node, or
   * what does not count because of a fork.
   */
  isDecided(author: string, tip: Tip): boolean {
    const isEntry = this.#roster.memberships.has(tip.hash);
    return (
      isEntry || tip.clock <= this.historyFrom(this.self) || tip.seq > this.beforeFork(author, tip.segment)
    );
  }

  /** Whether a batch may be taken. @param feed of its author, as it is before it */
  admits(batch: Batch, feed: FeedIndex): Admittance {
    const record = feed.get(batch.segment);
    const links = batch.first === 1 ? [{ first: 1, follows: batch.follows }] : (record?.links ?? []);
    const membership = this.#membershipOf(batch.author, links, batch.firstClock);
    if (membership === null || lastSeq(batch) > this.beforeFork(batch.author, batch.segment)) return 'void';
    if (batch.lastClock <= this.historyFrom(this.self)) return 'not-for-us';
    const { end } = membership;
    if (end === null) return 'take';
    // Where all of its end is held, nothing is missing of it. Before that, what may belong to it is taken.
    const isPlaced = end.tips.every((tip) => feed.holds(tip) || this.isDecided(batch.author, tip));
    return !isPlaced && end.tips.some(({ clock }) => batch.lastClock <= clock) ? 'take' : 'void';
  }

  /** The tips of a feed, less what does not count. @param from only those that are over after this clock */
  tips(author: string, feed: FeedIndex, from = ''): readonly Tip[] {
    const isCut = this.#hasEnd(author) || this.#roster.forks.has(author);
    const all = isCut ? feed.greatest(this.#countedTips(author, feed)) : feed.tips;
    return from === '' ? all : all.filter(({ clock }) => clock > from);
  }

  /** Up to which entry the entries of a segment count; infinity where all do. */
  limit(author: string, feed: FeedIndex, segment: string): number {
    return Math.min(this.beforeFork(author, segment), this.#limitByEnd(author, feed, segment));
  }

  #limitByEnd(author: string, feed: FeedIndex, segment: string): number {
    if (!this.#hasEnd(author)) return Number.POSITIVE_INFINITY;
    const record = feed.get(segment);
    const membership =
      record === undefined ? null : this.#membershipOf(author, record.links, record.tip.clock);
    if (record === undefined || membership === null) return 0;
    const { end } = membership;
    if (end === null) return Number.POSITIVE_INFINITY;
    if (end.tips.every((tip) => feed.holds(tip) || this.isDecided(author, tip)))
      return feed.covered(end.tips).get(segment) ?? 0;
    return end.tips.some(({ clock }) => record.tip.clock <= clock) ? record.tip.seq : 0;
  }

  /** Hashes by which somebody else sees what is held: the latest ones, and ever fewer of those before. */
  locator(): string[] {
    const all = this.operations();
    const hashes = new Set(this.#roster.heads.slice(-MAX_ROSTER_HASHES / 2));
    for (let back = 1; back <= all.length; back *= 2) hashes.add(all[all.length - back]?.hash ?? '');
    return [...hashes].slice(0, MAX_ROSTER_HASHES);
  }

  /** What somebody lacks who holds these, and all that they name. @param peerId who: one who went gets no more than that */
  lackedBy(have: readonly string[], peerId: string): RosterOperation[] {
    const held = this.#closure(have);
    const allowed = this.#allowed(peerId);
    return this.operations().filter(({ hash }) => !held.has(hash) && (allowed?.has(hash) ?? true));
  }

  /** Those of the operations that may be told to somebody. */
  tellable(operations: readonly RosterOperation[], peerId: string): RosterOperation[] {
    const allowed = this.#allowed(peerId);
    return operations.filter(({ hash }) => allowed?.has(hash) ?? true);
  }

  /** Of who is not in any more: their end, and what it names. Null where nothing is kept from them. */
  #allowed(peerId: string): ReadonlySet<string> | null {
    if (this.concerns(peerId)) return null;
    if (!this.#roster.members.has(peerId)) return new Set();
    const ends = this.#roster.counted.filter(({ author, detail }) =>
      'person' in detail && detail.kind === 'remove'
        ? detail.person === peerId
        : author === peerId && (detail.kind === 'leave' || detail.kind === 'decline'),
    );
    return this.#closure(ends.map(({ hash }) => hash));
  }

  #closure(hashes: Iterable<string>): Set<string> {
    const closure = new Set<string>();
    const waiting = [...hashes];
    for (let hash = waiting.pop(); hash !== undefined; hash = waiting.pop()) {
      const operation = closure.has(hash) ? undefined : this.#operations.get(hash);
      if (operation === undefined) continue;
      closure.add(hash);
      waiting.push(...operation.parents);
    }
    return closure;
  }

  #hasEnd(author: string): boolean {
    return this.#memberships.get(author)?.every(({ end }) => end === null) !== true;
  }

  #countedTips(author: string, feed: FeedIndex): Tip[] {
    const ends = this.#memberships.get(author)?.flatMap(({ end }) => end?.tips ?? []) ?? [];
    const forks = [...(this.#roster.forks.get(author)?.values() ?? [])].flatMap(({ before }) => before ?? []);
    return feed.vector().flatMap(([segment, seq]) => {
      const limit = this.limit(author, feed, segment);
      if (limit >= seq) return [(feed.get(segment) as SegmentRecord).tip];
      return [...forks, ...ends].find((tip) => tip.segment === segment && tip.seq === limit) ?? [];
    });
  }

  /** The membership on which a segment rests; null where it rests on none that counts. */
  #membershipOf(author: string, links: SegmentRecord['links'], clock: string): Membership | null {
    const all = this.#memberships.get(author) ?? [];
    const [first] = links;
    if (first?.first === 1) {
      return all.find(({ entry }) => first.follows.some(({ hash }) => hash === entry)) ?? null;
    }
    // It is not held from its start, which was before this node came: the time that it was written in counts.
    return all.findLast((one) => one.clock < clock) ?? null;
  }
}

/** Whether a batch is the first that is held of its segment, and not the first of it. */
export function isLate(batch: Batch, feed: FeedIndex): boolean {
  return batch.first > (feed.get(batch.segment)?.tip.seq ?? 0) + 1;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
