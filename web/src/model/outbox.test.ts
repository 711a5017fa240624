import { ConnectionError, ControlError } from '@p2p-chat/shared/client';
import type { SendResult } from '@p2p-chat/shared/control';
import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxParts, type Pending } from './outbox.ts';

const RESULT: SendResult = { id: 'i', conversation: 'c', author: 'a', state: 'queued' };
const AWAY = new ConnectionError('node-not-running', 'The node has gone away.');
const refusal = (status: number): ControlError =>
  new ControlError({ type: '', title: '', status, code: 'body-too-large', detail: 'Too large.' });

/** What the tabs of a browser share: a change in one is told to the others. */
class SharedShelf {
  readonly kept = new Map<string, Pending>();
  readonly #tabs = new Set<(key: string, value: Pending | undefined) => void>();

  ofTab(): OutboxParts['shelf'] {
    let own: ((key: string, value: Pending | undefined) => void) | undefined;
    return {
      all: () => new Map(this.kept),
      put: (key, value) => {
        if (value === undefined) this.kept.delete(key);
        else this.kept.set(key, value);
        for (const told of this.#tabs) if (told !== own) told(key, value);
      },
      watch: (told, signal) => {
        own = told;
        this.#tabs.add(told);
        signal.addEventListener('abort', () => this.#tabs.delete(told));
      },
    };
  }
}

/** A tab with a node that answers in this order. */
function outboxAt(answers: (SendResult | Error)[], shelf = new SharedShelf(), clock = new ManualClock()) {
  const sent: { body: string; key: string | undefined }[] = [];
  const send = async (_conversation: string, body: string, _signal?: AbortSignal, key?: string) => {
    sent.push({ body, key });
    const answer = answers.shift() ?? RESULT;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const closing = new AbortController();
  const outbox = new Outbox({ client: { send }, clock, signal: closing.signal, shelf: shelf.ofTab() });
  return { outbox, sent, clock, shelf, close: () => closing.abort() };
}

it('hands over what was written, in order', async () => {
  const { outbox, sent, clock } = outboxAt([]);
  outbox.add('c', 'one');
  outbox.add('c', 'two');
  await clock.advance(0);
  expect(sent.map(({ body }) => body)).toEqual(['one', 'two']);
  expect(outbox.pending.value).toEqual([]);
});

it('sends again under the same key what the node may have taken', async () => {
  const { outbox, sent, clock } = outboxAt([AWAY, refusal(503)]);
  outbox.add('c', 'one');
  await clock.advance(0);
  expect(outbox.pending.value).toHaveLength(1);
  await clock.advance(1_000);
  await clock.advance(1_000);
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
  expect(outbox.pending.value).toEqual([]);
});

it('keeps what was refused and says why, and goes on with the next', async () => {
  const { outbox, sent, clock, shelf } = outboxAt([refusal(413)]);
  outbox.add('c', 'one');
  outbox.add('c', 'two');
  await clock.advance(0);
  expect(sent).toHaveLength(2);
  expect(outbox.pending.value).toMatchObject([{ body: 'one', problem: 'Too large.' }]);
  outbox.discard(outbox.pending.value[0]?.key ?? '');
  expect(shelf.kept.size).toBe(0);
});

it('goes on after a reload with what was kept, in order', async () => {
  const shelf = new SharedShelf();
  for (const [key, at] of [
    ['b', 2],
    ['a', 1],
  ] as const)
    shelf.kept.set(key, { conversation: 'c', body: key, key, at, problem: null });
  const { sent, clock } = outboxAt([], shelf);
  await clock.advance(0);
  expect(sent.map(({ key }) => key)).toEqual(['a', 'b']);
});

describe('two tabs', () => {
  it('keep what both wrote while the node is away; the one that stays hands over all of it', async () => {
    const clock = new ManualClock();
    const shelf = new SharedShelf();
    const away = (): Error[] => Array.from({ length: 3 }, () => AWAY);
    const first = outboxAt(away(), shelf, clock);
    const second = outboxAt(away(), shelf, clock);
    first.outbox.add('c', 'from the first');
    second.outbox.add('c', 'from the second');
    first.close();
    expect([...shelf.kept.values()].map(({ body }) => body)).toEqual(['from the first', 'from the second']);
    for (let n = 0; n < 6; n += 1) await clock.advance(1_000);
    expect(new Set(second.sent.map(({ body }) => body))).toEqual(
      new Set(['from the first', 'from the second']),
    );
    expect(second.outbox.pending.value).toEqual([]);
    expect(shelf.kept.size).toBe(0);
  });

  it('leave a message to the one in which it was written, where the node takes it', async () => {
    const clock = new ManualClock();
    const shelf = new SharedShelf();
    const first = outboxAt([], shelf, clock);
    const second = outboxAt([], shelf, clock);
    first.outbox.add('c', 'one');
    expect(second.outbox.pending.value).toHaveLength(1);
    await clock.advance(0);
    expect(second.outbox.pending.value).toEqual([]);
    await clock.advance(2_000);
    expect(second.sent).toEqual([]);
  });

  it('show what was refused in both, until it is discarded in one', async () => {
    const clock = new ManualClock();
    const shelf = new SharedShelf();
    const first = outboxAt([refusal(413)], shelf, clock);
    const second = outboxAt([], shelf, clock);
    first.outbox.add('c', 'one');
    await clock.advance(2_000);
    expect(second.sent).toEqual([]);
    expect(second.outbox.pending.value).toMatchObject([{ body: 'one', problem: 'Too large.' }]);
    second.outbox.discard(second.outbox.pending.value[0]?.key ?? '');
    expect(first.outbox.pending.value).toEqual([]);
  });
});
