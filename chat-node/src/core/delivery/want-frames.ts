import { MAX_SEGMENTS_PER_FRAME, MAX_WANTED_SEGMENTS, type WantFrame } from '@p2p-chat/shared';

/**
 * What is held of a feed, in as many frames as it takes; one where that is nothing. Of more segments than
 * a receiver takes the rest is left out: it is sent once more, and held already.
 */
export function wantFrames(
  conversation: string,
  author: string,
  held: readonly [segment: string, seq: number][],
): WantFrame[] {
  const told = held.slice(0, MAX_WANTED_SEGMENTS);
  const count = Math.max(1, Math.ceil(told.length / MAX_SEGMENTS_PER_FRAME));
  return Array.from({ length: count }, (_, nth) => ({
    type: 'want',
    conversation,
    author,
    segments: told.slice(nth * MAX_SEGMENTS_PER_FRAME, (nth + 1) * MAX_SEGMENTS_PER_FRAME),
    more: nth < count - 1,
  }));
}
