import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { type FetchSlot, FetchSlots, MAX_FETCHED_AT_ONCE, TURN_MS } from './fetch-slots.js';

const ALWAYS = new AbortController().signal;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function slots() {
  const clock = new ManualClock();
  const made = new FetchSlots(clock);
  const given: string[] = [];
  /** A file that goes on until its turn is over, and then waits for another one. */
  const slow = async (author: string, name: string): Promise<void> => {
    for (;;) {
      const slot = await made.take(author, ALWAYS);
      given.push(name);
      await new Promise((resolve) => slot.over.addEventListener('abort', resolve));
      slot.free();
    }
  };
  return { clock, made, given, slow };
}

describe('the slots of files that are fetched', () => {
  it('are taken by a slow offerer no longer than for a turn while others wait', async () => {
    const { clock, made, given, slow } = slots();
    for (let nth = 0; nth < 2 * MAX_FETCHED_AT_ONCE; nth += 1) void slow('mallory', `slow ${nth}`);
    await settle();
    expect(given).toHaveLength(MAX_FETCHED_AT_ONCE);
    let got: FetchSlot | null = null;
    void made.take('bob', ALWAYS).then((slot) => (got = slot));
    await clock.advance(TURN_MS - 1);
    expect(got).toBeNull();
    // The files of the other one came first; his have fewer slots.
    await clock.advance(1);
    expect(got).not.toBeNull();
  });

  it('stay with whom they have while nobody waits', async () => {
    const { clock, made, given, slow } = slots();
    for (let nth = 0; nth < MAX_FETCHED_AT_ONCE; nth += 1) void slow('bob', `file ${nth}`);
    await clock.advance(10 * TURN_MS);
    expect(given).toEqual(['file 0', 'file 1', 'file 2']);
    // Who comes then waits no longer.
    const slot = await made.take('carol', ALWAYS);
    expect(slot.over.aborted).toBe(false);
  });

  it('are not given to who waits no more', async () => {
    const { made } = slots();
    const held = await Promise.all([1, 2, 3].map(() => made.take('bob', ALWAYS)));
    const stop = new AbortController();
    const waiting = made.take('bob', stop.signal);
    stop.abort();
    await expect(waiting).rejects.toThrow();
    held[0]?.free();
    held[0]?.free();
    await made.take('bob', ALWAYS);
    let more = false;
    void made.take('bob', ALWAYS).then(() => (more = true));
    await settle();
    expect(more).toBe(false);
  });
});
