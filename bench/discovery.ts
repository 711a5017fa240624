/*
 * `make bench-discovery`: what one discovery service bears, beside the floor:
 * a bare HTTP server that parses the same bodies and sends the same bytes
 * (bench/floor/discovery.ts). Prints a table, and with --json one object.
 *
 * The clients run on the same machine and take their share of it, so figures
 * compare within one run only.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { RENEW_INTERVAL_MS, type SignedEntry } from '@p2p-chat/shared';
import autocannon from 'autocannon';
import { Pool } from 'undici';
import { World } from '../e2e/support/processes.ts';
import { cpuMs, quantile, residentMb, signedBody } from './service.ts';

const LISTED = 50;
const NODES = 10_000;
/** Of one measurement with as many requests as go. */
const FULL_LOAD_SECONDS = 3;
const ROUNDS = 2;
const CONNECTIONS = 32;
/** Of the load of 10,000 nodes, two renewals of each. */
const STEADY_MS = 2 * RENEW_INTERVAL_MS;
/** Share of the nodes that leave and are replaced in a minute. */
const CHURN_PER_MINUTE = 0.01;
const TICK_MS = 10;
type Body = Partial<SignedEntry>;

function plainBody(n: number): Body {
  return { HOST: `10.1.${n >> 8}.${n & 255}`, PORT: 7780, USER: `Person ${n}` };
}

/** Requests per second of one renewal, over and over. */
async function renewalsPerSecond(url: string, body: Body): Promise<number> {
  const result = await autocannon({
    url,
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    connections: CONNECTIONS,
    duration: FULL_LOAD_SECONDS,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${result.non2xx} refused, ${result.errors} failed`);
  return result.requests.average;
}

async function put(url: string, body: Body): Promise<Buffer> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}

async function startFloor(answer: Buffer): Promise<{ url: string; stop: () => void }> {
  const main = fileURLToPath(new URL('floor/discovery.ts', import.meta.url));
  const child = spawn(process.execPath, [main], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(answer);
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${String(port).trim()}/`, stop: () => void child.kill() };
}

/** Renewals at full load, the service and the floor in turn. */
async function compare(
  url: string,
  body: Body,
): Promise<{ perSecond: number; floor: number; ratio: number }> {
  const floor = await startFloor(await put(url, body));
  let perSecond = 0;
  let floorPerSecond = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    floorPerSecond = Math.max(floorPerSecond, await renewalsPerSecond(floor.url, body));
    perSecond = Math.max(perSecond, await renewalsPerSecond(url, body));
  }
  floor.stop();
  return { perSecond, floor: floorPerSecond, ratio: perSecond / floorPerSecond };
}

/** Bytes of one renewal that wants no list, request and answer with their headers. */
async function bytesPerRenewal(url: string, body: Body): Promise<number> {
  const { hostname, port } = new URL(url);
  const text = JSON.stringify(body);
  const head = [
    'PUT / HTTP/1.1',
    `Host: ${hostname}`,
    'Content-Type: application/json',
    'Prefer: return=minimal',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  const socket = connect(Number(port), hostname).resume();
  socket.write(`${head.join('\r\n')}\r\n\r\n${text}`);
  await once(socket, 'close');
  return socket.bytesRead + socket.bytesWritten;
}

class Crowd {
  readonly latencies: number[] = [];
  refused = 0;
  readonly #pool: Pool;
  readonly #bodies: string[];

  constructor(url: string, bodies: readonly SignedEntry[]) {
    this.#pool = new Pool(new URL(url).origin, { connections: CONNECTIONS });
    this.#bodies = bodies.map((body) => JSON.stringify(body));
  }

  /** One node renews, and wants no list. */
  async renew(n: number): Promise<void> {
    const began = performance.now();
    const { statusCode, body } = await this.#pool.request({
      path: '/',
      method: 'PUT',
      headers: { 'content-type': 'application/json', prefer: 'return=minimal' },
      body: this.#bodies[n]!,
    });
    await body.dump();
    this.latencies.push(performance.now() - began);
    if (statusCode !== 204) this.refused += 1;
  }

  /** Another node takes the place of one that is silent from now on. */
  replace(n: number, by: SignedEntry): void {
    this.#bodies[n] = JSON.stringify(by);
  }

  /** All at once. @returns how long it took, in milliseconds */
  async storm(): Promise<number> {
    const began = performance.now();
    await Promise.all(this.#bodies.map((_body, n) => this.renew(n)));
    return performance.now() - began;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** All nodes renew at their times, each at another, and some are replaced. */
async function steadyLoad(crowd: Crowd, newcomers: readonly SignedEntry[]): Promise<void> {
  const began = performance.now();
  const pending = new Set<Promise<void>>();
  let sent = 0;
  let replaced = 0;
  for (;;) {
    const elapsed = performance.now() - began;
    if (elapsed >= STEADY_MS) break;
    while (replaced < newcomers.length && replaced < (elapsed / STEADY_MS) * newcomers.length) {
      crowd.replace((replaced * 7_919) % NODES, newcomers[replaced]!);
      replaced += 1;
    }
    for (; sent < (elapsed / RENEW_INTERVAL_MS) * NODES; sent += 1) {
      const one = crowd.renew(sent % NODES).finally(() => pending.delete(one));
      pending.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(pending);
}

async function measureCrowd(world: World): Promise<Record<string, number>> {
  const service = await world.discovery();
  const bodies = Array.from({ length: NODES }, (_, n) => signedBody(n));
  const probe = signedBody(NODES);
  const small = new Crowd(service.url, bodies.slice(0, 100));
  await small.storm();
  await small.close();
  const bytesAt100 = await bytesPerRenewal(service.url, probe);
  const crowd = new Crowd(service.url, bodies);
  const stormMs = await crowd.storm();
  const bytesAt10000 = await bytesPerRenewal(service.url, probe);
  const churn = Math.round((NODES * CHURN_PER_MINUTE * STEADY_MS) / 60_000);
  const newcomers = Array.from({ length: churn }, (_, n) => signedBody(NODES + 1 + n));
  crowd.latencies.length = 0;
  const [cpuBefore, began] = [await cpuMs(service), performance.now()];
  await steadyLoad(crowd, newcomers);
  const cpu = ((await cpuMs(service)) - cpuBefore) / (performance.now() - began);
  const figures = {
    nodes: NODES,
    stormSeconds: stormMs / 1_000,
    refused: crowd.refused,
    renewalsPerSecond: crowd.latencies.length / (STEADY_MS / 1_000),
    cpuPercentOfOneCore: cpu * 100,
    residentMb: await residentMb(service),
    p99Ms: quantile(crowd.latencies, 0.99),
    bytesPerRenewalAt100: bytesAt100,
    bytesPerRenewalAt10000: bytesAt10000,
  };
  await crowd.close();
  return figures;
}

const world = new World();
try {
  const service = await world.discovery();
  for (let n = 1; n < LISTED; n += 1) await put(service.url, signedBody(n));
  const signed = await compare(service.url, signedBody(0));
  await service.stop();
  const second = await world.discovery();
  for (let n = 1; n < LISTED; n += 1) await put(second.url, plainBody(n));
  const plain = await compare(second.url, plainBody(0));
  await second.stop();
  const crowd = await measureCrowd(world);
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ listed: LISTED, plain, signed, crowd }));
  } else {
    const row = (name: string, value: number, unit: string, target = ''): void =>
      console.log(
        `${name.padEnd(44)} ${value.toFixed(value < 100 ? 2 : 0).padStart(9)} ${unit.padEnd(12)} ${target}`,
      );
    for (const [name, { perSecond, floor, ratio }] of Object.entries({ plain, signed })) {
      row(`PUT / with ${LISTED} peers, ${name}`, perSecond, 'renewals/s');
      row('  floor: bare node:http, same bytes', floor, 'requests/s');
      console.log(`ratio to floor: ${ratio.toFixed(2)}  (${name})`);
    }
    row('registration storm of 10,000', crowd.stormSeconds!, 's', 'target: under 10');
    row('  refused', crowd.refused!, '', 'target: 0');
    row('10,000 nodes every 10 s, 1% churn a minute', crowd.renewalsPerSecond!, 'renewals/s');
    row('  CPU', crowd.cpuPercentOfOneCore!, '% of a core', 'target: under 40');
    row('  resident memory', crowd.residentMb!, 'MB', 'target: under 256');
    row('  p99', crowd.p99Ms!, 'ms', 'target: under 20');
    row('bytes per renewal, 100 listed', crowd.bytesPerRenewalAt100!, 'bytes');
    row('bytes per renewal, 10,000 listed', crowd.bytesPerRenewalAt10000!, 'bytes', 'target: the same');
  }
} finally {
  await world.close();
}
