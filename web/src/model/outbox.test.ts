import { ConnectionError, ControlError } from '@p2p-chat/shared/client';
import type { SendResult } from '@p2p-chat/shared/control';
import { ManualClock } from '@p2p-chat/shared/testing';
import { expect, it } from 'vitest';
import { Outbox, type Pending } from './outbox.ts';

const RESULT: SendResult = { id: 'i', conversation: 'c', author: 'a', state: 'queued' };
const AWAY = new ConnectionError('node-not-running', 'The node has gone away.');
const refusal = (status: number): ControlError =>
  new ControlError({ type: '', title: '', status, code: 'body-too-large', detail: 'Too large.' });

/** A node that answers in this order. */
function outboxAt(answers: (SendResult | Error)[], kept: readonly Pending[] = []) {
  const sent: { body: string; key: string | undefined }[] = [];
  const clock = new ManualClock();
  const saved: (readonly Pending[])[] = [];
  const send = async (_conversation: string, body: string, _signal?: AbortSignal, key?: string) => {
    sent.push({ body, key });
    const answer = answers.shift() ?? RESULT;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const { signal } = new AbortController();
  const outbox = new Outbox({
    client: { send },
    clock,
    signal,
    load: () => kept,
    save: (pending) => saved.push(pending),
  });
  return { outbox, sent, clock, saved };
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
  const { outbox, sent, clock, saved } = outboxAt([refusal(413)]);
  outbox.add('c', 'one');
  outbox.add('c', 'two');
  await clock.advance(0);
  expect(sent).toHaveLength(2);
  expect(outbox.pending.value).toMatchObject([{ body: 'one', problem: 'Too large.' }]);
  outbox.discard(outbox.pending.value[0]?.key ?? '');
  expect(saved.at(-1)).toEqual([]);
});

it('goes on after a reload with what was kept', async () => {
  const kept = { conversation: 'c', body: 'kept', key: 'k', at: 0, problem: null };
  const { sent, clock } = outboxAt([], [kept]);
  await clock.advance(0);
  expect(sent).toEqual([{ body: 'kept', key: 'k' }]);
});
