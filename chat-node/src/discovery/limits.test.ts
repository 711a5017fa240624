import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  DISCOVERY_BACKOFF,
  DISCOVERY_REQUEST_TIMEOUT_MS,
  EVENT_HEARTBEAT_MS,
  EVENT_SILENCE_MS,
  LEASE_SECONDS,
  MAX_DISCOVERY_ENTRIES,
  MAX_DISCOVERY_LIST_BYTES,
  MAX_DISCOVERY_WAIT_MS,
  MIN_DISCOVERY_GAP_MS,
  RENEW_INTERVAL_MS,
  signAnnouncement,
  type SignedEntry,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { RegisteredList } from './registered-list.js';
import { RegistryClient } from './registry-client.js';
import { RegistryFailure } from './registry-failure.js';
import { SightingReader } from './sighting-reader.js';

/*
 * What a node takes of a discovery service, each limit at it and just past it.
 */

const announcement = (user: string): SignedEntry =>
  signAnnouncement(
    {
      host: '192.0.2.1',
      port: 7780,
      user,
      addresses: [],
      instance: 'i',
      seq: 1,
      expires: Date.now() + ANNOUNCEMENT_VALIDITY_MS,
    },
    testKeys(user),
  );
const own = announcement('anna');
const never = new AbortController().signal;

describe('of one list', () => {
  it(`are kept ${MAX_DISCOVERY_ENTRIES} entries and no more`, () => {
    const list = new RegisteredList();
    const present = Array.from({ length: MAX_DISCOVERY_ENTRIES + 1 }, (_, n) => ({ PEER_ID: `${n}` }));
    list.apply({ cursor: null, reset: true, present, left: [] });
    expect(list.entries).toHaveLength(MAX_DISCOVERY_ENTRIES);
    // One who left makes room for one more, and one who is there may change.
    list.apply({ cursor: null, reset: false, present: [{ PEER_ID: 'new' }], left: [{ PEER_ID: '0' }] });
    list.apply({ cursor: null, reset: false, present: [{ PEER_ID: 'late' }, { PEER_ID: '1' }], left: [] });
    expect(list.entries).toContainEqual({ PEER_ID: 'new' });
    expect(list.entries).not.toContainEqual({ PEER_ID: 'late' });
  });

  it(`are read ${MAX_DISCOVERY_ENTRIES} entries and no more`, async () => {
    const context = { now: Date.now(), overLoopback: false, localAddresses: [] };
    const plain = Array<object>(MAX_DISCOVERY_ENTRIES).fill({ HOST: 'x', PORT: 1, USER: 'x' });
    const read = async (entries: object[]): Promise<number> =>
      (await new SightingReader('x', 'me').read(entries, context)).length;
    expect(await read([...plain.slice(1), announcement('last')])).toBe(1);
    expect(await read([...plain, announcement('too late')])).toBe(0);
  });
});

describe('of an answer', () => {
  let server: Server;
  let client: RegistryClient;
  afterEach(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  async function serve(listener: RequestListener): Promise<void> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new RegistryClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const failure = async (): Promise<RegistryFailure> => {
    const error = await client.register(own, never).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error instanceof RegistryFailure) return error;
    throw error instanceof Error ? error : new Error('nothing failed');
  };

  it(`are taken ${MAX_DISCOVERY_LIST_BYTES} bytes and not one more`, async () => {
    let more = 0;
    await serve((request, response) => {
      request.resume();
      response.end(Buffer.alloc(MAX_DISCOVERY_LIST_BYTES + more, ' ').fill('[]', 0, 2));
    });
    expect((await client.register(own, never)).changes?.present).toEqual([]);
    more = 1;
    expect((await failure()).code).toBe('registry-unreachable');
  });

  it(`the wait is at most ${MAX_DISCOVERY_WAIT_MS} ms, whatever it asks for`, async () => {
    let seconds = MAX_DISCOVERY_WAIT_MS / 1_000;
    await serve((request, response) => {
      request.resume();
      response.writeHead(429, { 'retry-after': String(seconds) }).end();
    });
    expect((await failure()).retryAfterMs).toBe(MAX_DISCOVERY_WAIT_MS);
    seconds += 1;
    expect((await failure()).retryAfterMs).toBe(MAX_DISCOVERY_WAIT_MS);
    seconds -= 2;
    expect((await failure()).retryAfterMs).toBe(MAX_DISCOVERY_WAIT_MS - 1_000);
  });

  it(`none is waited for longer than ${DISCOVERY_REQUEST_TIMEOUT_MS} ms`, async () => {
    await serve((request) => void request.resume());
    const began = performance.now();
    await failure();
    // The timer may be a millisecond early by this clock; a busy machine is late.
    expect(performance.now() - began).toBeGreaterThan(DISCOVERY_REQUEST_TIMEOUT_MS - 100);
  }, 20_000);
});

describe('the times', () => {
  it('fit each other: renewals in a lease, heartbeats in a silence, waits in a renewal', () => {
    expect(3 * RENEW_INTERVAL_MS).toBeLessThanOrEqual(LEASE_SECONDS * 1_000);
    expect(EVENT_SILENCE_MS).toBeGreaterThanOrEqual(3 * EVENT_HEARTBEAT_MS);
    expect(DISCOVERY_BACKOFF.maxMs).toBeLessThanOrEqual(RENEW_INTERVAL_MS);
    expect(MIN_DISCOVERY_GAP_MS).toBeLessThanOrEqual(DISCOVERY_BACKOFF.initialMs);
    expect(DISCOVERY_REQUEST_TIMEOUT_MS + DISCOVERY_BACKOFF.maxMs).toBeLessThan(LEASE_SECONDS * 1_000);
  });
});
