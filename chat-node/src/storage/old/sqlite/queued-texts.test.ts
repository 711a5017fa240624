import { describe, expect, it } from 'vitest';
import type { MessageKind } from '../../../chat/message.js';
import { fitsFrame } from '@p2p-chat/shared';
import { messagesOf, packRuns } from '../../../chat/message-run.js';
import { outgoing } from '../../../chat/ports/message.repository.contract.js';
import { type QueuedTexts, runsOf } from './queued-texts.js';

const CONVERSATION = outgoing(1).conversationId;

/** Messages as the storage thread reads them. */
function texts(messages: readonly ReturnType<typeof outgoing>[]): QueuedTexts {
  return {
    author: outgoing(1).author,
    count: messages.length,
    ids: messages.map(({ id }) => id.replaceAll('-', '')).join(''),
    clocks: messages.map(({ clock }) => clock).join(''),
    sentAt: messages.map(({ sentAt }) => String(sentAt).padStart(16, '0')).join(''),
    kinds: JSON.stringify(messages.map(({ kind }) => kind)),
    bodies: JSON.stringify(messages.map(({ body }) => body)),
  };
}

describe('runsOf', () => {
  const messages = [outgoing(1), outgoing(2), outgoing(3)];

  it('gives one run of what was read', () => {
    expect(runsOf(CONVERSATION, texts(messages))).toEqual(packRuns(messages));
  });

  it('gives a run for each stretch of one kind', () => {
    const other = { ...outgoing(4), kind: 'later' as MessageKind };
    const mixed = [...messages, other, outgoing(5)];
    const runs = runsOf(CONVERSATION, texts(mixed));
    expect(runs.map(({ count, kind }) => [count, kind])).toEqual([
      [3, 'text'],
      [1, 'later'],
      [1, 'text'],
    ]);
    expect(runs.flatMap(messagesOf)).toEqual(mixed);
  });

  it('puts what was read out of order into order', () => {
    const turned = [messages[2], messages[0], messages[1]] as typeof messages;
    expect(runsOf(CONVERSATION, texts(turned)).flatMap(messagesOf)).toEqual(messages);
  });

  it('cuts what does not fit a frame', () => {
    const large = Array.from({ length: 6 }, (_, at) => outgoing(at + 1, { body: 'x'.repeat(60_000) }));
    const runs = runsOf(CONVERSATION, texts(large));
    expect(runs.length).toBeGreaterThan(1);
    expect(runs.every(fitsFrame)).toBe(true);
    expect(runs.flatMap(messagesOf)).toEqual(large);
  });
});
