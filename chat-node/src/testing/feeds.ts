import {
  type Batch,
  contentText,
  createBatch,
  directConversation,
  hex,
  messageId,
  segmentTag,
  type Tip,
  tipOf,
} from '@p2p-chat/shared';
import { TestKeys } from './test-keys.js';

/** A clock of a test: so many milliseconds after 2026-01-01, and a counter. */
export function testClock(ms: number, counter = 0): string {
  const wall = Date.UTC(2026, 0, 1) + ms;
  return wall.toString(16).padStart(12, '0') + counter.toString(16).padStart(4, '0');
}

/** The conversation of two people of a test. */
export function testConversation(one: string, other: string): string {
  const [a, b] = [new TestKeys(one), new TestKeys(other)];
  return directConversation(a.peerId, b.peerId, a.sha256);
}

export interface TestBatch {
  /** Clock of the first entry; each further one is a counter later. */
  clock: string;
  /** The segment to write; without it the one before. */
  segment?: string;
  /** Further tips that it follows. */
  follows?: readonly Tip[];
  /** JSON texts in the place of texts. */
  contents?: readonly string[];
}

/** One author's feed of a conversation, as a node would write it. */
export class TestFeed {
  readonly keys: TestKeys;
  readonly #last = new Map<string, Batch>();
  #segment = '';
  #segments = 0;

  constructor(
    author: string,
    readonly conversation: string,
  ) {
    this.keys = new TestKeys(author);
    this.newSegment();
  }

  get author(): string {
    return this.keys.peerId;
  }

  get segment(): string {
    return this.#segment;
  }

  /** As after another start. @returns the segment */
  newSegment(): string {
    this.#segments += 1;
    const seed = new TextEncoder().encode(`${this.author} ${this.conversation} ${this.#segments}`);
    return (this.#segment = hex(this.keys.sha256(seed).subarray(0, 16)));
  }

  /** The next batch of texts. */
  batch(
    bodies: readonly string[],
    { clock, segment = this.#segment, follows = [], contents }: TestBatch,
  ): Batch {
    const before = this.#last.get(segment);
    const texts = contents ?? bodies.map((body) => contentText({ kind: 'text', body }));
    const counter = Number.parseInt(clock.slice(12), 16);
    const entries = texts.map((content, nth) => ({
      clock: clock.slice(0, 12) + (counter + nth).toString(16).padStart(4, '0'),
      sentAt: 1_000 + nth,
      content,
    }));
    const first = before === undefined ? 1 : before.first + before.count;
    const own = before === undefined ? [] : [tipOf(before)];
    const header = { conversation: this.conversation, author: this.author, segment, first };
    const batch = createBatch({ ...header, follows: [...own, ...follows] }, entries, this.keys);
    this.#last.set(segment, batch);
    return batch;
  }

  /** The id of an entry. */
  id(batch: Batch, nth = 0): string {
    const tag = segmentTag(this.conversation, this.author, batch.segment, this.keys.sha256);
    return messageId(tag, batch.first + nth);
  }
}
