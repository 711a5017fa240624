import { ManualClock } from '@p2p-chat/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnnouncementSequence } from './announcement-sequence.js';

describe('AnnouncementSequence', () => {
  it('is the wall clock, and grows where that stands or goes back', () => {
    const clock = new ManualClock(1_000);
    const sequence = new AnnouncementSequence(clock);
    expect([sequence.next(), sequence.next()]).toEqual([1_000, 1_001]);
    clock.jump(-500);
    expect(sequence.next()).toBe(1_002);
    clock.jump(5_000);
    expect(sequence.next()).toBe(5_500);
  });

  it('jumps above what others have seen, never back, and never where it could not go on', () => {
    const sequence = new AnnouncementSequence(new ManualClock(1_000));
    sequence.jumpAbove(9_000);
    expect(sequence.next()).toBe(9_001);
    sequence.jumpAbove(5);
    const far = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, Infinity, NaN, 1.5];
    for (const seen of far) sequence.jumpAbove(seen);
    expect(sequence.next()).toBe(9_002);
  });

  it('whatever others say that they have seen, gives numbers that everybody takes', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double())), (seen) => {
        const sequence = new AnnouncementSequence(new ManualClock(1_000));
        for (const one of [...seen, Number.MAX_SAFE_INTEGER - 1]) {
          sequence.jumpAbove(one);
          const next = [sequence.next(), sequence.next()];
          expect(next.every((seq) => Number.isSafeInteger(seq))).toBe(true);
          expect(next[1]).toBe((next[0] as number) + 1);
        }
      }),
    );
  });
});
