import { DIAL_STAGGER_MS, MAX_PARALLEL_DIALS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { firstToSucceed } from './happy-eyeballs.js';

interface Attempt {
  at: number;
  resolve: (value: string) => void;
  reject: (error: Error) => void;
  signal: AbortSignal;
}

describe('firstToSucceed', () => {
  let clock: ManualClock;
  let attempts: Map<string, Attempt>;
  let discarded: string[];
  let controller: AbortController;
  beforeEach(() => {
    clock = new ManualClock();
    attempts = new Map();
    discarded = [];
    controller = new AbortController();
  });

  function race(...candidates: string[]): Promise<string> {
    return firstToSucceed<string, string>(candidates, {
      clock,
      signal: controller.signal,
      attempt: (candidate, signal) =>
        new Promise((resolve, reject) => {
          attempts.set(candidate, { at: clock.monotonic(), resolve, reject, signal });
          signal.addEventListener('abort', () => reject(new Error(`${candidate} was given up`)));
        }),
      discard: (result) => discarded.push(result),
    });
  }
  const starts = (): [string, number][] => [...attempts].map(([name, { at }]) => [name, at]);

  it('starts the next one after a while, and the others end when one succeeds', async () => {
    const result = race('a', 'b', 'c', 'd');
    await clock.advance(2 * DIAL_STAGGER_MS);
    expect(starts()).toEqual([
      ['a', 0],
      ['b', DIAL_STAGGER_MS],
      ['c', 2 * DIAL_STAGGER_MS],
    ]);
    attempts.get('b')!.resolve('b');
    expect(await result).toBe('b');
    expect(['a', 'c'].map((name) => attempts.get(name)!.signal.aborted)).toEqual([true, true]);
    await clock.advance(10 * DIAL_STAGGER_MS);
    expect(attempts.size).toBe(3);
    expect(clock.timers).toBe(0);
  });

  it('starts the next one at once when one fails, and the one after that in its time', async () => {
    const result = race('a', 'b', 'c');
    await clock.advance(100);
    attempts.get('a')!.reject(new Error('refused'));
    await clock.advance(0);
    await clock.advance(DIAL_STAGGER_MS);
    expect(starts()).toEqual([
      ['a', 0],
      ['b', 100],
      ['c', 100 + DIAL_STAGGER_MS],
    ]);
    attempts.get('c')!.resolve('c');
    expect(await result).toBe('c');
  });

  it('gives back what came second in the same moment', async () => {
    const result = race('a', 'b');
    await clock.advance(DIAL_STAGGER_MS);
    attempts.get('b')!.resolve('b');
    attempts.get('a')!.resolve('a');
    expect(await result).toBe('b');
    await clock.advance(0);
    expect(discarded).toEqual(['a']);
  });

  it('fails with all errors when every one failed', async () => {
    const result = race('a', 'b').catch((error: unknown) => error as AggregateError);
    for (const name of ['a', 'b']) {
      await clock.advance(0);
      attempts.get(name)!.reject(new Error(`${name} refused`));
    }
    expect((await result) as AggregateError).toMatchObject({
      errors: [{ message: 'a refused' }, { message: 'b refused' }],
    });
    expect(clock.timers).toBe(0);
  });

  it('has no more under way than it may, and goes on when one fails', async () => {
    const names = Array.from({ length: MAX_PARALLEL_DIALS + 2 }, (_, n) => `${n}`);
    const result = race(...names);
    await clock.advance(names.length * DIAL_STAGGER_MS);
    expect(attempts.size).toBe(MAX_PARALLEL_DIALS);
    attempts.get('0')!.reject(new Error('refused'));
    await clock.advance(0);
    expect(attempts.size).toBe(MAX_PARALLEL_DIALS + 1);
    attempts.get('3')!.resolve('3');
    expect(await result).toBe('3');
  });

  it('ends with its signal, whatever is under way', async () => {
    const result = race('a', 'b', 'c').catch((error: unknown) => error as AggregateError);
    await clock.advance(DIAL_STAGGER_MS);
    controller.abort();
    expect(((await result) as AggregateError).errors).toHaveLength(2);
    await clock.advance(10 * DIAL_STAGGER_MS);
    expect(attempts.size).toBe(2);
  });

  it('fails at once where there is nothing to try', async () => {
    await expect(race()).rejects.toThrow(AggregateError);
  });
});
