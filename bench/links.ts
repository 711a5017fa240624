/*
 * `make bench-links`: one node and many peers that are light clients of this
 * process. Measures what a message that arrives costs the node over one link
 * and over 1,000, in the same batches, and what 200 idle links cost, on MongoDB
 * too where MONGODB_URI_TEST is set.
 *
 * Compare the two costs with each other, not with those of another machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { controlOf, residentBytes } from '../e2e/support/control.ts';
import { LightPeer, LightPerson } from '../e2e/support/light-peer.ts';
import { NodeStores } from '../e2e/support/node-stores.ts';
import { type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';
import { cpuOf } from './process-cpu.ts';

const LINKS = 1_000;
const IDLE_LINKS = 200;
const IDLE_MS = 20_000;
/** How long a node has before it is looked at: it gives memory back when it has rested for 10 to 20 s. */
const REST_MS = 25_000;
/** Messages in one batch, and batches in one measurement: the same for any number of links. */
const PER_BATCH = 20;
const BATCHES = 2_000;
const MiB = 1024 * 1024;

/** A node with links from peers that it has accepted. */
class LinkedNode {
  readonly #peers: LightPeer[] = [];
  readonly node: RunningDaemon;

  constructor(node: RunningDaemon) {
    this.node = node;
  }

  async open(count: number): Promise<void> {
    const client = controlOf(this.node);
    while (this.#peers.length < count) {
      const peer = await LightPeer.dial(this.node, await LightPerson.named(`Peer ${this.#peers.length}`));
      this.#peers.push(peer);
      // A contact, so that what is measured is not the limit for strangers.
      await peer.send();
      await client.accept(peer.person.peerId);
    }
    await waitFor(`${count} links`, async () => (await client.status()).links === count);
  }

  /** @returns CPU of the node for a message, in microseconds */
  async cost(): Promise<number> {
    const before = await cpuOf(this.node);
    // One batch at a time, so that a commit holds the same messages however many links there are.
    for (let at = 0; at < BATCHES; at += 1) await this.#peers[at % this.#peers.length]?.send(PER_BATCH);
    return ((await cpuOf(this.node)) - before) / (BATCHES * PER_BATCH);
  }

  async stop(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    await this.node.stop();
  }
}

/** A node as on any day but the first one, which also makes a key and its certificate. */
async function start(world: World, env: Record<string, string> = {}): Promise<LinkedNode> {
  const fresh = await world.daemon({ user: 'Node', env: { LOG_LEVEL: 'error', ...env } });
  return new LinkedNode(await world.restart(fresh));
}

interface Idle {
  readonly links: number;
  /** Share of one core, 0 to 1. */
  readonly coreShare: number;
  readonly residentBytes: number;
}

/** What a node costs that rests with {@link IDLE_LINKS} links, which stay open. */
async function measureIdle(node: LinkedNode): Promise<Idle> {
  await node.open(IDLE_LINKS);
  await sleep(REST_MS);
  const before = await cpuOf(node.node);
  await sleep(IDLE_MS);
  const coreShare = ((await cpuOf(node.node)) - before) / (IDLE_MS * 1_000);
  return { links: IDLE_LINKS, coreShare, residentBytes: await residentBytes(node.node.child.pid ?? 0) };
}

async function measureIdleOnMongodb(world: World): Promise<Idle> {
  const stores = new NodeStores('mongodb');
  try {
    const node = await start(world, await stores.env());
    const idle = await measureIdle(node);
    await node.stop();
    return idle;
  } finally {
    await stores.dispose();
  }
}

function line({ links, coreShare, residentBytes: bytes }: Idle, store: string): string {
  const percent = (coreShare * 100).toFixed(2);
  return `${links} idle links, ${store}: ${percent} % of a core, ${(bytes / MiB).toFixed(0)} MiB resident`;
}

async function main(): Promise<void> {
  const world = new World();
  try {
    const first = await start(world);
    await first.open(1);
    // Once to warm up.
    await first.cost();
    const one = await first.cost();
    await first.stop();

    const second = await start(world);
    const idle = await measureIdle(second);
    await second.open(LINKS);
    await second.cost();
    const many = await second.cost();
    await second.stop();

    const idleOnMongodb =
      process.env['MONGODB_URI_TEST'] === undefined ? null : await measureIdleOnMongodb(world);

    if (process.argv.includes('--json')) {
      const ratio = many / one;
      console.log(
        JSON.stringify({ links: LINKS, cpuAtOne: one, cpuAtMany: many, ratio, idle, idleOnMongodb }),
      );
      return;
    }
    console.log(`CPU of the node for a message, in batches of ${PER_BATCH}, in µs`);
    console.log(`  over 1 link: ${one.toFixed(1)}`);
    console.log(`  over ${LINKS} links: ${many.toFixed(1)}`);
    console.log(`ratio to one link: ${(many / one).toFixed(2)}`);
    console.log(line(idle, 'SQLite'));
    console.log(
      idleOnMongodb === null
        ? 'MongoDB: not measured (set MONGODB_URI_TEST)'
        : line(idleOnMongodb, 'MongoDB'),
    );
  } finally {
    await world.close();
  }
}

await main();
