import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { EVENT_STALL_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { expect, it } from 'vitest';
import { EventStream } from './event-stream.js';

it(`counts a client as gone that has read nothing for more than ${EVENT_STALL_MS} ms, and one that reads again not`, async () => {
  const clock = new ManualClock();
  const response = Object.assign(new EventEmitter(), {
    cork: () => undefined,
    uncork: () => undefined,
    write: () => false,
  });
  const stream = new EventStream(response as unknown as ServerResponse, '', clock, () => undefined);
  stream.write('event');
  await clock.advance(EVENT_STALL_MS);
  expect(stream.isDead).toBe(false);
  // What is written meanwhile starts nothing anew.
  stream.write('event');
  await clock.advance(1);
  expect(stream.isDead).toBe(true);
  response.emit('drain');
  expect([stream.isDead, stream.stalled]).toEqual([false, false]);
});
