import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import {
  DISCOVERY_RATE_REQUESTS,
  DISCOVERY_RATE_WINDOW_MS,
  EVENT_STREAMS_AT_MAX_DELAY,
  LEASE_SECONDS,
  MAX_DISCOVERY_ENTRIES,
  MAX_EVENT_DELAY_MS,
  MAX_EVENT_STREAMS,
  MAX_HOST_CHARACTERS,
  MAX_RATE_LIMITED_ADDRESSES,
  MAX_RECOGNISED_REQUEST_BYTES,
  MAX_REMEMBERED_CHANGES,
  MAX_REMEMBERED_SEQUENCES,
  RENEW_INTERVAL_MS,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from './config.js';
import { EventStreams } from './events/event-streams.js';
import { type RunningService, startService } from './lifecycle.js';
import { RateLimiter } from './rate-limiter.js';
import { ChangeLog } from './registry/change-log.js';
import { MemoryLeaseRegistry } from './registry/memory-lease-registry.js';
import { readRegistration } from './registry/request-body.js';
import { SequenceMemory } from './registry/sequence-memory.js';

/*
 * The limits of shared/src/wire/limits.ts that are this service's, each at it
 * and just past it.
 */

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('the rate limit', () => {
  it(`lets ${DISCOVERY_RATE_REQUESTS} requests of one address through, then says when to come back`, async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock);
    await clock.advance(1);
    for (let n = 0; n < DISCOVERY_RATE_REQUESTS; n += 1) expect(limiter.take('192.0.2.1')).toBe(0);
    const retryAfter = limiter.take('192.0.2.1');
    expect(retryAfter).toBe(DISCOVERY_RATE_WINDOW_MS / 1_000);
    await clock.advance(retryAfter * 1_000);
    expect(limiter.take('192.0.2.1')).toBe(0);
  });

  it('refuses none of 300 users behind one address, however long, and nobody else for a flood', async () => {
    const clock = new ManualClock();
    const limiter = new RateLimiter(clock);
    // Every node renews at the same instant, asks for the list and opens a stream.
    const perNode = 3;
    for (let round = 0; round < 100; round += 1) {
      for (let n = 0; n < 300 * perNode; n += 1) expect(limiter.take('198.51.100.1')).toBe(0);
      // Meanwhile somebody else asks without end.
      let refused = 0;
      for (let n = 0; n <= DISCOVERY_RATE_REQUESTS; n += 1) refused += limiter.take('192.0.2.66') > 0 ? 1 : 0;
      expect(refused).toBeGreaterThan(0);
      await clock.advance(RENEW_INTERVAL_MS);
    }
  });

  it(`counts ${MAX_RATE_LIMITED_ADDRESSES} addresses each by itself, and those after them together`, () => {
    const limiter = new RateLimiter(new ManualClock(), { requests: 1 });
    const address = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    for (let n = 0; n < MAX_RATE_LIMITED_ADDRESSES; n += 1) expect(limiter.take(address(n))).toBe(0);
    expect(limiter.take(address(MAX_RATE_LIMITED_ADDRESSES))).toBe(0);
    expect(limiter.take(address(MAX_RATE_LIMITED_ADDRESSES + 1))).toBeGreaterThan(0);
  });
});

describe('the registry', () => {
  it(`lists ${MAX_DISCOVERY_ENTRIES} entries and no more`, async () => {
    const registry = new MemoryLeaseRegistry(new ManualClock(), { leaseMs: LEASE_SECONDS * 1_000 });
    const register = (n: number): unknown =>
      registry.register({
        entry: { HOST: `10.0.${n >> 8}.${n & 255}`, PORT: 7780, USER: 'x' },
        signed: null,
        request: null,
      });
    for (let n = 0; n < MAX_DISCOVERY_ENTRIES; n += 1) register(n);
    expect(registry.size().plain).toBe(MAX_DISCOVERY_ENTRIES);
    expect(() => register(MAX_DISCOVERY_ENTRIES)).toThrow(expect.objectContaining({ code: 'registry-full' }));
    // Who is there may renew and change.
    expect(() => register(0)).not.toThrow();
    await registry.close();
  });

  it(`remembers the sequence of ${MAX_REMEMBERED_SEQUENCES} who left, the latest ones`, () => {
    const memory = new SequenceMemory(new ManualClock());
    for (let n = 0; n < MAX_REMEMBERED_SEQUENCES; n += 1)
      memory.remember(`${n}`, { seq: n, announcement: null });
    expect(memory.recall('0')).toMatchObject({ seq: 0 });
    memory.remember('one more', { seq: 1, announcement: null });
    expect([memory.recall('0'), memory.recall('1')]).toEqual([
      undefined,
      expect.objectContaining({ seq: 1 }),
    ]);
  });

  it(`remembers ${MAX_REMEMBERED_CHANGES} changes and no more`, () => {
    const log = new ChangeLog();
    const start = log.cursor;
    for (let n = 0; n < MAX_REMEMBERED_CHANGES; n += 1) log.add('join', 'a', `${n}`);
    expect(log.since(start)).toHaveLength(MAX_REMEMBERED_CHANGES);
    log.add('join', 'a', 'one more');
    expect(log.since(start)).toBeNull();
  });
});

describe('event streams', () => {
  class Client extends Writable {
    text = '';
    override _write(chunk: Buffer, _encoding: string, done: () => void): void {
      this.text += chunk.toString();
      done();
    }
  }
  const clock = new ManualClock();
  const registry = new MemoryLeaseRegistry(clock, { leaseMs: LEASE_SECONDS * 1_000 });
  let streams: EventStreams;
  afterEach(() => streams.onModuleDestroy());
  const open = (): Client => {
    const client = new Client();
    streams.open(client as unknown as ServerResponse, registry.cursor);
    return client;
  };

  it(`are ${MAX_EVENT_STREAMS} and no more; one that ends makes room`, async () => {
    streams = new EventStreams(registry, clock);
    const clients = Array.from({ length: MAX_EVENT_STREAMS }, open);
    expect(streams.size).toBe(MAX_EVENT_STREAMS);
    expect(open).toThrow(expect.objectContaining({ status: 503, headers: { 'retry-after': '30' } }));
    const closed = once(clients[0]!, 'close');
    clients[0]!.destroy();
    await closed;
    expect(open).not.toThrow();
  });

  it(`wait for ${MAX_EVENT_DELAY_MS} ms from ${EVENT_STREAMS_AT_MAX_DELAY} of them on, so that changes go out together`, async () => {
    streams = new EventStreams(registry, clock);
    const first = open();
    for (let n = 1; n < EVENT_STREAMS_AT_MAX_DELAY + 100; n += 1) open();
    registry.register({ entry: { HOST: '192.0.2.1', PORT: 1, USER: 'Anna' }, signed: null, request: null });
    await clock.advance(MAX_EVENT_DELAY_MS - 1);
    expect(first.text).not.toContain('Anna');
    await clock.advance(1);
    expect(first.text).toContain('Anna');
    await registry.close();
  });
});

describe('a registration', () => {
  it(`has a HOST of ${MAX_HOST_CHARACTERS} characters and no more`, () => {
    const read = (length: number): unknown =>
      readRegistration(text({ HOST: 'a'.repeat(length), PORT: 1, USER: 'Anna' })).HOST;
    expect(read(MAX_HOST_CHARACTERS)).toHaveLength(MAX_HOST_CHARACTERS);
    expect(() => read(MAX_HOST_CHARACTERS + 1)).toThrow(expect.objectContaining({ status: 400 }));
  });

  let service: RunningService | undefined;
  afterEach(() => service?.stop());

  it(`is recognised by its bytes up to ${MAX_RECOGNISED_REQUEST_BYTES} of them`, async () => {
    const clock = new ManualClock();
    const registry = new MemoryLeaseRegistry(clock, { leaseMs: LEASE_SECONDS * 1_000 });
    const register = vi.spyOn(registry, 'register');
    const config = readConfig({ DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: '0' });
    service = await startService({ config, clock, logger: silent, registry });
    const url = `http://127.0.0.1:${service.port}/`;
    const put = async (size: number): Promise<void> => {
      const body = JSON.stringify({ HOST: '', PORT: 7000, USER: 'Anna' }).padEnd(size);
      const headers = { 'content-type': 'application/json' };
      expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(200);
    };
    for (let n = 0; n < 3; n += 1) await put(MAX_RECOGNISED_REQUEST_BYTES);
    expect(register).toHaveBeenCalledTimes(1);
    for (let n = 0; n < 3; n += 1) await put(MAX_RECOGNISED_REQUEST_BYTES + 1);
    expect(register).toHaveBeenCalledTimes(4);
  });

  it('that is refused for its rate says so in time, over HTTP', async () => {
    const clock = new ManualClock();
    const config = readConfig({ DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: '0' });
    service = await startService(
      { config, clock, logger: silent },
      new RateLimiter(clock, { requests: 100, loopback: true }),
    );
    const { port } = service;
    const answers = await new Promise<string>((resolve) => {
      let all = '';
      const socket = connect(port, '127.0.0.1');
      socket.setEncoding('latin1').on('data', (chunk: string) => (all += chunk));
      socket.on('close', () => resolve(all)).on('error', () => undefined);
      const get = 'GET /health HTTP/1.1\r\nHost: x\r\n';
      socket.write(`${get}\r\n`.repeat(149) + `${get}Connection: close\r\n\r\n`);
    });
    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(100);
    expect(answers.match(/HTTP\/1\.1 429 /g)).toHaveLength(50);
    expect(answers.match(/retry-after: 10\r\n/gi)).toHaveLength(50);
  });
});
