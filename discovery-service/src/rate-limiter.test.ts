import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { RateLimiter } from './rate-limiter.js';

describe('RateLimiter', () => {
  it('lets an address through up to its limit, then says when to come back', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, { requests: 2, windowMs: 10_000 });
    expect(limiter.take('192.0.2.1')).toBe(0);
    await clock.advance(3_500);
    expect(limiter.take('192.0.2.1')).toBe(0);
    expect(limiter.take('192.0.2.1')).toBe(7);
    expect(limiter.take('192.0.2.2')).toBe(0);
    await clock.advance(6_499);
    expect(limiter.take('192.0.2.1')).toBe(1);
    await clock.advance(1);
    expect(limiter.take('192.0.2.1')).toBe(0);
  });

  it('takes no notice of a jump of the wall clock', () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock, { requests: 1 });
    limiter.take('192.0.2.1');
    clock.jump(3_600_000);
    expect(limiter.take('192.0.2.1')).toBeGreaterThan(0);
  });

  it('counts one IPv6 network as one address', () => {
    const limiter = new RateLimiter(new ManualClock(), { requests: 1 });
    expect(limiter.take('2001:db8:1:2:3::1')).toBe(0);
    expect(limiter.take('2001:db8:1:2:4::1')).toBeGreaterThan(0);
    expect(limiter.take('2001:db8:1:3::1')).toBe(0);
  });

  it('counts those together for whom there is no place', () => {
    const limiter = new RateLimiter(new ManualClock(), { requests: 1, addresses: 2 });
    expect(limiter.take('192.0.2.1')).toBe(0);
    expect(limiter.take('192.0.2.2')).toBe(0);
    expect(limiter.take('192.0.2.3')).toBe(0);
    expect(limiter.take('192.0.2.4')).toBeGreaterThan(0);
  });

  it('counts this machine only where it is asked to', () => {
    const free = new RateLimiter(new ManualClock(), { requests: 1 });
    for (const address of ['127.0.0.1', '127.0.0.1', '::1', '::1']) expect(free.take(address)).toBe(0);
    const counted = new RateLimiter(new ManualClock(), { requests: 1, loopback: true });
    expect(counted.take('127.0.0.1')).toBe(0);
    expect(counted.take('127.0.0.1')).toBeGreaterThan(0);
  });
});
