import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { EVENT_HEARTBEAT_MS, EVENT_STREAMS_PER_TURN, MAX_EVENT_DELAY_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryLeaseRegistry } from '../registry/memory-lease-registry.js';
import { EventStreams } from './event-streams.js';

class Client extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

describe('EventStreams', () => {
  const COUNT = 2 * EVENT_STREAMS_PER_TURN + 1;
  let clock: ManualClock;
  let registry: MemoryLeaseRegistry;
  let streams: EventStreams;
  let clients: Client[];
  beforeEach(() => {
    clock = new ManualClock();
    registry = new MemoryLeaseRegistry(clock, { leaseMs: 600_000 });
    streams = new EventStreams(registry, clock);
    clients = Array.from({ length: COUNT }, () => new Client());
    for (const client of clients) streams.open(client as unknown as ServerResponse, registry.cursor);
  });
  afterEach(() => {
    streams.onModuleDestroy();
    void registry.close();
  });

  const join = (user: string, port: number): void => {
    const entry = { HOST: '192.0.2.1', PORT: port, USER: user };
    registry.register({ entry, signed: null, request: null });
  };
  const users = ({ text }: Client): string[] =>
    [...text.matchAll(/"USER":"(\w+)"/g)].map(([, user]) => user!);

  it('gives others a turn between writes to many streams, and tells each stream everything once', async () => {
    join('Anna', 1);
    const before = clock.timers;
    // Another turn: what changes in it must reach those that were written to already and those that were not.
    let counted = 0;
    clock.setTimeout(
      () => {
        counted = clients.filter((client) => users(client).length > 0).length;
        join('Ben', 2);
      },
      (MAX_EVENT_DELAY_MS * COUNT) / 10_000,
    );
    expect(clock.timers).toBe(before + 1);
    await clock.advance(2 * MAX_EVENT_DELAY_MS);
    expect(counted).toBe(EVENT_STREAMS_PER_TURN);
    for (const client of clients) expect(users(client)).toEqual(['Anna', 'Ben']);
  });

  it('comes to every stream with its heartbeat, and to none after the end', async () => {
    const beats = ({ text }: Client): number => text.split('\n').filter((line) => line === ':').length;
    await clock.advance(EVENT_HEARTBEAT_MS);
    expect(new Set(clients.map(beats))).toEqual(new Set([1]));
    join('Anna', 1);
    streams.onModuleDestroy();
    await clock.advance(2 * EVENT_HEARTBEAT_MS);
    expect(new Set(clients.map(beats))).toEqual(new Set([1]));
  });
});
