import { newMessageId, splitIds, WINDOW_BYTES, WINDOW_MESSAGES } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { aRun } from '../testing/runs.js';
import { InFlight } from './in-flight.js';

const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `text ${at}`);

describe('InFlight', () => {
  it('settles whole runs, several with one ack', () => {
    const inFlight = new InFlight();
    const runs = [aRun(texts(3)), aRun(texts(2)), aRun(texts(1))];
    for (const run of runs) inFlight.add(run);
    const acked = `${runs[0]?.ids}${runs[1]?.ids}`;
    expect(inFlight.settle(acked)).toBe(acked);
    expect(inFlight.isEmpty).toBe(false);
    expect(inFlight.settle(runs[2]?.ids ?? '')).toBe(runs[2]?.ids);
    expect(inFlight.isEmpty).toBe(true);
  });

  it('settles ids in any order, each once', () => {
    const inFlight = new InFlight();
    const [first, second] = [aRun(texts(3)), aRun(texts(2))];
    inFlight.add(first);
    inFlight.add(second);
    const [a = '', b = '', c = ''] = splitIds(first.ids);
    expect(inFlight.settle(b)).toBe(b);
    expect(inFlight.settle(b)).toBe('');
    expect([inFlight.has(a), inFlight.has(b), inFlight.has(c)]).toEqual([true, false, true]);
    // All of the first are named, of which one is settled; then the second as a whole.
    expect(inFlight.settle(first.ids + second.ids)).toBe(a + c + second.ids);
    expect(inFlight.isEmpty).toBe(true);
  });

  it('passes over ids that are not in flight, before and after others', () => {
    const inFlight = new InFlight();
    const [run, later] = [aRun(texts(2)), aRun(texts(1))];
    const stray = newMessageId(0);
    inFlight.add(run);
    expect(inFlight.settle(stray)).toBe('');
    inFlight.add(later);
    expect(inFlight.settle(stray + run.ids + stray + later.ids)).toBe(run.ids + later.ids);
    expect(inFlight.settle(run.ids)).toBe('');
    expect(inFlight.isEmpty).toBe(true);
  });

  it(`has room for ${WINDOW_MESSAGES} messages and no more`, () => {
    const inFlight = new InFlight();
    const run = aRun(texts(WINDOW_MESSAGES - 1));
    expect(inFlight.hasRoomFor(run)).toBe(true);
    inFlight.add(run);
    expect(inFlight.hasRoomFor(aRun('one'))).toBe(true);
    expect(inFlight.hasRoomFor(aRun(['one', 'two']))).toBe(false);
    inFlight.add(aRun('one'));
    expect(inFlight.hasRoomFor(aRun('one'))).toBe(false);
    inFlight.settle(run.ids);
    expect(inFlight.hasRoomFor(run)).toBe(true);
  });

  it(`has room until ${WINDOW_BYTES} bytes are on the way`, () => {
    const inFlight = new InFlight();
    // With quotes and brackets of its list.
    const run = aRun('x'.repeat(WINDOW_BYTES - 5));
    inFlight.add(run);
    expect(inFlight.hasRoomFor(aRun('x'))).toBe(true);
    inFlight.add(aRun('x'.repeat(1)));
    expect(inFlight.hasRoomFor(aRun('x'))).toBe(false);
  });
});
