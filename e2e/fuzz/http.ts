import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CONTROL_FILE, type ControlFile } from '@p2p-chat/shared';
import type { SeededRandom } from '../chaos/seeded-random.ts';
import { acquaint, controlOf } from '../support/control.ts';
import { HEAP_PROBE, settledHeap } from '../support/heap.ts';
import { type RunningProcess, waitFor, World } from '../support/processes.ts';
import { FuzzFailure, mutate, NASTY_JSON, randomOf } from './case.ts';

/** Connections at the same time. */
const LANES = 16;
/** An edge that says nothing for so long, hangs: milliseconds. */
const HANG_MS = 15_000;
/**
 * What may be left on the heap when all garbage is collected: compiled code, and
 * what is kept for a time within its own limits, such as leases, the latest
 * changes and events. 10 bytes a case would be too much in a long run.
 */
const MAX_LEFT_BYTES = 12 * 1024 * 1024;

interface Edge {
  process: RunningProcess;
  port: number;
  request: (random: SeededRandom) => string;
  /** Throws where the edge does not serve as before. */
  check: () => Promise<void>;
}

export type HttpTarget = 'discovery' | 'control';

/**
 * Sends mutated requests to a running service.
 * @throws {FuzzFailure}
 */
export async function fuzzHttp(target: HttpTarget, seed: number, from: number, count: number): Promise<void> {
  const world = new World();
  try {
    const edge = await (target === 'discovery' ? discoveryEdge(world) : controlEdge(world));
    // What is loaded and compiled at the first requests is no growth.
    await run(target, edge, seed + 1, 0, Math.min(count, 500));
    const before = await settledHeap(edge.process);
    await run(target, edge, seed, from, count);
    await edge.check();
    const left = (await settledHeap(edge.process)) - before;
    assert.ok(left < MAX_LEFT_BYTES, `${target} holds ${Math.round(left / 1024 ** 2)} MiB more than before`);
  } finally {
    await world.close();
  }
}

async function run(target: HttpTarget, edge: Edge, seed: number, from: number, count: number): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < from + count) {
      const index = next;
      next += 1;
      try {
        const random = randomOf(seed, index);
        judge(await answer(edge.port, mutate(Buffer.from(edge.request(random)), random)));
        assert.ok(edge.process.running, `it ended:\n${edge.process.stderr.slice(-2_000)}`);
      } catch (error) {
        throw new FuzzFailure(target, seed, index, error);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** All that comes back until the service closes. */
function answer(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of the answer in ${HANG_MS} ms`));
    }, HANG_MS);
    let text = '';
    let refused: NodeJS.ErrnoException | undefined;
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => (refused = error));
    socket.on('close', () => {
      clearTimeout(late);
      // A service may close on what it does not want to read; it must be there.
      if (refused?.code === 'ECONNREFUSED') reject(refused);
      else resolve(text);
    });
    socket.end(bytes);
  });
}

function judge(text: string): void {
  for (const [, status = ''] of text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)) {
    assert.ok(Number(status) < 500, `status ${status}:\n${text.slice(0, 1_000)}`);
  }
  assert.ok(text === '' || text.startsWith('HTTP/1.1 '), `no HTTP: ${JSON.stringify(text.slice(0, 100))}`);
}

const field = (random: SeededRandom, usual: string): string =>
  random.chance(0.2) ? random.pick(NASTY_JSON) : usual;

function http(random: SeededRandom, method: string, path: string, headers: string[], body: string): string {
  const length = random.chance(0.05)
    ? random.pick(['0', '-1', '1e9', '18446744073709551616', 'x'])
    : undefined;
  const framing = random.chance(0.1)
    ? ['Transfer-Encoding: chunked']
    : [`Content-Length: ${length ?? Buffer.byteLength(body)}`];
  const framed =
    framing[0] === 'Transfer-Encoding: chunked'
      ? `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`
      : body;
  const all = [
    'Host: 127.0.0.1',
    'Connection: close',
    'Content-Type: application/json',
    ...headers,
    ...framing,
  ];
  const one = `${method} ${path} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${framed}`;
  return random.chance(0.05) ? one.repeat(random.integer(2, 5)) : one;
}

async function discoveryEdge(world: World): Promise<Edge> {
  const service = await world.discovery({ env: HEAP_PROBE });
  return {
    process: service,
    port: service.port,
    request: (random) => {
      const body = `{"HOST":${field(random, '"192.0.2.7"')},"PORT":${field(random, '7780')},"USER":${field(random, '"Eve"')}}`;
      const path = random.pick([
        '/',
        '/',
        '/',
        '/?since=x',
        '/health',
        '/metrics',
        '/peers/x',
        '/docs-json',
        '/x',
      ]);
      return http(random, random.pick(['PUT', 'PUT', 'PUT', 'GET', 'DELETE', 'POST']), path, [], body);
    },
    check: async () => {
      const body = JSON.stringify({ HOST: '192.0.2.8', PORT: 1, USER: 'Canary' });
      const headers = { 'content-type': 'application/json' };
      // The many requests may have used up what this address has for now.
      const listed = await waitFor('the list', async () => {
        const response = await fetch(service.url, { method: 'PUT', headers, body });
        return response.ok
          ? ((await response.json()) as { HOST: string; PORT: number; USER: string }[])
          : null;
      });
      assert.ok(listed.some(({ USER }) => USER === 'Canary'));
      for (const { HOST, PORT, USER } of listed) {
        assert.ok(typeof HOST === 'string' && typeof USER === 'string' && Number.isInteger(PORT), 'an entry');
      }
    },
  };
}

async function controlEdge(world: World): Promise<Edge> {
  const bob = await world.daemon({ user: 'Bob' });
  const alice = await world.daemon({
    user: 'Alice',
    peers: [`127.0.0.1:${bob.ready.peerPort}`],
    env: { LOG_LEVEL: 'error', ...HEAP_PROBE },
  });
  await waitFor('Bob', async () => (await controlOf(alice).peers(false)).length === 1);
  await acquaint(alice, bob);
  const file = await readFile(join(alice.home, CONTROL_FILE), 'utf8');
  const { port, token } = JSON.parse(file) as ControlFile;
  const id = `${'a'.repeat(26)}-7`;
  return {
    process: alice,
    port,
    request: (random) => {
      const peer = random.pick(['Bob', bob.peerId, bob.peerId.slice(0, 8), 'Nobody', '__proto__', '%00']);
      const path = random.pick([
        '/api/status',
        '/api/peers',
        '/api/peers?all=true',
        `/api/peers/${peer}`,
        `/api/conversations/${peer}/messages?limit=${random.pick(['1', '0', 'x', '1001'])}&before=${id}`,
        `/api/conversations/${peer}`,
        `/api/conversations/${peer}/messages`,
        `/api/conversations/${peer}/members`,
        `/api/conversations/${peer}/read`,
        `/api/conversations/${peer}/typing`,
        `/api/peers/${peer}/block`,
        '/api/conversations',
        '/api/docs-json',
      ]);
      const headers = [`Authorization: Bearer ${random.chance(0.05) ? 'x' : token}`];
      const body = random.chance(0.8)
        ? `{"body":${field(random, '"hi"')}${random.chance(0.2) ? `,"key":${field(random, '"k"')}` : ''}}`
        : `{"upTo":${field(random, `"${id}"`)}}`;
      return http(random, random.pick(['GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE']), path, headers, body);
    },
    check: async () => {
      await alice.json(['unblock', 'Bob']);
      await alice.json(['send', 'Bob', 'still here', '--wait', 'delivered']);
      const [last] = await bob.json<{ body: string }>(['history', 'Alice', '--limit', '1']);
      assert.equal(last?.body, 'still here');
    },
  };
}
