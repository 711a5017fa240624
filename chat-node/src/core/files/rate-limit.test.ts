import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { RateLimit } from './rate-limit.js';

const SECOND = 1_000;

describe('a limit to the bytes a second', () => {
  it('lets no more through, however many want to, and makes up for no time in which nobody did', async () => {
    const clock = new ManualClock();
    const limit = new RateLimit(100, clock);
    let passed = 0;
    const pass = (count: number): void => {
      for (let nth = 0; nth < count; nth += 1) void limit.pass(50).then(() => (passed += 50));
    };
    pass(100);
    for (let second = 1; second <= 10; second += 1) {
      await clock.advance(SECOND);
      // And the one that had begun.
      expect(passed).toBe(100 * second + 50);
    }
    await clock.advance(100 * SECOND);
    expect(passed).toBe(5_000);
    pass(100);
    await clock.advance(SECOND);
    expect(passed).toBe(5_000 + 100 + 50);
  });

  it('is none where none was set', async () => {
    const clock = new ManualClock();
    await new RateLimit(null, clock).pass(Number.MAX_SAFE_INTEGER);
    expect(clock.timers).toBe(0);
  });
});
