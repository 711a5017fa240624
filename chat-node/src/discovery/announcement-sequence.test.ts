import { ManualClock } from '@p2p-chat/shared/testing';
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
    for (const seen of [Number.MAX_SAFE_INTEGER, Infinity, NaN, 1.5]) sequence.jumpAbove(seen);
    expect(sequence.next()).toBe(9_002);
  });
});
