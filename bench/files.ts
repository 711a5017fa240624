/*
 * `make bench-files`: one large file and a folder of many small ones between two nodes on
 * loopback, as separate processes, until it is verified and durable at the far end, beside the
 * floor (bench/floor/file-sender.ts and file-receiver.ts: TLS 1.3, read, hash, write, fsync and no
 * product code) and beside scp and rsync where they are installed, each with a `sync` after it.
 * Prints a table and one object of JSON, or with --json the object alone.
 *
 * `--mib N` sets the size of the large file (1024).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createCertificate } from '../chat-node/dist/profile/certificate.js';
import { controlOf, linkedPair } from '../e2e/support/control.ts';
import { freePort, ROOT, type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const SMALL_FILES = 10_000;
const SMALL_BYTES = 4_096;
/** Messages whose delivery is timed, alone and beside a file. */
const MESSAGES = 200;
const TIMEOUT_MS = 30 * 60_000;
const KIB = 1024;

interface Figures {
  mib: number;
  /** Of the large file, in seconds. */
  seconds: Record<'node' | 'floor', number> & Partial<Record<'scp' | 'rsync', number>>;
  /** How fast the node is beside the floor: 1 is as fast. */
  ofFloor: number;
  /** Reading it to be offered, without a copy, in seconds. */
  offerSeconds: number;
  /** Of the folder of small files, from the offer to the last of them, in seconds. */
  folderSeconds: { node: number; offer: number; rsync?: number };
  /** How much the memory of the nodes grew at most, in MiB. */
  memoryGrowthMib: { sender: number; receiver: number };
  /** Of a message, delivered, in milliseconds. */
  p99: { idle: number; beside: number };
}

const { values } = parseArgs({
  options: { mib: { type: 'string', default: '1024' }, json: { type: 'boolean', default: false } },
});
const mib = Number(values.mib);
const world = new World();
async function main(): Promise<void> {
  const folder = await world.folder('bench-files');
  const large = join(folder, 'large.bin');
  await writeRandom(large, mib * MIB);
  const tree = join(folder, 'tree');
  await mkdir(tree);
  for (let nth = 0; nth < SMALL_FILES; nth += 1) {
    await writeFile(join(tree, `${nth}.txt`), randomBytes(SMALL_BYTES));
  }
  await run('sync');
  const { alice, bob } = await linkedPair(world);

  const idle = await messageTimes(alice);
  const before = await Promise.all([alice, bob].map((node) => memory(node, 'VmRSS')));
  const offered = await timed(() => controlOf(alice).sendFiles('Bob', { paths: [large], copy: false }));
  let beside: number[] = [];
  const fetched = await timed(async () => {
    const path = fetchWhole(bob, offered.result.id);
    beside = await messageTimes(alice);
    return path;
  });
  const after = await Promise.all([alice, bob].map((node) => memory(node, 'VmHWM')));
  await requireSame(large, fetched.result);
  await rm(fetched.result);
  const node = (await fetchAgain(alice, bob, large)).seconds;

  const floor = await floorSeconds(folder, large);
  const ssh = await Ssh.start(folder);
  const scp = ssh === null ? undefined : await ssh.scp(large);
  const rsync = ssh === null ? undefined : await ssh.rsync(large);

  const folderOffer = await timed(() => controlOf(alice).sendFiles('Bob', { paths: [tree] }));
  const folderFetch = await timed(() => fetchWhole(bob, folderOffer.result.id));
  const folderRsync = ssh === null ? undefined : await ssh.rsync(`${tree}/`);
  ssh?.stop();

  const figures: Figures = {
    mib,
    seconds: {
      node,
      floor,
      ...(scp === undefined ? {} : { scp }),
      ...(rsync === undefined ? {} : { rsync }),
    },
    ofFloor: floor / node,
    offerSeconds: offered.seconds,
    folderSeconds: {
      node: folderOffer.seconds + folderFetch.seconds,
      offer: folderOffer.seconds,
      ...(folderRsync === undefined ? {} : { rsync: folderRsync }),
    },
    memoryGrowthMib: {
      sender: ((after[0] ?? 0) - (before[0] ?? 0)) / KIB,
      receiver: ((after[1] ?? 0) - (before[1] ?? 0)) / KIB,
    },
    p99: { idle: percentile(idle, 0.99), beside: percentile(beside, 0.99) },
  };
  if (!values.json) table(figures);
  console.log(JSON.stringify(figures));
}

/** Fetches a file that was offered, and waits until it is whole. @returns where it is */
async function fetchWhole(node: RunningDaemon, id: string): Promise<string> {
  const client = controlOf(node);
  await waitFor('the offer', async () => (await client.files()).some((one) => one.id === id));
  await client.fetchFile(id);
  const whole = await waitFor(
    'the file',
    async () => (await client.files()).find((one) => one.id === id && one.state === 'complete'),
    TIMEOUT_MS,
  );
  return whole.path ?? '';
}

/** The large file once more, with nothing beside it. */
async function fetchAgain(alice: RunningDaemon, bob: RunningDaemon, path: string) {
  const { id } = await controlOf(alice).sendFiles('Bob', { paths: [path], copy: false });
  const fetched = await timed(() => fetchWhole(bob, id));
  await rm(fetched.result);
  return fetched;
}

async function messageTimes(from: RunningDaemon): Promise<number[]> {
  const client = controlOf(from);
  const stop = new AbortController();
  const delivered = new Map<string, () => void>();
  const early = new Set<string>();
  const following = (async () => {
    for await (const event of client.events(stop.signal, undefined, undefined, ['state'])) {
      if (event.type !== 'state') continue;
      for (const id of event.ids) {
        early.add(id);
        delivered.get(id)?.();
      }
    }
  })();
  const times: number[] = [];
  for (let nth = 0; nth < MESSAGES; nth += 1) {
    const start = performance.now();
    const { id } = await client.send('Bob', 'x');
    if (!early.has(id)) await new Promise<void>((resolve) => delivered.set(id, resolve));
    times.push(performance.now() - start);
  }
  stop.abort();
  await following.catch(() => undefined);
  return times.sort((a, b) => a - b);
}

async function floorSeconds(folder: string, file: string): Promise<number> {
  const port = await freePort();
  const target = join(folder, 'floor.bin');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const receiver = started('file-receiver.ts', [String(port), target], {
    FLOOR_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    FLOOR_CERT: await createCertificate({ privateKey, publicKey }),
  });
  await waitFor('the receiver', () => canConnect(port));
  const { seconds } = await timed(async () => {
    const sender = started('file-sender.ts', [String(port), file]);
    await Promise.all([ended(sender), ended(receiver)]);
  });
  await requireSame(file, target);
  await rm(target);
  return seconds;
}

function started(program: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'bench/floor', program), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('exit', (status) => (status === 0 ? resolve() : reject(new Error(`it ended with ${status}`))));
  });
}

/** The receiver listens before it takes a connection; asking it for one would be the connection. */
async function canConnect(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(true));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)));
  });
}

/** An SSH server of its own on loopback, for scp and rsync. */
class Ssh {
  readonly #options: string[];
  readonly #folder: string;
  readonly #port: number;
  readonly #server: ChildProcess;

  private constructor(folder: string, port: number, server: ChildProcess, key: string) {
    this.#folder = folder;
    this.#port = port;
    this.#server = server;
    this.#options = [
      ...['-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-o', 'LogLevel=ERROR', '-o', 'BatchMode=yes'],
    ];
  }

  /** @returns null where no SSH server is installed */
  static async start(folder: string): Promise<Ssh | null> {
    const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));
    if (sshd === undefined) return null;
    const home = join(folder, 'ssh');
    await mkdir(home, { mode: 0o700 });
    const [host, key] = [join(home, 'host'), join(home, 'key')];
    for (const path of [host, key]) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
    await writeFile(join(home, 'authorized'), await readFile(`${key}.pub`));
    await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
    const port = await freePort();
    const settings = [
      `HostKey=${host}`,
      `AuthorizedKeysFile=${join(home, 'authorized')}`,
      'ListenAddress=127.0.0.1',
      'StrictModes=no',
      'UsePAM=no',
      'PidFile=none',
    ];
    const server = spawn(
      sshd,
      ['-D', '-e', '-f', '/dev/null', '-p', String(port), ...settings.flatMap((one) => ['-o', one])],
      { stdio: 'ignore' },
    );
    const ssh = new Ssh(home, port, server, key);
    await waitFor('the SSH server', async () => {
      await run('ssh', [...ssh.#options, '-p', String(port), ssh.#where(), 'true']);
      return true;
    });
    return ssh;
  }

  async scp(file: string): Promise<number> {
    const target = join(this.#folder, 'scp.bin');
    const args = [...this.#options, '-P', String(this.#port), file, `${this.#where()}:${target}`];
    return this.#measure('scp', args, target);
  }

  /** @returns undefined where rsync is not installed */
  async rsync(path: string): Promise<number | undefined> {
    if (!existsSync('/usr/bin/rsync')) return undefined;
    const target = join(this.#folder, 'rsync-target');
    const shell = ['ssh', '-p', String(this.#port), ...this.#options].join(' ');
    const args = ['-a', '-W', '-e', shell, path, `${this.#where()}:${target}`];
    return this.#measure('rsync', args, target);
  }

  stop(): void {
    this.#server.kill();
  }

  #where(): string {
    return `${userInfo().username}@127.0.0.1`;
  }

  async #measure(program: string, args: string[], target: string): Promise<number> {
    const { seconds } = await timed(async () => {
      await run(program, args);
      await run('sync');
    });
    await rm(target, { recursive: true, force: true });
    return seconds;
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; result: T }> {
  const start = performance.now();
  const result = await work();
  return { seconds: (performance.now() - start) / 1_000, result };
}

/** Of a process, in KiB. */
async function memory({ child }: RunningDaemon, what: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
}

async function requireSame(one: string, other: string): Promise<void> {
  const [a, b] = await Promise.all([hashOf(one), hashOf(other)]);
  if (a !== b) throw new Error(`${other} is not ${one}`);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function writeRandom(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w');
  for (let left = bytes; left > 0; left -= MIB) await file.write(randomBytes(Math.min(left, MIB)));
  await file.sync();
  await file.close();
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function table({ seconds, ofFloor, offerSeconds, folderSeconds, memoryGrowthMib, p99 }: Figures): void {
  const rate = (time: number): string => `${time.toFixed(2)} s, ${(mib / time).toFixed(0)} MiB/s`;
  console.log(`${mib} MiB, durable at the far end`);
  for (const [name, time] of Object.entries(seconds)) console.log(`  ${name.padEnd(12)} ${rate(time)}`);
  console.log(`  of the floor ${ofFloor.toFixed(2)}; reading it first ${rate(offerSeconds)}`);
  console.log(`${SMALL_FILES} files of ${SMALL_BYTES} bytes`);
  console.log(
    `  node         ${folderSeconds.node.toFixed(2)} s (offer ${folderSeconds.offer.toFixed(2)} s)`,
  );
  if (folderSeconds.rsync !== undefined) console.log(`  rsync        ${folderSeconds.rsync.toFixed(2)} s`);
  const { sender, receiver } = memoryGrowthMib;
  console.log(`memory grew by ${sender.toFixed(0)} MiB (sender), ${receiver.toFixed(0)} MiB (receiver)`);
  console.log(`a message, p99: ${p99.idle.toFixed(1)} ms alone, ${p99.beside.toFixed(1)} ms beside the file`);
}

try {
  await main();
} finally {
  await world.close();
}
