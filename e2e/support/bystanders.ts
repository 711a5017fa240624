import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { join } from 'node:path';
import {
  CONTROL_FILE,
  CONTROL_ROUTES,
  type ControlFile,
  type MessageView,
  type SendResult,
} from '@p2p-chat/shared';
import { expect } from 'vitest';
import { acquaint, controlOf } from './control.ts';
import { HEAP_PROBE, settledHeap } from './heap.ts';
import { type RunningDaemon, type RunningProcess, waitFor, type World } from './processes.ts';

/** Messages that Alice writes to Bob before and during each attack. */
const MESSAGES = 20;
/** What the slowest of the messages may take, in milliseconds: on a machine that carries out the attack, and other tests. */
const MAX_LATENCY_MS = 5_000;
/** After this a message hangs. */
const HANG_MS = 30_000;
/** How much slower messages may be under attack than before it, on a machine that carries out the attack itself. */
const MAX_SLOWDOWN = 10;
/** Latencies below this are told apart by nothing but the load of the machine, in milliseconds. */
const NOISE_MS = 20;
/** What may stay: compiled code, and what is remembered for a time, such as refusals. */
const MAX_LEFT_BYTES = 8 * 1024 * 1024;

/** Two people who chat while somebody attacks a process near them. */
export class Bystanders {
  readonly sockets = new Set<Socket>();
  private constructor(
    readonly alice: RunningDaemon,
    readonly bob: RunningDaemon,
  ) {}

  static async meet(world: World, discovery: readonly string[] = []): Promise<Bystanders> {
    const bob = await world.daemon({ user: 'Bob', discovery, env: HEAP_PROBE });
    const peers = [`127.0.0.1:${bob.ready.peerPort}`];
    const alice = await world.daemon({ user: 'Alice', discovery, peers, env: HEAP_PROBE });
    await waitFor('Bob', async () => (await controlOf(alice).peers(false)).length === 1);
    await acquaint(alice, bob);
    return new Bystanders(alice, bob);
  }

  /** A socket of the attack, closed with it. Without a port of its own, from one of many loopback addresses. */
  knock(port: number, from = 1, options: Partial<TcpNetConnectOpts> = {}): Socket {
    const localAddress = `127.0.${1 + Math.floor(from / 250)}.${1 + (from % 250)}`;
    return this.keep(connect({ port, host: '127.0.0.1', localAddress, ...options }));
  }

  keep<T extends Socket>(socket: T): T {
    this.sockets.add(socket.on('error', () => undefined));
    socket.on('close', () => this.sockets.delete(socket));
    return socket;
  }

  closeSockets(): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  /** How long each message takes from Alice's hand to Bob's disk and back, in milliseconds. */
  async chat(): Promise<number[]> {
    const { port, token } = JSON.parse(
      await readFile(join(this.alice.home, CONTROL_FILE), 'utf8'),
    ) as ControlFile;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const url = `http://127.0.0.1:${port}${CONTROL_ROUTES.messages(this.bob.peerId)}`;
    const taken: number[] = [];
    for (let count = 0; count < MESSAGES; count += 1) {
      const began = performance.now();
      const answer = await fetch(url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ body: `${count}` }),
      });
      const { id } = (await answer.json()) as SendResult;
      for (;;) {
        const [last] = (await (await fetch(`${url}?limit=1`, { headers })).json()) as MessageView[];
        if (last?.id === id && last.state !== 'queued') break;
        expect(performance.now() - began).toBeLessThan(HANG_MS);
      }
      taken.push(performance.now() - began);
    }
    return taken;
  }

  /**
   * While an attack goes on the two chat undisturbed; when it is over, what it
   * took of memory is given back.
   * @param attacked the process that is attacked
   * @param attack what it returns is called when the two have chatted
   */
  async undisturbed(
    attacked: RunningProcess,
    attack: () => Promise<void | (() => unknown)>,
    maxLeftBytes = MAX_LEFT_BYTES,
  ): Promise<void> {
    const usual = await this.chat();
    const before = await settledHeap(attacked);
    const after = await attack();
    const during = await this.chat();
    // A machine that is busy with other things is slow before the attack, too.
    expect(Math.max(...during)).toBeLessThan(Math.max(MAX_LATENCY_MS, MAX_SLOWDOWN * Math.max(...usual)));
    expect(median(during)).toBeLessThan(MAX_SLOWDOWN * Math.max(median(usual), NOISE_MS));
    await after?.();
    this.closeSockets();
    expect(attacked.running).toBe(true);
    await waitFor('the memory to be given back', async () => {
      const left = (await settledHeap(attacked)) - before;
      if (left > maxLeftBytes) throw new Error(`${left} bytes are left`);
      return true;
    });
    await waitFor('one link, to Alice', async () => {
      const [status] = await this.bob.json<{ links: number }>(['status']);
      return status?.links === 1;
    });
  }
}

/** Resolves when each of the sockets is connected or refused. */
export async function settled(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => null)),
  );
}

/**
 * Sends one byte a second on each of the connections, over and over.
 * @returns a function that ends this
 */
export function dripping(sockets: readonly Socket[], bytes: Buffer): () => void {
  let at = 0;
  const timer = setInterval(() => {
    for (const socket of sockets) {
      if (!socket.destroyed && socket.writable) socket.write(bytes.subarray(at, at + 1));
    }
    at = (at + 1) % bytes.length;
  }, 1_000);
  return () => clearInterval(timer);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
