import type { Tip } from '@p2p-chat/shared';
import type { Covered, FeedIndex, Mark } from '../feeds/feed-index.js';
import type { MessageRange } from '../events.js';
import type { Conversation } from './conversation.js';

/** Whether marks stand for an entry. */
export type Covers = (segment: string, seq: number) => boolean;

/** Whether the marks stand for all of a feed with these tips, which shows without its segments. */
export function coversAll(tips: readonly Tip[], marks: readonly Mark[]): boolean {
  return tips.every((tip) => marks.some(({ segment, seq }) => segment === tip.segment && seq >= tip.seq));
}

/** Loads the segments of a feed where it takes them to tell what the marks stand for. @throws {StorageError} */
export async function loadForMarks(
  conversation: Conversation,
  author: string,
  marks: readonly Mark[],
): Promise<void> {
  if (marks.length > 0 && !coversAll(conversation.tips(author), marks)) await conversation.feed(author);
}

/** What the marks stand for in a feed, as far as it is loaded; see {@link loadForMarks}. */
export function coverage(conversation: Conversation, author: string, marks: readonly Mark[]): Covers {
  if (marks.length === 0) return () => false;
  const feed = conversation.loadedFeed(author);
  if (feed === undefined) {
    // Nothing is written to a feed before it is loaded: the tips are those of all that was read.
    const all = coversAll(conversation.tips(author), marks);
    return () => all;
  }
  const covered = feed.covered(marks);
  return (segment, seq) => seq <= (covered.get(segment) ?? 0);
}

/** Messages of a feed that the marks do not stand for. @throws {StorageError} */
export async function countBeyond(
  conversation: Conversation,
  author: string,
  marks: readonly Mark[],
): Promise<number> {
  if (coversAll(conversation.tips(author), marks)) return 0;
  const feed = await conversation.feed(author);
  return countMessages(conversation, author, feed, feed.covered(marks));
}

/** Messages of a feed beyond what is covered: entries that only change others do not count. @throws {StorageError} */
export async function countMessages(
  conversation: Conversation,
  author: string,
  feed: FeedIndex,
  covered: Covered,
): Promise<number> {
  const beyond = feed.vector().flatMap(([segment, last]) => {
    const seq = covered.get(segment) ?? 0;
    return last > seq ? [{ segment, seq }] : [];
  });
  if (beyond.length === 0) return 0;
  // What does not count is in the store, and hidden.
  const hidden = beyond.flatMap(({ segment, seq }) => {
    const limit = Math.max(seq, conversation.group?.limit(author, feed, segment) ?? Infinity);
    return feed.holds({ segment, seq: limit + 1 }) ? [{ segment, seq: limit }] : [];
  });
  const count = async (marks: readonly Mark[], entries: number): Promise<number> =>
    marks.length === 0 ? 0 : entries - (await conversation.countSilent(author, marks));
  const hiddenEntries = hidden.reduce(
    (sum, { segment, seq }) => sum + (feed.get(segment)?.tip.seq ?? 0) - seq,
    0,
  );
  return (await count(beyond, feed.total() - feed.count(covered))) - (await count(hidden, hiddenEntries));
}

/** The messages that are covered now and were not before. */
export function rangesBetween(feed: FeedIndex, before: Covered, after: Covered): MessageRange[] {
  const ranges: MessageRange[] = [];
  for (const [segment, last] of after) {
    const first = (before.get(segment) ?? 0) + 1;
    const tag = feed.get(segment)?.tag;
    if (tag !== undefined && first <= last) ranges.push({ tag, first, last });
  }
  return ranges;
}
