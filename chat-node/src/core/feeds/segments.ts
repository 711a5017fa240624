import { type Batch, type Tip, tipOf } from '@p2p-chat/shared';
import type { SegmentRecord } from '../ports/conversation.store.js';

/** The record of a segment after its next batch. @param tag what the ids of its messages begin with */
export function advance(record: SegmentRecord | undefined, batch: Batch, tag: string): SegmentRecord {
  const others = linkedTips(batch, record === undefined);
  const before = record?.links ?? [];
  const links = others.length === 0 ? before : [...before, { first: batch.first, follows: others }];
  return { segment: batch.segment, tag, tip: tipOf(batch), links };
}

/** The tips that a batch names beside the batch before it; with that where it is the first that is held of its segment. */
export function linkedTips(
  { segment, follows }: Pick<Batch, 'segment' | 'follows'>,
  isFirst: boolean,
): Tip[] {
  return follows.filter((tip) => isFirst || tip.segment !== segment);
}

/** The seq of the entry before the first that is held of a segment; 0 where it is held from its start. */
export function baseOf({ segment, links }: Pick<SegmentRecord, 'segment' | 'links'>): number {
  return links[0]?.follows.find((tip) => tip.segment === segment)?.seq ?? 0;
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
