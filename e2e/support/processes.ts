import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../chat-node/dist/console/attached-node.js';
import { processState } from './process-state.ts';

/** The repository's root. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The built entry points; `npm run build` makes them. */
export const CHAT_MAIN = join(ROOT, 'chat-node/dist/main.js');
export const DISCOVERY_MAIN = join(ROOT, 'discovery-service/dist/main.js');

/** How long a process has to become ready or to end, in milliseconds: generous, for a loaded machine. */
const PROCESS_TIMEOUT_MS = 30_000;
/** How long a node has to become ready: half a second of CPU, of which a machine with forty busy processes gives it little. */
const READY_TIMEOUT_MS = 60_000;
/** Between two looks at something that has no event to wait for, in milliseconds. */
const POLL_MS = 20;

/** What `daemon` prints on stdout when it is ready. */
export interface ReadyLine {
  event: 'ready';
  peerId: string;
  user: string;
  peerPort: number;
  controlPort: number;
  storage: 'sqlite' | 'mongodb';
}

/** What a finished command left behind. */
export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Settings on top of {@link baseEnvironment}. */
  env?: Record<string, string>;
  /** What starts the process in its place, such as `ip netns exec h1`. */
  launcher?: readonly string[];
  /** Text or bytes for stdin; without it, stdin is empty. */
  input?: string | Uint8Array;
}

export interface DaemonOptions {
  user: string;
  /** The data directory; without it, a new temporary one. */
  home?: string;
  /** The peer gateway's port; without it, a free one. */
  port?: number;
  /** URLs of discovery services; without them, none is used. */
  discovery?: readonly string[];
  /** Static peers, `host:port`. */
  peers?: readonly string[];
  /** What starts the process in its place, such as `ip netns exec h1`. */
  launcher?: readonly string[];
  /** More settings, which win over the ones above. */
  env?: Record<string, string>;
}

/**
 * The environment of a test's processes: this one's, without any setting of
 * the product and without what decides on colours (as `CI` does in Node), so
 * that nothing of whoever runs the tests leaks in.
 */
export function baseEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    const ours =
      /^(P2P_CHAT_|DISCOVERY_|MONGODB_URI$|LOG_LEVEL$|NODE_OPTIONS$|VITEST|CI$|NO_COLOR$|FORCE_COLOR$)/.test(
        name,
      );
    if (value !== undefined && !ours) env[name] = value;
  }
  return { ...env, P2P_CHAT_MDNS: 'off', P2P_CHAT_SAME_MACHINE: 'off', DISCOVERY_MDNS: 'off' };
}

/**
 * A port that nothing listens on, below the range from which the kernel takes
 * ports for outgoing connections, so that it is still free after a restart.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await canListen(port)) return port;
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: '::', exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/**
 * Waits until `check` gives something other than undefined, null or false.
 * For conditions outside this process only; inside it, wait for the event.
 * @throws when `timeoutMs` have passed, with the last error of `check`
 */
export async function waitFor<T>(
  what: string,
  check: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  timeoutMs = PROCESS_TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await check();
      if (value !== undefined && value !== null && value !== false) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  } while (performance.now() < deadline);
  throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause });
}

/** A process of the product, with all that it printed. */
export class RunningProcess {
  stdout = '';
  stderr = '';
  /** Resolves with the exit status when the process has ended (null: by a signal). */
  readonly exited: Promise<number | null>;
  readonly name: string;
  readonly child: ChildProcess;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = once(child, 'close').then(([code]) => code as number | null);
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits for a line on stdout for which `pick` gives a value. */
  async line<T>(
    what: string,
    pick: (line: string) => T | undefined,
    timeoutMs = PROCESS_TIMEOUT_MS,
  ): Promise<T> {
    const { stdout } = this.child;
    const done = new AbortController();
    try {
      return await new Promise<T>((resolve, reject) => {
        const look = (): void => {
          for (const line of this.stdout.split('\n').slice(0, -1)) {
            const value = pick(line);
            if (value !== undefined) return resolve(value);
          }
        };
        stdout?.on('data', look);
        done.signal.addEventListener('abort', () => stdout?.off('data', look));
        void this.exited.then((status) => {
          look();
          reject(new Error(`${this.name} ended with ${status} before ${what}`));
        });
        const late = setTimeout(() => {
          // This process may have been the one that stood still: what came meanwhile is read first.
          setImmediate(() => {
            look();
            const state = processState(this.child.pid);
            reject(new Error(`${this.name}: no ${what} in ${timeoutMs} ms\n${state}`));
          });
        }, timeoutMs);
        done.signal.addEventListener('abort', () => clearTimeout(late));
        look();
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\n--- stderr\n${this.stderr.slice(-4_000)}`, {
        cause: error,
      });
    } finally {
      done.abort();
    }
  }

  /** Asks the process to end (SIGTERM) and waits until it has. @returns its exit status */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.child.kill(signal);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.child.kill('SIGKILL');
        reject(new Error(`${this.name} ignored ${signal}\n--- stderr\n${this.stderr.slice(-4_000)}`));
      }, PROCESS_TIMEOUT_MS);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process at once (SIGKILL) and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.running) this.child.kill('SIGKILL');
    await this.exited;
  }
}

/** A chat node in a process of its own. */
export class RunningDaemon extends RunningProcess {
  readonly options: Required<Pick<DaemonOptions, 'user' | 'home' | 'port'>> & DaemonOptions;
  /** The settings that it runs with; the same ones make a client find it. */
  readonly env: Record<string, string>;
  #ready: ReadyLine | undefined;

  constructor(child: ChildProcess, options: RunningDaemon['options'], env: Record<string, string>) {
    super(`daemon ${options.user}`, child);
    this.options = options;
    this.env = env;
  }

  get home(): string {
    return this.options.home;
  }

  /** What it printed when it was ready. */
  get ready(): ReadyLine {
    if (this.#ready === undefined) throw new Error(`${this.name} is not ready`);
    return this.#ready;
  }

  get peerId(): string {
    return this.ready.peerId;
  }

  /** Waits for the ready line. */
  async untilReady(): Promise<this> {
    this.#ready = await this.line('ready line', parseReady, READY_TIMEOUT_MS);
    return this;
  }

  /** Runs a command as a client of this node. */
  cli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const { launcher = [] } = this.options;
    return runCli(args, { launcher, ...options, env: { ...this.env, ...options.env } });
  }

  /** Runs a command with `--json` and gives the objects that it printed; throws where it fails. */
  async json<T>(args: readonly string[], options: CommandOptions = {}): Promise<T[]> {
    const result = await this.cli([...args, '--json'], options);
    if (result.status !== 0) {
      throw new Error(`p2p-chat ${args.join(' ')} ended with ${result.status}: ${result.stderr}`);
    }
    return parseJsonLines<T>(result.stdout);
  }
}

/** The objects of JSON Lines. */
export function parseJsonLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Runs `p2p-chat` with these arguments to its end. */
export async function runCli(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [command = '', ...more] = [...(options.launcher ?? []), process.execPath, CHAT_MAIN, ...args];
  const child = spawn(command, more, {
    env: { ...baseEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const run = new RunningProcess(`p2p-chat ${args.join(' ')}`, child);
  // A command that does not read its stdin may end before all of it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const status = await run.exited;
  return { status, stdout: run.stdout, stderr: run.stderr };
}

/**
 * The processes and folders of a test. `close()` ends and removes all of them,
 * whatever happened:
 *
 *     const world = new World();
 *     afterEach(() => world.close());
 *     const discovery = await world.discovery();
 *     const alice = await world.daemon({ user: 'Alice', discovery: [discovery.url] });
 */
export class World {
  readonly #processes = new Set<RunningProcess>();
  readonly #folders: string[] = [];

  /** A new folder that `close` removes. */
  async folder(name = 'p2p-chat'): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), `${name.replace(/[^\w-]/g, '_')}-`));
    this.#folders.push(path);
    return path;
  }

  /** Starts a discovery service and waits until it answers. */
  async discovery(
    options: { port?: number; env?: Record<string, string> } = {},
  ): Promise<RunningProcess & { url: string; port: number }> {
    const port = options.port ?? (await freePort());
    const child = spawn(process.execPath, [DISCOVERY_MAIN], {
      env: {
        ...baseEnvironment(),
        DISCOVERY_HOST: '127.0.0.1',
        DISCOVERY_PORT: String(port),
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = this.track(new RunningProcess('discovery', child));
    const url = `http://127.0.0.1:${port}`;
    await waitFor('the discovery service', async () => {
      if (!running.running) throw new Error(`it ended:\n${running.stderr}`);
      return (await fetch(`${url}/health`)).ok;
    });
    return Object.assign(running, { url, port });
  }

  /** Starts a chat node and waits for its ready line. */
  async daemon(options: DaemonOptions): Promise<RunningDaemon> {
    return (await this.spawnDaemon(options)).untilReady();
  }

  /** Starts a chat node without waiting, for one that is expected to fail. */
  async spawnDaemon(options: DaemonOptions): Promise<RunningDaemon> {
    const home = options.home ?? (await this.folder(`home-${options.user}`));
    const port = options.port ?? (await freePort());
    const env = {
      P2P_CHAT_USER: options.user,
      P2P_CHAT_HOME: home,
      P2P_CHAT_HOST: '127.0.0.1',
      P2P_CHAT_PORT: String(port),
      DISCOVERY_URLS: (options.discovery ?? []).join(','),
      P2P_CHAT_PEERS: (options.peers ?? []).join(','),
      ...options.env,
    };
    const [command = '', ...args] = [
      ...(options.launcher ?? []),
      process.execPath,
      ...NODE_FLAGS,
      CHAT_MAIN,
      'daemon',
      '--json',
    ];
    const child = spawn(command, args, {
      env: { ...baseEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return this.track(new RunningDaemon(child, { ...options, home, port }, env));
  }

  /** Starts the same node again: same data, same port, same settings. */
  async restart(daemon: RunningDaemon): Promise<RunningDaemon> {
    if (daemon.running) await daemon.stop();
    return this.daemon(daemon.options);
  }

  /** Ends the process with `close`. */
  track<T extends RunningProcess>(running: T): T {
    this.#processes.add(running);
    return running;
  }

  /** Ends every process and removes every folder. */
  async close(): Promise<void> {
    const processes = [...this.#processes];
    this.#processes.clear();
    await Promise.allSettled(processes.map((one) => one.kill()));
    await Promise.allSettled(
      this.#folders.splice(0).map((path) => rm(path, { recursive: true, force: true })),
    );
  }
}

function parseReady(line: string): ReadyLine | undefined {
  if (!line.startsWith('{')) return undefined;
  const parsed = JSON.parse(line) as Partial<ReadyLine>;
  return parsed.event === 'ready' ? (parsed as ReadyLine) : undefined;
}
