/*
 * `make bench-delivery`: two nodes as separate processes, TLS between them on
 * loopback, fed through the control API as a script would feed them, beside
 * the floor: the smallest program that saves durably, sends over TLS and saves
 * again (bench/floor/). Prints a table and one object of JSON, or with --json the
 * object alone.
 *
 * Checks the histories afterwards, so that speed is never bought with a lost
 * message. MongoDB too where MONGODB_URI_TEST is set.
 */
import type { ControlClient } from '../chat-node/dist/console/control-client.js';
import { readControlFile } from '../chat-node/dist/console/control-file.js';
import { acquaint, controlOf, wholeConversation } from '../e2e/support/control.ts';
import { NodeStores } from '../e2e/support/node-stores.ts';
import { waitFor, World } from '../e2e/support/processes.ts';
import { CountingRelay } from './counting-relay.ts';
import { LineFeed, linesOf } from './feed.ts';
import { type FloorFigures, measureFloor } from './floor/measure.ts';
import { cpuOf } from './process-cpu.ts';

const ROUNDS = 3;
const MESSAGES = 200_000;
const MONGODB_MESSAGES = 20_000;
const FLOOR_MESSAGES = 200_000;
const LONE_MESSAGES = 200;
/** Messages whose bytes on the wire are counted. */
const COUNTED_MESSAGES = 10_000;
const BODY_BYTES = 128;
const LONE_LINE = Buffer.from(`${JSON.stringify('x'.repeat(BODY_BYTES))}\n`);
/** Longer than any of it takes, in milliseconds. */
const TIMEOUT_MS = 120_000;

interface DeliveryFigures {
  acceptedPerSecond: number;
  /** From the first that was accepted to the last `delivered`. */
  deliveredPerSecond: number;
  /** Of a lone message, from its line to the event `delivered`, in milliseconds. */
  p50: number;
  p95: number;
  p99: number;
  /** The same from the answer that it is accepted. */
  p50FromAccepted: number;
  /** Of both nodes together, in microseconds. */
  cpuPerMessage: number;
}

/** Waits for own messages to be delivered, by the events of the node. */
class Deliveries {
  /** As they were told: what tells of one twice or not at all shows in the end. */
  readonly #delivered: (readonly string[])[] = [];
  #count = 0;
  #wanted: (() => void) | undefined;

  async follow(node: ControlClient, signal: AbortSignal): Promise<void> {
    for await (const event of node.events(signal, undefined, undefined, ['state'])) {
      if (event.type !== 'state' || event.state !== 'delivered') continue;
      this.#delivered.push(event.ids);
      this.#count += event.ids.length;
      this.#wanted?.();
    }
  }

  async until(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => (this.#wanted = resolve));
  }

  /** @throws {Error} where not each of these was told of once */
  check(ids: readonly string[]): void {
    const told = this.#delivered.flat().sort();
    const wanted = [...ids].sort();
    if (told.length === wanted.length && told.every((id, at) => id === wanted[at])) return;
    throw new Error(`${told.length} were told to be delivered, ${wanted.length} were accepted`);
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/** Runs two nodes once. @param stores the environments that choose the stores of Bob and Alice */
async function measureDelivery(
  world: World,
  messages: number,
  stores: readonly [bob: Record<string, string>, alice: Record<string, string>],
): Promise<DeliveryFigures> {
  const stop = new AbortController();
  const bob = await world.daemon({ user: 'Bob', env: { LOG_LEVEL: 'warn', ...stores[0] } });
  const peers = [`127.0.0.1:${bob.ready.peerPort}`];
  const alice = await world.daemon({ user: 'Alice', peers, env: { LOG_LEVEL: 'warn', ...stores[1] } });
  const both = [alice, bob];
  try {
    const node = controlOf(alice);
    const deliveries = new Deliveries();
    void deliveries.follow(node, stop.signal);

    // Bob is a static peer: who answers there is known once it did.
    await waitFor('the link', async () => (await node.status()).links === 1);
    await acquaint(alice, bob);
    const control = await readControlFile(alice.home);
    const lone: number[] = [];
    const loneFromAccepted: number[] = [];
    const single = new LineFeed(control, bob.peerId);
    // The first one opens the stream.
    for (let count = 0; count <= LONE_MESSAGES; count += 1) {
      const began = performance.now();
      const accepted = single.answer();
      await Promise.all([single.write(LONE_LINE), accepted]);
      await deliveries.until(count + 1);
      if (count === 0) continue;
      lone.push(performance.now() - began);
      loneFromAccepted.push(Math.max(0, performance.now() - single.lastAt));
    }
    const loneIds = await single.end();
    lone.sort((a, b) => a - b);

    const lines = linesOf(messages, BODY_BYTES);
    const cpuBefore = await cpuOf(...both);
    const many = new LineFeed(control, bob.peerId);
    for (const chunk of lines) await many.write(chunk);
    const ids = [...loneIds, ...(await many.end())];
    await deliveries.until(ids.length);
    const deliveredAt = performance.now();
    const cpu = (await cpuOf(...both)) - cpuBefore;
    deliveries.check(ids);
    const arrived = await wholeConversation(bob, alice.peerId);
    const wrong = ids.filter((id, at) => arrived[at]?.id !== id).length + arrived.length - ids.length;
    if (wrong !== 0) throw new Error(`${wrong} of ${ids.length} messages are missing or out of order`);

    return {
      acceptedPerSecond: (messages / (many.lastAt - many.firstAt)) * 1_000,
      deliveredPerSecond: (messages / (deliveredAt - many.firstAt)) * 1_000,
      p50: percentile(lone, 0.5),
      p95: percentile(lone, 0.95),
      p99: percentile(lone, 0.99),
      p50FromAccepted: median(loneFromAccepted),
      cpuPerMessage: cpu / messages,
    };
  } finally {
    stop.abort();
    await Promise.all(both.map((daemon) => daemon.stop()));
  }
}

/** Bytes between two nodes for one message of many, both directions, TLS included. */
async function measureWire(world: World): Promise<number> {
  const bob = await world.daemon({ user: 'Bob' });
  const relay = await CountingRelay.before(bob.ready.peerPort);
  const alice = await world.daemon({ user: 'Alice', peers: [`127.0.0.1:${relay.port}`] });
  try {
    const node = controlOf(alice);
    await waitFor('the link', async () => (await node.status()).links === 1);
    await acquaint(alice, bob);
    const before = relay.bytes;
    const lines = new LineFeed(await readControlFile(alice.home), bob.peerId);
    for (const chunk of linesOf(COUNTED_MESSAGES, BODY_BYTES)) await lines.write(chunk);
    await lines.end();
    await waitFor('all to be delivered', async () => (await node.status()).outbox.queued === 0);
    return (relay.bytes - before) / COUNTED_MESSAGES;
  } finally {
    await Promise.all([alice.stop(), bob.stop()]);
    await relay.close();
  }
}

async function measureMongodb(world: World): Promise<DeliveryFigures> {
  const stores = new NodeStores('mongodb');
  try {
    return await measureDelivery(world, MONGODB_MESSAGES, [await stores.env(), await stores.env()]);
  } finally {
    await stores.dispose();
  }
}

function mediansOf<T extends object>(rounds: readonly T[]): T {
  const [first] = rounds;
  if (first === undefined) throw new RangeError('nothing was measured');
  const names = Object.keys(first) as (keyof T)[];
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.map((round) => Number(round[name])))]),
  ) as T;
}

function row(name: string, figures: Partial<DeliveryFigures> & { perSecond?: number }): string {
  const cell = (value: number | undefined, digits: number): string =>
    (value === undefined ? '' : value.toFixed(digits)).padStart(11);
  return [
    name.padEnd(9),
    cell(figures.acceptedPerSecond, 0),
    cell(figures.deliveredPerSecond ?? figures.perSecond, 0),
    cell(figures.p50, 2),
    cell(figures.p95, 2),
    cell(figures.p99, 2),
    cell(figures.cpuPerMessage, 1),
  ].join('');
}

async function main(): Promise<void> {
  const world = new World();
  const late = setTimeout(() => {
    console.error(`Not done after ${TIMEOUT_MS / 1_000} s.`);
    process.exit(1);
  }, TIMEOUT_MS);
  try {
    const floors: FloorFigures[] = [];
    const products: DeliveryFigures[] = [];
    // In turns, and medians: another program's load falls on both alike.
    for (let round = 0; round < ROUNDS; round += 1) {
      floors.push(await measureFloor(world, FLOOR_MESSAGES, LONE_MESSAGES));
      products.push(await measureDelivery(world, MESSAGES, [{}, {}]));
    }
    const [floor, sqlite] = [mediansOf(floors), mediansOf(products)];
    const wireBytes = await measureWire(world);
    const mongodb = process.env['MONGODB_URI_TEST'] === undefined ? null : await measureMongodb(world);
    const ratio = sqlite.deliveredPerSecond / floor.perSecond;
    const loneRatio = sqlite.p50 / floor.p50;
    const fromAccepted = sqlite.p50FromAccepted / floor.p50;
    const json = JSON.stringify({
      bodyBytes: BODY_BYTES,
      floor,
      sqlite,
      mongodb,
      wireBytesPerMessage: wireBytes,
      ratio,
      loneRatio,
      fromAccepted,
    });
    if (process.argv.includes('--json')) return console.log(json);
    console.log(`messages of ${BODY_BYTES} bytes, medians of ${ROUNDS} runs`);
    console.log('store      accepted/s delivered/s  lone p50 ms     p95 ms     p99 ms CPU µs/msg');
    console.log(row('floor', floor));
    console.log(row('SQLite', sqlite));
    if (mongodb !== null) console.log(row('MongoDB', mongodb));
    console.log(`bytes on the wire for a message: ${wireBytes.toFixed(0)}`);
    console.log(`ratio to floor: ${ratio.toFixed(2)}`);
    console.log(
      `lone message to floor: ${loneRatio.toFixed(2)}, from its being accepted: ${fromAccepted.toFixed(2)}`,
    );
    console.log(json);
  } finally {
    clearTimeout(late);
    await world.close();
  }
}

await main();
