import { WINDOW_BYTES, WINDOW_MESSAGES } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { aRun } from '../testing/runs.js';
import { OutboxTail, TailBudget } from './outbox-tail.js';

describe('OutboxTail', () => {
  it('gives back what was put in, in order, however much passes through', () => {
    const tail = new OutboxTail(new TailBudget());
    let [put, taken] = [0, 0];
    for (let round = 0; round < 1_000; round += 1) {
      for (let nth = 0; nth <= round % 3; nth += 1) tail.push(aRun(`${(put += 1)}`));
      expect(tail.shift()?.bodies).toBe(`["${(taken += 1)}"]`);
    }
    while (taken < put) expect(tail.shift()?.bodies).toBe(`["${(taken += 1)}"]`);
    expect(tail.shift()).toBeUndefined();
    expect(tail.first).toBeUndefined();
  });

  it('gives one message alone and keeps the rest of its run in front', () => {
    const tail = new OutboxTail(new TailBudget());
    tail.push(aRun(['a', 'b', 'c']));
    tail.push(aRun(['d']));
    expect(tail.shiftOne()?.bodies).toBe('["a"]');
    expect(tail.first?.bodies).toBe('["b","c"]');
    expect([tail.shiftOne(), tail.shiftOne(), tail.shiftOne()].map((run) => run?.bodies)).toEqual([
      '["b"]',
      '["c"]',
      '["d"]',
    ]);
    expect(tail.shiftOne()).toBeUndefined();
  });

  it('is full with twice the bytes of a window or four times its messages as runs of one, and not before', () => {
    const wide = new OutboxTail(new TailBudget());
    wide.push(aRun('x'.repeat(2 * WINDOW_BYTES - 73)));
    expect(wide.isFull).toBe(false);
    wide.push(aRun('x'));
    expect(wide.isFull).toBe(true);
    const long = new OutboxTail(new TailBudget());
    for (let nth = 1; nth < 4 * WINDOW_MESSAGES; nth += 1) long.push(aRun('x'));
    expect(long.isFull).toBe(false);
    long.push(aRun('x'));
    expect(long.isFull).toBe(true);
    long.shift();
    expect(long.isFull).toBe(false);
  });

  it('is full where all tails together take eight times the bytes of a window, until one lets go', () => {
    const budget = new TailBudget();
    const others = Array.from({ length: 4 }, () => new OutboxTail(budget));
    // Id, clock, time, and brackets and quotes of the list take 72 characters.
    for (const other of others) other.push(aRun('x'.repeat(2 * WINDOW_BYTES - 73)));
    const tail = new OutboxTail(budget);
    expect(tail.isFull).toBe(false);
    tail.push(aRun('x'));
    expect(tail.isFull).toBe(true);
    tail.shift();
    expect(tail.isFull).toBe(false);
    tail.push(aRun('x'));
    others[0]?.clear();
    expect(tail.isFull).toBe(false);
    expect(tail.first?.bodies).toBe('["x"]');
  });

  it('is short under half a window', () => {
    const tail = new OutboxTail(new TailBudget());
    const half = Array.from({ length: WINDOW_MESSAGES / 2 }, () => 'x');
    tail.push(aRun(half.slice(1)));
    expect(tail.isShort).toBe(true);
    tail.push(aRun('x'));
    expect(tail.isShort).toBe(false);
    tail.clear();
    expect(tail.isShort).toBe(true);
    expect(tail.first).toBeUndefined();
  });
});
