/*
 * `make bench`: two nodes as separate processes, TLS between them on loopback,
 * SQLite on both sides, fed through the control API as a script would feed
 * them. Prints a table, and with --json one object. Checks the histories
 * afterwards, so that speed is never bought with a lost message.
 */
import { join } from 'node:path';
import type * as client from '../chat-node/src/console/control-client.js';
import { CHAT_MAIN, ROOT, World } from '../e2e/support/processes.ts';

const MESSAGES = 20_000;
const LONE_MESSAGES = 200;
const BODY_BYTES = 128;
/** Lines that are handed over at once, as a pipe would. */
const BATCH = 256;
/** Longer than any of it takes, in milliseconds. */
const TIMEOUT_MS = 120_000;

const { ControlClient } = (await import(
  join(ROOT, 'chat-node/dist/console/control-client.js')
)) as typeof client;

/** Waits for the ids of own messages to be delivered, by the events of the node. */
class Deliveries {
  readonly #delivered = new Set<string>();
  #wanted: (() => void) | undefined;

  async follow(node: client.ControlClient, signal: AbortSignal): Promise<void> {
    for await (const event of node.events(signal)) {
      if (event.type === 'connected') this.#wanted?.();
      if (event.type !== 'state' || event.state !== 'delivered') continue;
      for (const id of event.ids) this.#delivered.add(id);
      this.#wanted?.();
    }
  }

  async until(reached: (delivered: ReadonlySet<string>) => boolean): Promise<void> {
    while (!reached(this.#delivered)) await new Promise<void>((resolve) => (this.#wanted = resolve));
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

async function* batches(): AsyncGenerator<string[]> {
  for (let first = 0; first < MESSAGES; first += BATCH) {
    const size = Math.min(BATCH, MESSAGES - first);
    yield Array.from({ length: size }, (_, index) => `${first + index} `.padEnd(BODY_BYTES, '.'));
  }
}

async function measure(): Promise<Record<string, number | string>> {
  const world = new World();
  const stop = new AbortController();
  try {
    const env = { LOG_LEVEL: 'warn' };
    const bob = await world.daemon({ user: 'Bob', env });
    const peers = [`127.0.0.1:${bob.ready.peerPort}`];
    const alice = await world.daemon({ user: 'Alice', peers, env });
    const node = new ControlClient(alice.home);
    const deliveries = new Deliveries();
    void deliveries.follow(node, stop.signal);

    // The first message also waits for the link.
    const first = await node.send(bob.peerId, 'first');
    await deliveries.until((delivered) => delivered.has(first.id));

    const lone: number[] = [];
    for (let count = 0; count < LONE_MESSAGES; count += 1) {
      const start = performance.now();
      const { id } = await node.send(bob.peerId, 'x'.repeat(BODY_BYTES));
      await deliveries.until((delivered) => delivered.has(id));
      lone.push(performance.now() - start);
    }
    lone.sort((a, b) => a - b);

    const ids: string[] = [];
    const start = performance.now();
    for await (const accepted of node.sendAll(bob.peerId, batches()))
      ids.push(...accepted.map(({ id }) => id));
    const acceptedMs = performance.now() - start;
    const last = ids.at(-1) ?? '';
    await deliveries.until((delivered) => delivered.has(last));
    const deliveredMs = performance.now() - start;

    const arrived = await bob.json<{ id: string }>(['history', alice.peerId, '--limit', String(MESSAGES)]);
    const lost = ids.length - arrived.filter(({ id }, index) => id === ids[index]).length;
    if (lost > 0)
      throw new Error(`${lost} of ${ids.length} messages are missing or out of order at the other end`);

    return {
      storage: 'sqlite',
      messages: MESSAGES,
      bodyBytes: BODY_BYTES,
      acceptedPerSecond: Math.round((MESSAGES / acceptedMs) * 1_000),
      deliveredPerSecond: Math.round((MESSAGES / deliveredMs) * 1_000),
      loneP50Ms: Number(percentile(lone, 0.5).toFixed(2)),
      loneP95Ms: Number(percentile(lone, 0.95).toFixed(2)),
      loneP99Ms: Number(percentile(lone, 0.99).toFixed(2)),
    };
  } finally {
    stop.abort();
    await world.close();
  }
}

const late = setTimeout(() => {
  console.error(`Not done after ${TIMEOUT_MS / 1_000} s; is ${CHAT_MAIN} well?`);
  process.exit(1);
}, TIMEOUT_MS);
const figures = await measure();
clearTimeout(late);
if (process.argv.includes('--json')) console.log(JSON.stringify(figures));
else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(20)}${value}`);
