import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { IdleWork } from './idle-work.js';

let left = 0;
let idle: IdleWork;

beforeEach(() => {
  vi.useFakeTimers();
  left = 3;
  idle = new IdleWork(() => (left -= 1) > 0, 1_000);
});

afterEach(() => {
  idle.stop();
  vi.useRealTimers();
});

it('works when nobody has asked for anything for a while, until nothing is left', async () => {
  idle.postpone();
  await vi.advanceTimersByTimeAsync(999);
  expect(left).toBe(3);
  idle.postpone();
  await vi.advanceTimersByTimeAsync(999);
  expect(left).toBe(3);
  await vi.runAllTimersAsync();
  expect(left).toBe(0);
});

it('stops between two pieces as soon as somebody asks, and goes on later', () => {
  idle.postpone();
  vi.advanceTimersByTime(1_000);
  expect(left).toBe(2);
  idle.postpone();
  vi.advanceTimersByTime(999);
  expect(left).toBe(2);
  vi.runAllTimers();
  expect(left).toBe(0);
});

it('never works again once it was stopped', () => {
  idle.postpone();
  idle.stop();
  vi.runAllTimers();
  expect(left).toBe(3);
});
