import { execFile, type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  baseEnvironment,
  DISCOVERY_MAIN,
  type RunningDaemon,
  RunningProcess,
  waitFor,
  World,
} from './processes.js';

const run = promisify(execFile);
const WATCH_PEERS = fileURLToPath(new URL('watch-peers.ts', import.meta.url));

/** What a node shows at a time. */
interface Sight {
  /** Milliseconds since 1970. */
  at: number;
  /** Names of those who are online, sorted; a name twice where two peers have it. */
  online: string[];
  /** Sources of discovery that fail or warn, each with its detail. */
  problems: string[];
}

export interface LanDaemonOptions {
  user: string;
  home?: string;
  port?: number;
  env?: Record<string, string>;
}

/** A node in a host of a {@link Lan}, with what it has shown. */
export interface LanDaemon {
  readonly user: string;
  readonly daemon: RunningDaemon;
  readonly host: LanHost;
  /** When it was ready, in milliseconds since 1970. */
  readonly readyAt: number;
  readonly sights: readonly Sight[];
}

/** One machine of a {@link Lan}: a network namespace with one interface, eth0. */
export class LanHost {
  constructor(
    readonly lan: Lan,
    readonly name: string,
    readonly namespace: string,
    /** The end of its cable in the switch. */
    readonly plug: string,
    public address: string,
  ) {}

  get launcher(): string[] {
    return ['ip', 'netns', 'exec', this.namespace];
  }

  /** Runs a command on the host. @returns its stdout */
  async exec(...command: string[]): Promise<string> {
    return (await run('ip', ['netns', 'exec', this.namespace, ...command])).stdout;
  }

  /** Drops packets, by the conditions of an iptables rule. */
  async drop(chain: 'INPUT' | 'OUTPUT', ...conditions: string[]): Promise<void> {
    await this.exec('iptables', '-A', chain, ...conditions, '-j', 'DROP');
  }

  async dropMulticast(): Promise<void> {
    await this.drop('OUTPUT', '-d', '224.0.0.0/4');
    await this.drop('INPUT', '-d', '224.0.0.0/4');
  }

  /** Lets everything through again. */
  async dropNothing(): Promise<void> {
    await this.exec('iptables', '-F');
  }

  /** Gives the host another address in place of the one it has. */
  async moveTo(address: string): Promise<void> {
    // In this order: with the first address of a network the kernel removes the others.
    await this.exec('ip', 'address', 'del', `${this.address}/24`, 'dev', 'eth0');
    await this.exec('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
    // It may have taken the route away as well.
    await this.exec('ip', 'route', 'replace', 'default', 'dev', 'eth0');
    this.address = address;
  }

  /** Starts a node and waits until it is ready. */
  daemon(options: LanDaemonOptions): Promise<LanDaemon> {
    return this.lan.daemon(this, options);
  }

  /** Starts a discovery service and waits until it is ready. */
  discovery(env: Record<string, string> = {}): Promise<RunningProcess & { url: string }> {
    return this.lan.discovery(this, env);
  }
}

/**
 * Machines on one switch, out of network namespaces; nothing of it can be
 * reached from this machine's own network. Needs root, `ip` and `iptables`.
 */
export class Lan {
  readonly world = new World();
  readonly hosts: LanHost[] = [];
  readonly #prefix: string;
  readonly #watchers = new Set<ChildProcess>();

  private constructor() {
    this.#prefix = `p2pchat-${process.pid}-${Math.random().toString(36).slice(2, 6)}`;
  }

  static async open(hosts: number): Promise<Lan> {
    const lan = new Lan();
    await run('ip', ['netns', 'add', lan.#switch]);
    for (const bridge of ['lan', 'other']) {
      await lan.#inSwitch('link', 'add', bridge, 'type', 'bridge');
      await lan.#inSwitch('link', 'set', bridge, 'up');
    }
    for (let n = 1; n <= hosts; n += 1) await lan.#addHost(n);
    return lan;
  }

  /** Takes hosts out of the switch and into another one, or back. */
  async plugInto(bridge: 'lan' | 'other', hosts: readonly LanHost[]): Promise<void> {
    for (const { plug } of hosts) await this.#inSwitch('link', 'set', plug, 'master', bridge);
  }

  async daemon(host: LanHost, { user, home, port = 7780, env = {} }: LanDaemonOptions): Promise<LanDaemon> {
    const on = { P2P_CHAT_HOST: '', P2P_CHAT_MDNS: 'on', P2P_CHAT_SAME_MACHINE: 'on', LOG_LEVEL: 'warn' };
    const options = { user, port, launcher: host.launcher, env: { ...on, ...env } };
    const daemon = await this.world.daemon(home === undefined ? options : { ...options, home });
    const readyAt = Date.now();
    const sights: Sight[] = [];
    this.#watch(host, daemon, sights);
    return { user, daemon, host, readyAt, sights };
  }

  async discovery(host: LanHost, env: Record<string, string>): Promise<RunningProcess & { url: string }> {
    const [command = '', ...args] = [...host.launcher, process.execPath, DISCOVERY_MAIN];
    const child = spawn(command, args, {
      env: { ...baseEnvironment(), DISCOVERY_MDNS: 'on', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = this.world.track(new RunningProcess('discovery', child));
    await running.line('ready line', (line) => line.includes('"ready"') || undefined);
    return Object.assign(running, { url: `http://${host.address}:7777` });
  }

  /** Ends every process and removes every namespace. */
  async close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.kill();
    await this.world.close();
    for (const namespace of [...this.hosts.map((host) => host.namespace), this.#switch]) {
      await run('ip', ['netns', 'del', namespace]);
    }
  }

  #watch(host: LanHost, daemon: RunningDaemon, sights: Sight[]): void {
    const [command = '', ...args] = [...host.launcher, process.execPath, WATCH_PEERS, daemon.home];
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#watchers.add(child);
    void daemon.exited.then(() => child.kill());
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) sights.push(JSON.parse(line) as Sight);
    });
  }

  get #switch(): string {
    return `${this.#prefix}-switch`;
  }

  async #inSwitch(...args: string[]): Promise<void> {
    await run('ip', ['-netns', this.#switch, ...args]);
  }

  async #addHost(n: number): Promise<void> {
    const namespace = `${this.#prefix}-h${n}`;
    const host = new LanHost(this, `h${n}`, namespace, `plug${n}`, `10.77.0.${n}`);
    await run('ip', ['netns', 'add', namespace]);
    this.hosts.push(host);
    const ends = ['eth0', 'netns', namespace];
    await this.#inSwitch('link', 'add', host.plug, 'type', 'veth', 'peer', 'name', ...ends);
    await this.#inSwitch('link', 'set', host.plug, 'master', 'lan', 'up');
    await run('ip', ['-netns', namespace, 'link', 'set', 'lo', 'up']);
    await run('ip', ['-netns', namespace, 'link', 'set', 'eth0', 'up']);
    await run('ip', ['-netns', namespace, 'address', 'add', `${host.address}/24`, 'dev', 'eth0']);
    await run('ip', ['-netns', namespace, 'route', 'add', 'default', 'dev', 'eth0']);
  }
}

/**
 * Waits until the node shows exactly these people online.
 * @returns when it did, in milliseconds since 1970
 */
export async function sees(one: LanDaemon, others: readonly string[], timeoutMs = 15_000): Promise<number> {
  const wanted = [...others].sort().join();
  const { at } = await waitFor(
    `${one.user} to see ${wanted || 'nobody'}; it sees ${JSON.stringify(one.sights.at(-1))}`,
    () => {
      const last = one.sights.at(-1);
      return last?.online.join() === wanted ? last : undefined;
    },
    timeoutMs,
  ).catch((error: unknown) => {
    const last = JSON.stringify(one.sights.at(-1));
    throw new Error(`${one.user} should see ${wanted || 'nobody'} and shows ${last}`, { cause: error });
  });
  return at;
}

/** Waits until each of the nodes shows all the others. @returns when the last one did */
export async function allSeeAll(nodes: readonly LanDaemon[], timeoutMs = 15_000): Promise<number> {
  const users = nodes.map(({ user }) => user);
  const times = await Promise.all(
    nodes.map((one) =>
      sees(
        one,
        users.filter((user) => user !== one.user),
        timeoutMs,
      ),
    ),
  );
  return Math.max(...times);
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
}
