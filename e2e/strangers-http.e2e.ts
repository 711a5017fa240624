import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  CONTROL_FILE,
  type ControlFile,
  MAX_CONTROL_BODY_BYTES,
  MAX_DISCOVERY_BODY_BYTES,
} from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bystanders, dripping, settled } from './support/bystanders.ts';
import { HEAP_PROBE } from './support/heap.ts';
import { type RunningProcess, waitFor, World } from './support/processes.ts';

/**
 * Connections that are opened together: fewer than the kernel keeps for a
 * process that has not accepted them yet. Of one too many that stays silent the
 * process never hears, and cannot cut it off.
 */
const AT_ONCE = 100;
/** Longer than either service leaves a request unfinished, on a machine that has much to do. */
const CUT_OFF_MS = 30_000;

interface Edge {
  process: RunningProcess;
  port: number;
  /** Request line of one that has a body, and its headers besides Host and framing. */
  put: string;
  get: string;
  /** The same two as a stranger sends them. */
  strange: { put: string; get: string };
  /** A body that is taken. */
  body: string;
  maxBody: number;
}

const world = new World();
let people: Bystanders;
const edges: Record<string, Edge> = {};

beforeAll(async () => {
  const discovery = await world.discovery({ env: HEAP_PROBE });
  people = await Bystanders.meet(world, [discovery.url]);
  const file = await readFile(join(people.alice.home, CONTROL_FILE), 'utf8');
  const { port, token } = JSON.parse(file) as ControlFile;
  const authorization = `Authorization: Bearer ${token}`;
  edges['the discovery service'] = {
    process: discovery,
    port: discovery.port,
    put: 'PUT / HTTP/1.1\r\nContent-Type: application/json',
    get: 'GET /health HTTP/1.1',
    strange: { put: 'PUT / HTTP/1.1\r\nContent-Type: application/json', get: 'GET / HTTP/1.1' },
    body: '{"HOST":"192.0.2.7","PORT":7780,"USER":"Eve"}',
    maxBody: MAX_DISCOVERY_BODY_BYTES,
  };
  edges['the control API'] = {
    process: people.alice,
    port,
    put: `POST /api/conversations/${people.bob.peerId}/messages HTTP/1.1\r\nContent-Type: application/json\r\n${authorization}`,
    get: `GET /api/status HTTP/1.1\r\n${authorization}`,
    strange: { put: 'POST /api/conversations/x/messages HTTP/1.1', get: 'GET /api/status HTTP/1.1' },
    body: '{"body":"hi"}',
    maxBody: MAX_CONTROL_BODY_BYTES,
  };
});
afterEach(() => people.closeSockets());
afterAll(() => world.close());

const HOST = '\r\nHost: 127.0.0.1';

/** Sends bytes and gives all that comes back until the end, with the statuses in it. */
function exchange(port: number, bytes: string | Buffer): Promise<{ statuses: number[]; text: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of the answer in ${CUT_OFF_MS} ms`));
    }, CUT_OFF_MS);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(late);
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
      resolve({ statuses, text });
    });
    socket.write(bytes);
  });
}

describe.each(['the discovery service', 'the control API'])('%s', (name) => {
  let edge: Edge;
  beforeAll(() => {
    edge = edges[name] as Edge;
  });
  const put = (framing: string, body: string, connection = 'close'): string =>
    `${edge.put}${HOST}\r\nConnection: ${connection}\r\n${framing}\r\n\r\n${body}`;

  it('answers an ordinary request in this form, whole or in chunks', async () => {
    const { body } = edge;
    const chunked = [...body].map((character) => `1\r\n${character}\r\n`).join('') + '0\r\n\r\n';
    for (const [framing, bytes] of [
      [`Content-Length: ${body.length}`, body],
      ['Transfer-Encoding: chunked', chunked],
    ] as const) {
      const { statuses } = await exchange(edge.port, put(framing, bytes));
      expect(statuses).toHaveLength(1);
      expect(statuses[0]).toBeLessThan(300);
    }
  });

  it.each<[string, (edge: Edge) => [framing: string, body: string]]>([
    ['two lengths', ({ body }) => [`Content-Length: ${body.length}\r\nContent-Length: 5`, body]],
    ['a list of lengths', ({ body }) => [`Content-Length: ${body.length}, 5`, body]],
    ['a negative length', ({ body }) => ['Content-Length: -1', body]],
    ['a length that is no number', ({ body }) => ['Content-Length: 0x10', body]],
    ['a length past 2^64', ({ body }) => ['Content-Length: 18446744073709551617', body]],
    [
      'a length and chunks',
      ({ body }) => [
        `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked`,
        `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      ],
    ],
    ['chunks that are not the last encoding', ({ body }) => ['Transfer-Encoding: chunked, gzip', body]],
    ['an encoding twice', ({ body }) => ['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', body]],
    [
      'a chunk whose size is no number',
      ({ body }) => ['Transfer-Encoding: chunked', `zz\r\n${body}\r\n0\r\n\r\n`],
    ],
    ['a chunk of negative size', ({ body }) => ['Transfer-Encoding: chunked', `-1\r\n${body}\r\n0\r\n\r\n`]],
    [
      'a chunk past 2^64',
      ({ body }) => ['Transfer-Encoding: chunked', `fffffffffffffffff\r\n${body}\r\n0\r\n\r\n`],
    ],
    [
      'a chunk that is longer than its size',
      ({ body }) => ['Transfer-Encoding: chunked', `1\r\n${body}\r\n0\r\n\r\n`],
    ],
    [
      'a chunk extension of 64 KiB',
      ({ body }) => [
        'Transfer-Encoding: chunked',
        `${body.length.toString(16)};x=${'y'.repeat(65_536)}\r\n${body}\r\n0\r\n\r\n`,
      ],
    ],
    [
      'trailers of 64 KiB',
      ({ body }) => [
        'Transfer-Encoding: chunked',
        `${body.length.toString(16)}\r\n${body}\r\n0\r\nX: ${'y'.repeat(65_536)}\r\n\r\n`,
      ],
    ],
    [
      'a header of 64 KiB',
      ({ body }) => [`Content-Length: ${body.length}\r\nX: ${'y'.repeat(65_536)}`, body],
    ],
    ['10,000 headers', ({ body }) => [`Content-Length: ${body.length}${'\r\nX: y'.repeat(10_000)}`, body]],
    ['a line break in a header', ({ body }) => [`Content-Length: ${body.length}\r\nX: a\rb`, body]],
    [
      'a body that is too large by one byte',
      ({ maxBody }) => [`Content-Length: ${maxBody + 1}`, ' '.repeat(maxBody + 1)],
    ],
    [
      'chunks that are too large together',
      ({ maxBody }) => [
        'Transfer-Encoding: chunked',
        `${(maxBody + 1).toString(16)}\r\n${' '.repeat(maxBody + 1)}\r\n0\r\n\r\n`,
      ],
    ],
    ['a shorter length than the body', ({ body }) => [`Content-Length: ${body.length - 3}`, body]],
  ])('refuses %s, once, and takes nothing behind it for a request', async (_what, make) => {
    const smuggled = `${edge.get}${HOST}\r\n\r\n`;
    const { statuses, text } = await exchange(edge.port, put(...make(edge)) + smuggled);
    expect(statuses.length).toBeLessThanOrEqual(1);
    for (const status of statuses) {
      expect(status, text).toBeGreaterThanOrEqual(400);
      expect(status, text).toBeLessThan(500);
    }
  });

  it.each(['{"$gt":""}', '["a"]', '{"toString":"x"}', 'true', '17'])(
    'refuses %s where a text belongs, in every field',
    async (value) => {
      const fields = JSON.parse(edge.body) as Record<string, unknown>;
      for (const [field, usual] of Object.entries(fields)) {
        if (typeof usual !== 'string') continue;
        const body = JSON.stringify({ ...fields, [field]: JSON.parse(value) as unknown });
        const { statuses, text } = await exchange(edge.port, put(`Content-Length: ${body.length}`, body));
        expect(statuses, text).toHaveLength(1);
        expect([400, 422]).toContain(statuses[0]);
      }
    },
  );

  it('answers 1,000 requests in one packet, each once, and others meanwhile', async () => {
    await people.undisturbed(edge.process, async () => {
      const one = `${edge.get}${HOST}\r\n`;
      const { statuses } = await exchange(
        edge.port,
        `${one}\r\n`.repeat(999) + `${one}Connection: close\r\n\r\n`,
      );
      expect(statuses).toEqual(Array(1_000).fill(200));
    });
  });

  it('holds no more than it must for who sends requests and reads no answer', async () => {
    await people.undisturbed(edge.process, async () => {
      const many = Buffer.from(`${edge.strange.get}${HOST}\r\n\r\n`.repeat(20_000));
      const sockets = Array.from({ length: 4 }, (_, from) => people.knock(edge.port, from));
      for (const socket of sockets) socket.pause().write(many);
      await settled(sockets);
    });
  });

  it('cuts off who is silent, and who sends one byte a second, while others are served', async () => {
    const headers = `${edge.strange.get}${HOST}\r\nX: `;
    const body = `${edge.strange.put}${HOST}\r\nContent-Length: ${edge.maxBody}\r\n\r\n `;
    await people.undisturbed(edge.process, async () => {
      const open = async (count: number, first: string): Promise<Socket[]> => {
        const sockets: Socket[] = [];
        while (sockets.length < count) {
          const some = Array.from({ length: AT_ONCE }, (_, from) =>
            people.knock(edge.port, sockets.length + from),
          );
          for (const socket of some) socket.resume().write(first);
          await settled(some);
          sockets.push(...some);
        }
        return sockets;
      };
      await open(1_000, '');
      const slow = [...(await open(300, headers)), ...(await open(300, body))];
      const stop = dripping(slow, Buffer.from('x'));
      return async () => {
        await waitFor('the connections to be cut off', () => people.sockets.size === 0, CUT_OFF_MS);
        stop();
      };
    });
  });

  it('serves as before', async () => {
    const { statuses } = await exchange(edge.port, `${edge.get}${HOST}\r\nConnection: close\r\n\r\n`);
    expect(statuses).toEqual([200]);
    await once(people.keep(connect(edge.port, '127.0.0.1')), 'connect');
  });
});
