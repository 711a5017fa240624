import { fitsFrame, MAX_BODY_BYTES, newMessageId, splitIds } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { aRun } from '../testing/runs.js';
import type { Message } from './message.js';
import {
  framed,
  greatestClock,
  isAscending,
  lastClock,
  MAX_RUN_CHARACTERS,
  MAX_RUN_MESSAGES,
  messagesOf,
  packRuns,
  partOf,
  withPlaces,
} from './message-run.js';

function aMessage(clock: number, changes: Partial<Message> = {}): Message {
  return {
    id: newMessageId(clock),
    conversationId: 'bob',
    author: 'me',
    direction: 'out',
    kind: 'text',
    body: `text ${clock} "quoted" \u{1f600}`,
    clock: clock.toString(16).padStart(16, '0'),
    sentAt: 1_700_000_000_000 + clock,
    receivedAt: null,
    state: 'queued',
    ...changes,
  };
}

const many = (count: number, changes: Partial<Message> = {}): Message[] =>
  Array.from({ length: count }, (_, at) => aMessage(at + 1, changes));

describe('packRuns', () => {
  it('loses nothing', () => {
    const mixed = [
      ...many(3),
      ...many(2, { conversationId: 'carol' }),
      ...many(2, { author: 'bob', direction: 'in', receivedAt: 5, state: 'delivered' }),
      ...many(2, { author: 'bob', direction: 'in', receivedAt: 6, state: 'delivered' }),
    ];
    const runs = packRuns(mixed);
    expect(runs.map(({ count }) => count)).toEqual([3, 2, 2, 2]);
    expect(runs.flatMap(messagesOf)).toEqual(mixed);
    expect(packRuns([])).toEqual([]);
  });

  it(`puts ${MAX_RUN_MESSAGES} into a run, and the next one into another`, () => {
    expect(packRuns(many(MAX_RUN_MESSAGES))).toHaveLength(1);
    expect(packRuns(many(MAX_RUN_MESSAGES + 1)).map(({ count }) => count)).toEqual([MAX_RUN_MESSAGES, 1]);
  });

  it(`puts bodies of ${MAX_RUN_CHARACTERS} characters into a run, and one more into another`, () => {
    const [half, more] = [MAX_RUN_CHARACTERS / 2, 'x'.repeat(MAX_RUN_CHARACTERS / 2 + 1)];
    const bodies = (...list: string[]): number[] =>
      packRuns(list.map((body, at) => aMessage(at + 1, { body }))).map(({ count }) => count);
    expect(bodies('x'.repeat(half), 'x'.repeat(half))).toEqual([2]);
    expect(bodies('x'.repeat(half), more)).toEqual([1, 1]);
  });

  it('makes no run that does not fit a frame, whatever its escapes take', () => {
    // Six bytes in JSON for each character.
    const messages = many(8, { body: '\u0001'.repeat(8_000) });
    const runs = packRuns(messages);
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.every(fitsFrame)).toBe(true);
    expect(runs.flatMap(messagesOf)).toEqual(messages);
  });
});

describe('a run', () => {
  const run = aRun(['a', 'b', 'c', 'd'], 10);

  it('is cut anywhere', () => {
    expect(messagesOf(partOf(run, 1, 3))).toEqual(messagesOf(run).slice(1, 3));
    expect(messagesOf(withPlaces(run, [0, 3]))).toEqual([messagesOf(run)[0], messagesOf(run)[3]]);
  });

  it('knows its clocks, in whatever order', () => {
    expect([lastClock(run), greatestClock(run)].map((clock) => Number.parseInt(clock, 16))).toEqual([13, 13]);
    expect(isAscending(run)).toBe(true);
    const turned = withPlaces(run, [3, 0, 1]);
    expect([isAscending(turned), greatestClock(turned)]).toEqual([false, lastClock(run)]);
    expect(isAscending(withPlaces(run, [1, 1]))).toBe(false);
  });

  it('fits a frame with one message of any size, and is cut for a frame with more', () => {
    const body = '\u{10ffff}'.repeat(MAX_BODY_BYTES / 4);
    expect(framed(aRun(body))).toHaveLength(1);
    const cut = framed(aRun([body, body, body, body, body]));
    expect(cut.length).toBeGreaterThan(1);
    expect(cut.flatMap(({ ids }) => splitIds(ids))).toHaveLength(5);
    expect(cut.every(fitsFrame)).toBe(true);
  });
});
