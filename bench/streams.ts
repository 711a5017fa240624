/*
 * `make bench-streams`: ten thousand open event streams at one discovery
 * service, a hundred of whose clients read nothing. Prints a table, and with
 * --json one object. Needs 20,000 file descriptors (`ulimit -n`).
 *
 * The clients run on the same machine and take their share of it.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { EVENT_HEARTBEAT_MS, EVENT_STALL_MS, MAX_EVENT_DELAY_MS } from '@p2p-chat/shared';
import { type RunningProcess, World } from '../e2e/support/processes.ts';
import { cpuMs, quantile, residentMb, signedBody } from './service.ts';

const STREAMS = 10_000;
/** Streams whose clients ask for the whole list and never read it. */
const DEAD = 50;
/** So many that the list is more than the kernel takes for a client that does not read. */
const LISTED = 20_000;
/** Connections that are opened at the same time. */
const OPENING = 100;
/** Streams at which the delay of each change is measured. */
const SAMPLED = 200;
const CHANGES = 100;
const CHANGE_INTERVAL_MS = 100;

type Service = RunningProcess & { url: string; port: number };

const HEADERS = { 'content-type': 'application/json', prefer: 'return=minimal' };

async function put(url: string, body: object): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', headers: HEADERS, body: JSON.stringify(body) });
  await answer.text();
  if (answer.status !== 204) throw new Error(`refused with ${answer.status}`);
}

async function open({ port }: Service, header: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}\r\n`);
  return socket;
}

async function openAll(service: Service, cursor: string): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < STREAMS - DEAD) {
    const opened = await Promise.all(
      Array.from({ length: OPENING }, async () => {
        const socket = await open(service, `Last-Event-ID: ${cursor}\r\n`);
        await once(socket, 'data');
        return socket;
      }),
    );
    sockets.push(...opened);
  }
  return sockets;
}

/** Notes after how long each change arrives; the rest reads and forgets. */
function watch(sockets: readonly Socket[], delays: number[]): void {
  sockets.forEach((socket, n) => {
    if (n >= SAMPLED) return void socket.resume();
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const [, sentAt] of text.matchAll(/"USER":"at ([\d.]+)"/g)) {
        delays.push(performance.now() - Number(sentAt));
      }
    });
  });
}

/** Changes come at their times, each a new entry that says when it was sent. */
async function change(url: string): Promise<number[]> {
  const latencies: number[] = [];
  for (let n = 0; n < CHANGES; n += 1) {
    const began = performance.now();
    const body = JSON.stringify({ HOST: '10.9.0.1', PORT: 1 + n, USER: `at ${began}` });
    await (await fetch(url, { method: 'PUT', headers: HEADERS, body })).text();
    latencies.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, CHANGE_INTERVAL_MS));
  }
  return latencies;
}

async function measure(world: World): Promise<Record<string, number>> {
  const service = await world.discovery({ env: { DISCOVERY_LEASE_SECONDS: '600' } });
  for (let n = 0; n < LISTED; n += OPENING) {
    await Promise.all(Array.from({ length: OPENING }, (_, k) => put(service.url, signedBody(n + k))));
  }
  const cursor = (await fetch(service.url)).headers.get('x-list-cursor') ?? '';
  const emptyMb = await residentMb(service);
  const began = performance.now();
  const sockets = await openAll(service, cursor);
  const openSeconds = (performance.now() - began) / 1_000;
  const openMb = await residentMb(service);
  const dead = await Promise.all(Array.from({ length: DEAD }, () => open(service, '')));
  for (const socket of dead) socket.pause();
  const ended = Promise.all(
    dead.map((socket) =>
      once(
        socket.on('error', () => undefined),
        'close',
      ),
    ),
  );
  const delays: number[] = [];
  watch(sockets, delays);
  const [cpuBefore, changesBegan] = [await cpuMs(service), performance.now()];
  const latencies = await change(service.url);
  await new Promise((resolve) => setTimeout(resolve, 2 * MAX_EVENT_DELAY_MS));
  const cpu = ((await cpuMs(service)) - cpuBefore) / (performance.now() - changesBegan);
  const deadMb = await residentMb(service);
  // They never read, so only the service can end them. What waits in the kernel is read then.
  const cutOff = Promise.race([
    ended.then(() => DEAD),
    new Promise<number>((resolve) =>
      setTimeout(() => resolve(dead.filter(({ destroyed }) => destroyed).length), 3 * EVENT_STALL_MS),
    ),
  ]);
  setTimeout(() => dead.forEach((socket) => socket.resume()), EVENT_STALL_MS + EVENT_HEARTBEAT_MS);
  const figures = {
    streams: STREAMS,
    openSeconds,
    kbPerStream: ((openMb - emptyMb) * 1_024) / sockets.length,
    residentMb: openMb,
    residentWithDeadMb: deadMb,
    deadStreams: DEAD,
    changes: CHANGES,
    arrived: delays.length / SAMPLED / CHANGES,
    delayP50Ms: quantile(delays, 0.5),
    delayP99Ms: quantile(delays, 0.99),
    cpuPercentOfOneCore: cpu * 100,
    registrationP99Ms: quantile(latencies, 0.99),
    cutOff: await cutOff,
  };
  for (const socket of sockets) socket.destroy();
  return figures;
}

const world = new World();
try {
  const figures = await measure(world);
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify(figures));
  } else {
    const row = (name: string, value: number, unit: string): void =>
      console.log(`${name.padEnd(52)} ${value.toFixed(value < 100 ? 2 : 0).padStart(9)} ${unit}`.trimEnd());
    row('streams opened in', figures.openSeconds!, 's');
    row(`resident memory, ${LISTED} listed and ${STREAMS} streams`, figures.residentMb!, 'MB');
    row('  for each stream', figures.kbPerStream!, 'KB');
    row(`  while ${DEAD} of them read nothing of the list`, figures.residentWithDeadMb!, 'MB');
    row('changes that arrived, of ten a second', figures.arrived! * 100, '%');
    row('  delay p50', figures.delayP50Ms!, `ms (held back up to ${MAX_EVENT_DELAY_MS} on purpose)`);
    row('  delay p99', figures.delayP99Ms!, 'ms');
    row('  CPU of the service', figures.cpuPercentOfOneCore!, '% of a core');
    row('  p99 of a registration meanwhile', figures.registrationP99Ms!, 'ms');
    row(`clients cut off that read nothing for ${EVENT_STALL_MS / 1_000} s`, figures.cutOff!, `of ${DEAD}`);
  }
} finally {
  await world.close();
}
