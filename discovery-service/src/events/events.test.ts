import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import {
  CURSOR_HEADER,
  EVENT_HEARTBEAT_MS,
  EVENT_STALL_MS,
  type PeerChanges,
  type PeerEntry,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../config.js';
import { type RunningService, startService } from '../lifecycle.js';
import { MemoryLeaseRegistry } from '../registry/memory-lease-registry.js';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

async function until(what: string, check: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What a client of the stream reads. */
class Listener {
  text = '';
  closed = false;
  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8').on('data', (chunk: string) => (this.text += chunk));
    response.on('close', () => (this.closed = true)).on('error', () => undefined);
  }
  static async open(port: number, lastEventId?: string): Promise<Listener> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const [response] = (await once(
      get({ port, host: '127.0.0.1', path: '/events', headers }),
      'response',
    )) as [IncomingMessage];
    return new Listener(response);
  }
  /** Type and user of each event; of a list all users. */
  get events(): string[] {
    return [...this.text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(([, type = '', data = '']) => {
      const entries = [JSON.parse(data) as PeerEntry | PeerEntry[]].flat();
      return [type, ...entries.map(({ USER }) => USER)].join(' ');
    });
  }
  get lastId(): string {
    return [...this.text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
  }
  close(): void {
    this.response.destroy();
  }
}

describe('changes of the list', () => {
  let clock: ManualClock;
  let registry: MemoryLeaseRegistry;
  let service: RunningService;
  const listeners: Listener[] = [];
  beforeEach(async () => {
    clock = new ManualClock();
    registry = new MemoryLeaseRegistry(clock, { leaseMs: 60_000 });
    const config = readConfig({ DISCOVERY_HOST: '127.0.0.1', DISCOVERY_PORT: '0' });
    service = await startService({ config, clock, logger: silent, registry });
  });
  afterEach(async () => {
    for (const listener of listeners.splice(0)) listener.close();
    await service.stop();
  });

  const listen = async (lastEventId?: string): Promise<Listener> => {
    const listener = await Listener.open(service.port, lastEventId);
    listeners.push(listener);
    await until('the first bytes', () => listener.text !== '');
    return listener;
  };
  const join = (USER: string, PORT: number): unknown =>
    registry.register({ entry: { HOST: '192.0.2.1', PORT, USER }, signed: null, request: null });
  /** Lets what waits to be pushed go out. */
  const push = (): Promise<void> => clock.advance(10);

  describe('as a stream', () => {
    it('are the list first, and then each join, change and leave', async () => {
      join('Anna', 1);
      const listener = await listen();
      join('Ben', 2);
      await push();
      join('Benno', 2);
      await push();
      await until('the events', () => listener.events.length === 3);
      await clock.advance(60_000);
      await until('the leaves', () => listener.events.length === 5);
      expect(listener.events).toEqual(['list Anna', 'join Ben', 'change Benno', 'leave Anna', 'leave Benno']);
      expect(listener.response.headers['content-type']).toBe('text/event-stream');
      expect(listener.response.headers['x-accel-buffering']).toBe('no');
    });

    it('go on after the last event, or after the cursor of a list', async () => {
      join('Anna', 1);
      const first = await listen();
      await until('the list', () => first.events.length === 1);
      first.close();
      join('Ben', 2);
      const resumed = await listen(first.lastId);
      await until('what was missed', () => resumed.events.length === 1);
      const answer = await fetch(`http://127.0.0.1:${service.port}/`);
      const third = await listen(answer.headers.get(CURSOR_HEADER) ?? '');
      join('Cleo', 3);
      await push();
      await until('the news', () => resumed.events.length === 2 && third.events.length === 1);
      expect(resumed.events).toEqual(['join Ben', 'join Cleo']);
      expect(third.events).toEqual(['join Cleo']);
    });

    it('begin with the list for who resumes from another run', async () => {
      join('Anna', 1);
      const listener = await listen('elsewhere-12');
      await until('the list', () => listener.events.length === 1);
      expect(listener.events).toEqual(['list Anna']);
    });

    it('wait for a reader who is slow, who then gets them, while others get them at once', async () => {
      const slow = await listen();
      const quick = await listen();
      slow.response.pause();
      const USER = 'x'.repeat(60_000);
      let joined = 0;
      // Until what the kernel takes for the slow one is full, and then some.
      for (; joined < 400; joined += 1) {
        join(`${joined} ${USER}`, joined + 1);
        await push();
      }
      await until('the quick one', () => quick.events.length === joined + 1);
      expect(slow.closed).toBe(false);
      slow.response.resume();
      await until('the slow one', () => slow.events.length === joined + 1);
    }, 20_000);

    it('give up a reader who reads nothing for long, and nobody else', async () => {
      const quick = await listen();
      const dead = connect(service.port, '127.0.0.1');
      listeners.push(Object.assign(Object.create(Listener.prototype) as Listener, { response: dead }));
      dead.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(dead, 'readable');
      let closed = false;
      dead.on('close', () => (closed = true)).on('error', () => undefined);
      const USER = 'x'.repeat(60_000);
      for (let n = 0; n < 400; n += 1) {
        join(`${n} ${USER}`, n + 1);
        await push();
      }
      await clock.advance(EVENT_STALL_MS + EVENT_HEARTBEAT_MS);
      dead.resume();
      await until('the end', () => closed);
      expect(quick.closed).toBe(false);
    }, 20_000);

    it('have a heartbeat, and end with the service', async () => {
      const listener = await listen();
      const length = listener.text.length;
      await clock.advance(EVENT_HEARTBEAT_MS);
      await until('the heartbeat', () => listener.text.length > length);
      expect(listener.text.slice(length)).toBe(':\n\n');
      await service.stop();
      await until('the end', () => listener.closed);
    });
  });

  describe('since a cursor', () => {
    const since = async (cursor: string): Promise<PeerChanges> =>
      (await (
        await fetch(`http://127.0.0.1:${service.port}/?since=${encodeURIComponent(cursor)}`)
      ).json()) as PeerChanges;

    it('are what they come to', async () => {
      join('Anna', 1);
      join('Ben', 2);
      const { cursor } = registry;
      join('Annette', 1);
      join('Cleo', 3);
      join('Dora', 4);
      join('Dorle', 4);
      const changes = await since(cursor);
      expect(changes).toMatchObject({ cursor: registry.cursor, reset: false, left: [] });
      expect(changes.joined.map(({ USER }) => USER)).toEqual(['Cleo', 'Dorle']);
      expect(changes.changed.map(({ USER }) => USER)).toEqual(['Annette']);
      await clock.advance(60_000);
      const end = await since(changes.cursor);
      expect(end.left.map(({ USER }) => USER).sort()).toEqual(['Annette', 'Ben', 'Cleo', 'Dorle']);
      expect((await since(end.cursor)).left).toEqual([]);
      expect((await since(cursor)).left.map(({ PORT }) => PORT).sort()).toEqual([1, 2]);
    });

    it('are the whole list for a cursor that is not known', async () => {
      join('Anna', 1);
      expect(await since('elsewhere-12')).toMatchObject({
        cursor: registry.cursor,
        reset: true,
        joined: [{ USER: 'Anna' }],
        changed: [],
        left: [],
      });
    });

    it('come with a registration that asks for them', async () => {
      join('Anna', 1);
      const answer = await fetch(`http://127.0.0.1:${service.port}/?since=${registry.cursor}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ HOST: '192.0.2.2', PORT: 7000, USER: 'Ben' }),
      });
      expect(((await answer.json()) as PeerChanges).joined.map(({ USER }) => USER)).toEqual(['Ben']);
    });
  });
});
