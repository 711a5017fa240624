import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { EVENT_STALL_MS, EVENT_HEARTBEAT_MS, MAX_EVENT_STREAMS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpProblem } from '../problem.js';
import { MemoryLeaseRegistry } from '../registry/memory-lease-registry.js';
import { EventStreams } from './event-streams.js';

/** A client of a stream, which reads when it is told to. */
class Client extends Writable {
  received = '';
  #unread: (() => void)[] = [];
  constructor(private reads: boolean) {
    super();
  }
  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received += chunk.toString();
    if (this.reads) done();
    else this.#unread.push(done);
  }
  read(): void {
    this.reads = true;
    for (const done of this.#unread.splice(0)) done();
  }
  get joins(): number {
    return this.received.split('event: join').length - 1;
  }
}

describe('EventStreams', () => {
  let clock: ManualClock;
  let registry: MemoryLeaseRegistry;
  let streams: EventStreams;
  beforeEach(() => {
    clock = new ManualClock();
    registry = new MemoryLeaseRegistry(clock, { leaseMs: 600_000 });
    streams = new EventStreams(registry, clock);
  });
  afterEach(() => streams.onModuleDestroy());

  async function join(count: number, from = 0): Promise<void> {
    for (let n = from; n < from + count; n += 1) {
      const entry = { HOST: '192.0.2.1', PORT: n + 1, USER: `${n} ${'x'.repeat(2_000)}` };
      void registry.register({ entry, signed: null, request: null });
      await clock.advance(1);
    }
  }

  it('keep for a client that reads nothing no more than what was on its way, and nobody waits for it', async () => {
    const dead = new Client(false);
    const quick = new Client(true);
    streams.open(dead.response, undefined);
    streams.open(quick.response, undefined);
    // More than a socket takes.
    await join(100);
    const kept = dead.writableLength;
    await join(1_000, 100);
    expect(dead.writableLength).toBe(kept);
    expect(quick.joins).toBe(1_100);

    await clock.advance(EVENT_STALL_MS + EVENT_HEARTBEAT_MS);
    expect([dead.destroyed, quick.destroyed, streams.size]).toEqual([true, false, 1]);
  });

  it('give a client that reads again what it missed, once', async () => {
    const slow = new Client(false);
    streams.open(slow.response, undefined);
    await join(500);
    slow.read();
    await clock.advance(1);
    expect(slow.joins).toBe(500);
    await join(1, 500);
    expect(slow.joins).toBe(501);
  });

  it(`are ${MAX_EVENT_STREAMS} and no more, until one ends`, async () => {
    const clients = Array.from({ length: MAX_EVENT_STREAMS }, () => new Client(true));
    for (const { response } of clients) streams.open(response, registry.cursor);
    const late = new Client(true);
    const refused = (): unknown => {
      try {
        streams.open(late.response, undefined);
        return null;
      } catch (error) {
        return error;
      }
    };
    expect(refused()).toBeInstanceOf(HttpProblem);
    expect(refused()).toMatchObject({ status: 503, content: { code: 'streams-full' } });
    clients[0]!.destroy();
    await clock.advance(0);
    expect(refused()).toBeNull();
    for (const client of clients) client.destroy();
  });
});
