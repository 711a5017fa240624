import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HybridClock } from './hybrid-clock.js';

describe('HybridClock', () => {
  it('is the wall clock in milliseconds, then a counter', () => {
    const clock = new HybridClock();
    expect(clock.next(0x123)).toBe('0000000001230000');
    expect(clock.next(0x123)).toBe('0000000001230001');
    expect(clock.next(0x124)).toBe('0000000001240000');
  });

  it('goes on while the wall clock goes back or stands, past a full counter too', () => {
    const clock = new HybridClock('000000000100fffe');
    expect(clock.next(1)).toBe('000000000100ffff');
    expect(clock.next(1)).toBe('0000000001010000');
    expect(clock.next(-5)).toBe('0000000001010001');
  });

  it('sorts an answer after a question from a clock that is hours ahead', () => {
    const asking = new HybridClock();
    const answering = new HybridClock();
    const question = asking.next(10_000_000);
    answering.observe(question);
    expect(answering.next(1_000) > question).toBe(true);
  });

  it('is not moved by a clock that is behind', () => {
    const clock = new HybridClock();
    const before = clock.next(1_000);
    clock.observe('0000000000010000');
    expect(clock.next(1_000) > before).toBe(true);
    expect(clock.next(1_000).startsWith('0000000003e8')).toBe(true);
  });

  it('only ever grows, whatever is seen and whatever the time is', () => {
    const step = fc.oneof(
      fc.record({ now: fc.integer({ min: -10, max: 2 ** 45 }) }),
      fc.record({ seen: fc.bigInt({ min: 0n, max: 0x7fff_ffff_ffff_ffffn }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const clock = new HybridClock();
        let greatest = '';
        for (const one of steps) {
          if ('seen' in one) {
            const seen = one.seen.toString(16).padStart(16, '0');
            clock.observe(seen);
            if (seen > greatest) greatest = seen;
          } else {
            const next = clock.next(one.now);
            expect(next).toMatch(/^[0-9a-f]{16}$/);
            expect(next > greatest).toBe(true);
            greatest = next;
          }
        }
      }),
    );
  });
});
