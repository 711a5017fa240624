/*
 * `make bench-links`: one node and many peers that are light clients of this
 * process. Measures what a message that arrives costs the node over one link
 * and over 1,000, in the same batches, and what 200 idle links cost, on MongoDB
 * too where MONGODB_URI_TEST is set.
 *
 * Compare the two costs with each other, not with those of another machine.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import {
  contentText,
  createBatch,
  directConversation,
  encodeFrame,
  encodeWireFrame,
  FRAME_KIND,
  FrameDecoder,
  type HelloFrame,
  hex,
  parseFrame,
  peerIdOfKey,
  PROTOCOL_VERSION,
  type Tip,
  tipOf,
} from '@p2p-chat/shared';
import type { IdentityKeys } from '../chat-node/dist/core/ports/identity.js';
import { createCertificate } from '../chat-node/dist/profile/certificate.js';
import { NodeIdentityKeys } from '../chat-node/dist/profile/identity-keys.js';
import { tlsOptions } from '../chat-node/dist/transport/tls-options.js';
import { controlOf, residentBytes } from '../e2e/support/control.ts';
import { NodeStores } from '../e2e/support/node-stores.ts';
import { type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';

const LINKS = 1_000;
const IDLE_LINKS = 200;
const IDLE_MS = 20_000;
/** How long a node has before it is looked at: it gives memory back when it has rested for 10 to 20 s. */
const REST_MS = 25_000;
/** Messages in one batch, and batches in one measurement: the same for any number of links. */
const PER_BATCH = 20;
const BATCHES = 2_000;
const CONTENT = contentText({ kind: 'text', body: 'x'.repeat(128) });
/** What /proc counts CPU in (Linux: always 100 a second), in microseconds. */
const TICK_MICROS = 10_000;
const MiB = 1024 * 1024;

/** A peer with a key of its own that answers pings, and sends batches until they are acknowledged. */
class LightPeer {
  #now = Date.now();
  /** The last batch that was sent, and up to where the node said that it has them. */
  #tip: Tip | null = null;
  #held = 0;
  #wake: (() => void) | null = null;
  readonly #segment = hex(randomBytes(16));
  readonly #decoder = new FrameDecoder();
  readonly #signer: Pick<IdentityKeys, 'random' | 'sha256' | 'sign'>;

  readonly peerId: string;
  readonly #conversation: string;
  readonly #socket: TLSSocket;

  private constructor(keys: NodeIdentityKeys, node: string, socket: TLSSocket) {
    this.peerId = keys.peerId;
    this.#conversation = directConversation(keys.peerId, node, keys.sha256);
    this.#signer = keys;
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  static async dial({ peerId: node, ready }: RunningDaemon, number: number): Promise<LightPeer> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const certificatePem = await createCertificate({ privateKey, publicKey });
    const port = ready.peerPort;
    const socket = connect({ host: '127.0.0.1', port, ...tlsOptions({ keyPem, certificatePem }) });
    await once(socket, 'secureConnect');
    const keys = new NodeIdentityKeys({ peerId: peerIdOfKey(publicKey), privateKey, publicKey });
    const peer = new LightPeer(keys, node, socket);
    const user = `Peer ${number}`;
    const hello = {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      user,
      agent: 'bench',
      instance: user,
      port: 0,
    };
    socket.write(encodeWireFrame(hello as HelloFrame));
    socket.write(encodeWireFrame({ type: 'digests', conversations: [] }));
    await once(socket, 'data');
    return peer;
  }

  /** Sends messages in one batch and waits until the node has saved all of them. */
  async send(count = PER_BATCH): Promise<void> {
    const sentAt = (this.#now += 1);
    const entries = Array.from({ length: count }, (_, nth) => ({
      clock: sentAt.toString(16).padStart(12, '0') + nth.toString(16).padStart(4, '0'),
      sentAt,
      content: CONTENT,
    }));
    const header = {
      conversation: this.#conversation,
      author: this.peerId,
      segment: this.#segment,
      first: (this.#tip?.seq ?? 0) + 1,
      follows: this.#tip === null ? [] : [this.#tip],
    };
    const batch = createBatch(header, entries, this.#signer);
    const tip = tipOf(batch);
    this.#tip = tip;
    this.#socket.write(encodeFrame(FRAME_KIND.batch, batch.bytes));
    while (this.#held < tip.seq) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    for (const { kind, payload } of this.#decoder.push(chunk)) {
      if (kind !== FRAME_KIND.json) continue;
      const frame = parseFrame(payload);
      if (frame.type === 'ping') this.#socket.write(encodeWireFrame({ type: 'pong' }));
      if (frame.type === 'error') throw new Error(`the node closed the link: ${frame.code}`);
      if (frame.type !== 'state') continue;
      for (const { author, tips = [] } of frame.feeds) {
        if (author === this.peerId) for (const { seq } of tips) this.#held = Math.max(this.#held, seq);
      }
      this.#wake?.();
    }
  }
}

/** CPU that the process has used, in microseconds (Linux). */
async function cpuOf({ child }: RunningDaemon): Promise<number> {
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}

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
      const peer = await LightPeer.dial(this.node, this.#peers.length);
      this.#peers.push(peer);
      // A contact, so that what is measured is not the limit for strangers.
      await peer.send(1);
      await client.accept(peer.peerId);
    }
    await waitFor(`${count} links`, async () => (await client.status()).links === count);
  }

  /** @returns CPU of the node for a message, in microseconds */
  async cost(): Promise<number> {
    const before = await cpuOf(this.node);
    // One batch at a time, so that a commit holds the same messages however many links there are.
    for (let at = 0; at < BATCHES; at += 1) await this.#peers[at % this.#peers.length]?.send();
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
