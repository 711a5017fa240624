import { type Batch, lastSeq, type Tip } from '@p2p-chat/shared';
import type { SegmentRecord } from '../ports/conversation.store.js';
import { advance, baseOf, tipsOf } from './segments.js';

/** A place in a feed: an entry of a segment, and with it all before it. */
export interface Mark {
  segment: string;
  seq: number;
}

/** What some marks stand for: of each segment, everything up to a number. */
export type Covered = Map<string, number>;

/**
 * What to do with a batch: `take` it; it is `held`; something that it follows
 * is `missing`; or it is signed for a place that another batch has (`forked`).
 */
export type Judgement = 'take' | 'held' | 'missing' | 'forked';

/** The segments of one feed, without their batches. */
export class FeedIndex {
  readonly #segments = new Map<string, SegmentRecord>();
  #tips: readonly Tip[] | null = null;

  /** @param base batches are added beside these, which stay as they are: to judge what is not durable yet */
  constructor(
    records: Iterable<SegmentRecord>,
    private readonly base: FeedIndex | null = null,
  ) {
    for (const record of records) this.#segments.set(record.segment, record);
  }

  /** An index on top of this one, which does not change with it. */
  overlay(): FeedIndex {
    return new FeedIndex([], this);
  }

  get(segment: string): SegmentRecord | undefined {
    return this.#segments.get(segment) ?? this.base?.get(segment);
  }

  /** The segment whose messages have this tag. */
  tagged(tag: string): SegmentRecord | undefined {
    return this.#records().find((record) => record.tag === tag);
  }

  /** The batches that no other one follows. */
  get tips(): readonly Tip[] {
    return (this.#tips ??= tipsOf(this.#records()));
  }

  /** Every segment with the number of its last entry. */
  vector(): [segment: string, seq: number][] {
    return this.#records().map(({ segment, tip }) => [segment, tip.seq]);
  }

  /** Whether the entry is held. */
  holds({ segment, seq }: Mark): boolean {
    return seq <= (this.get(segment)?.tip.seq ?? 0);
  }

  /** Everything that the marks stand for. Those of unknown segments stand for nothing. */
  covered(marks: Iterable<Mark>): Covered {
    const covered: Covered = new Map();
    for (const mark of marks) this.cover(covered, mark);
    return covered;
  }

  /** Adds what a mark stands for. */
  cover(covered: Covered, mark: Mark): void {
    const waiting = [mark];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const record = this.get(next.segment);
      const before = covered.get(next.segment) ?? 0;
      const seq = Math.min(next.seq, record?.tip.seq ?? 0);
      if (record === undefined || seq <= before) continue;
      covered.set(next.segment, seq);
      for (const link of record.links)
        if (link.first > before && link.first <= seq) waiting.push(...link.follows);
    }
  }

  /** Those of the marks that no other one of them covers: the fewest that stand for the same. */
  greatest<M extends Mark>(marks: readonly M[]): M[] {
    const known = marks.filter((one) => this.holds(one));
    return known.filter(({ segment, seq }, nth) => {
      const isCovered = (other: Mark, at: number): boolean => {
        if (other.segment === segment) return other.seq > seq || (other.seq === seq && at < nth);
        return (this.covered([other]).get(segment) ?? 0) >= seq;
      };
      return !known.some((other, at) => at !== nth && isCovered(other, at));
    });
  }

  /** Entries in all. */
  total(): number {
    return this.#records().reduce((sum, record) => sum + record.tip.seq - baseOf(record), 0);
  }

  /** Entries that are covered. */
  count(covered: Covered): number {
    let sum = 0;
    for (const [segment, seq] of covered) {
      const record = this.get(segment);
      if (record !== undefined) sum += Math.max(0, Math.min(seq, record.tip.seq) - baseOf(record));
    }
    return sum;
  }

  /** @param isDecided whether a tip that is not held counts as held: what it stands for was not written for this node */
  judge(batch: Batch, isDecided: (tip: Tip) => boolean = () => false): Judgement {
    const held = this.get(batch.segment);
    const last = held?.tip.seq ?? 0;
    const end = lastSeq(batch);
    if (end < last) return 'held';
    if (end === last) return held?.tip.hash === batch.hash ? 'held' : 'forked';
    if (batch.first <= last) return 'forked';
    const [before] = batch.follows;
    const isStart = held === undefined && before !== undefined && isDecided(before);
    if (batch.first > last + 1 && !isStart) return 'missing';
    if (held !== undefined && batch.follows[0]?.hash !== held.tip.hash) return 'forked';
    return batch.follows.every((tip) => this.holds(tip) || isDecided(tip)) ? 'take' : 'missing';
  }

  /** Adds a batch that was judged to be taken. @param tag what the ids of its messages begin with */
  add(batch: Batch, tag: string): void {
    this.#segments.set(batch.segment, advance(this.get(batch.segment), batch, tag));
    this.#tips = null;
  }

  #records(): SegmentRecord[] {
    if (this.base === null) return [...this.#segments.values()];
    const beneath = this.base.#records().filter(({ segment }) => !this.#segments.has(segment));
    return [...beneath, ...this.#segments.values()];
  }
}
