import type { Batch } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { type ChatEvent, ChatEvents } from '../core/events.js';
import { EventLog, MAX_KEPT_BYTES, MAX_KEPT_EVENTS } from './event-log.js';

function aLog(): { log: EventLog; events: ChatEvents; tell: (count: number) => void } {
  const events = new ChatEvents((error) => {
    throw error;
  });
  let told = 0;
  const tell = (count: number): void => {
    for (let index = 0; index < count; index += 1) events.publish({ type: 'peer', peerId: `${(told += 1)}` });
  };
  return { log: new EventLog('start', events), events, tell };
}

/** The news of a batch of so many bytes. */
function messagesOf(bytes: number): ChatEvent {
  return { type: 'messages', kept: { batch: { bytes: new Uint8Array(bytes) } as Batch, receivedAt: null } };
}

const never = new AbortController().signal;
type Reader = ReturnType<EventLog['read']>;

async function next(reader: Reader): Promise<{ id: string; what: string }> {
  const { value, done } = await reader.next();
  if (done === true || value === undefined) return { id: '', what: 'end' };
  const { event } = value;
  return { id: value.id, what: event.type === 'peer' ? event.peerId : event.type };
}

async function take(reader: Reader, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push((await next(reader)).what);
  return taken;
}

describe('EventLog', () => {
  it('gives a new reader only what happens next', async () => {
    const { log, tell } = aLog();
    tell(3);
    const reader = log.read(undefined, never);
    const first = next(reader);
    tell(1);
    expect(await first).toEqual({ id: 'start.4', what: '4' });
  });

  it('goes on after the id that was seen last, also after one that is the latest', async () => {
    const { log, tell } = aLog();
    tell(3);
    expect(await take(log.read('start.1', never), 2)).toEqual(['2', '3']);
    expect(await take(log.read('start.0', never), 3)).toEqual(['1', '2', '3']);
    const latest = next(log.read('start.3', never));
    tell(1);
    expect((await latest).what).toBe('4');
  });

  it.each(['other.1', 'start.4', 'start.-1', 'start.x', 'start.1.5', 'start', '', 'start.9007199254740993'])(
    'says resync first after an id that nothing can follow (%j), and goes on from there',
    async (id) => {
      const { log, tell } = aLog();
      tell(3);
      const reader = log.read(id, never);
      expect(await next(reader)).toEqual({ id: 'start.3', what: 'resync' });
      const after = next(reader);
      tell(1);
      expect((await after).what).toBe('4');
    },
  );

  it(`keeps ${MAX_KEPT_EVENTS} events and no more`, async () => {
    const { log, tell } = aLog();
    tell(MAX_KEPT_EVENTS);
    expect(await take(log.read('start.0', never), 2)).toEqual(['1', '2']);
    tell(1);
    expect(await take(log.read('start.1', never), 1)).toEqual(['2']);
    expect(await take(log.read('start.0', never), 1)).toEqual(['resync']);
  });

  it(`keeps ${MAX_KEPT_BYTES} bytes and no more, but always the latest event`, async () => {
    const { log, events, tell } = aLog();
    const half = messagesOf(MAX_KEPT_BYTES / 2 - 500);
    events.publish(half);
    events.publish(half);
    expect(await take(log.read('start.0', never), 2)).toEqual(['messages', 'messages']);
    events.publish(half);
    expect(await take(log.read('start.0', never), 1)).toEqual(['resync']);
    expect(await take(log.read('start.1', never), 2)).toEqual(['messages', 'messages']);
    events.publish(messagesOf(MAX_KEPT_BYTES));
    expect(await take(log.read('start.3', never), 1)).toEqual(['messages']);
    expect(await take(log.read('start.2', never), 1)).toEqual(['resync']);
    tell(1);
    expect(await take(log.read('start.4', never), 1)).toEqual(['1']);
  });

  it('tells a reader that has fallen behind to begin anew, and holds up no other', async () => {
    const { log, tell } = aLog();
    const slow = log.read(undefined, never);
    const first = next(slow);
    const quick = log.read('start.0', never);
    tell(1);
    await first;
    tell(MAX_KEPT_EVENTS + 5);
    expect(await take(slow, 1)).toEqual(['resync']);
    tell(1);
    expect(await take(slow, 1)).toEqual([String(MAX_KEPT_EVENTS + 7)]);
    expect(await take(quick, 1)).toEqual(['resync']);
  });

  it('ends a reader when its signal aborts, and every reader after the last event', async () => {
    const { log, tell } = aLog();
    const gone = new AbortController();
    const left = next(log.read(undefined, gone.signal));
    gone.abort();
    expect((await left).what).toBe('end');

    const reader = log.read(undefined, never);
    const first = next(reader);
    tell(1);
    log.close();
    expect((await first).what).toBe('1');
    expect(await take(reader, 2)).toEqual(['stopping', 'end']);
  });
});
