import { type Batch, type Tip, tipOf } from '@p2p-chat/shared';
import type { SegmentRecord } from '../ports/conversation.store.js';

/** The record of a segment after its next batch. @param tag what the ids of its messages begin with */
export function advance(record: SegmentRecord | undefined, batch: Batch, tag: string): SegmentRecord {
  const others = batch.follows.filter((tip) => tip.segment !== batch.segment);
  const before = record?.links ?? [];
  const links = others.length === 0 ? before : [...before, { first: batch.first, follows: others }];
  return { segment: batch.segment, tag, tip: tipOf(batch), links };
}

/** The tips of a feed: the last batch of each segment, but for those that another batch follows. */
export function tipsOf(records: Iterable<SegmentRecord>): Tip[] {
  const all = [...records];
  const followed = new Set<string>();
  for (const { links } of all) {
    for (const { follows } of links)
      for (const { segment, seq } of follows) followed.add(`${segment} ${seq}`);
  }
  return all.flatMap(({ tip }) => (followed.has(`${tip.segment} ${tip.seq}`) ? [] : [tip]));
}
