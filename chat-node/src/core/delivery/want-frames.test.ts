import { MAX_SEGMENTS_PER_FRAME, MAX_WANTED_SEGMENTS } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { wantFrames } from './want-frames.js';

const segments = (count: number): [string, number][] =>
  Array.from({ length: count }, (_, nth) => [nth.toString(16).padStart(32, '0'), 1]);

describe('what a node says of the segments that it holds', () => {
  it.each([
    [0, 1],
    [1, 1],
    [MAX_SEGMENTS_PER_FRAME, 1],
    [MAX_SEGMENTS_PER_FRAME + 1, 2],
    [MAX_WANTED_SEGMENTS, 64],
  ])('is all of %d, in %d frames', (count, pages) => {
    const frames = wantFrames('c', 'a', segments(count));
    expect(frames.flatMap((frame) => frame.segments)).toEqual(segments(count));
    expect(frames.map(({ more }) => more)).toEqual([...Array<boolean>(pages - 1).fill(true), false]);
    for (const frame of frames) expect(frame.segments.length).toBeLessThanOrEqual(MAX_SEGMENTS_PER_FRAME);
  });

  it('is never more than a receiver takes', () => {
    const frames = wantFrames('c', 'a', segments(MAX_WANTED_SEGMENTS + 1));
    expect(frames.flatMap((frame) => frame.segments)).toEqual(segments(MAX_WANTED_SEGMENTS));
    expect(frames.at(-1)?.more).toBe(false);
  });
});
