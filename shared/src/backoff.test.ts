import { expect, it } from 'vitest';
import { Backoff } from './backoff.js';

const policy = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0.5 };

it('doubles up to the longest wait and starts again after a success', () => {
  const backoff = new Backoff(policy, () => 0);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  expect(backoff.attempts).toBe(6);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

it('takes away at most the share of jitter', () => {
  expect(new Backoff(policy, () => 1).next()).toBe(50);
});
