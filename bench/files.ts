/*
 * `make bench-files`: between nodes on loopback, as separate processes, from the command of the sender
 * until it is verified and durable at the far end:
 *
 *   large    one large file, without and with a copy that stays at the sender, beside the floor (bench/floor/file-sender.ts and file-receiver.ts: TLS
 *            1.3, read, hash, write, fsync and no product code)
 *   tools    the same with scp, rsync and croc where they are installed, each with a `sync` after it
 *   folder   a folder of many small files, beside rsync
 *   flood    messages beside somebody who asks for blocks as fast as they can
 *            (e2e/support/flood-blocks.ts)
 *   members  one file to eight members of a group, who fetch it at the same time
 *
 * Files are read from the disk where root runs it: the caches are dropped before each. Prints a
 * table and one object of JSON, or with --json the object alone.
 *
 * `--mib N` sets the size of the large file (1024), `--only PART,…` leaves the other parts out.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { createCertificate } from '../chat-node/dist/profile/certificate.js';
import { acquaint, controlOf, linkedPair } from '../e2e/support/control.ts';
import { freePort, ROOT, type RunningDaemon, waitFor, World } from '../e2e/support/processes.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const SMALL_FILES = 10_000;
const SMALL_BYTES = 4_096;
const FLOOD = join(ROOT, 'e2e/support/flood-blocks.ts');
/** Of the file that goes to all members of a group. */
const SHARED_MIB = 256;
const MEMBERS = 8;
/** Messages whose delivery is timed with nothing beside them. */
const IDLE_MESSAGES = 1_000;
const TIMEOUT_MS = 30 * 60_000;
const KIB = 1024;

/** Of a part that was left out, and of a tool that is not installed, there is nothing. */
interface Figures {
  mib: number;
  /** Of the large file, in seconds; `node` without a copy that stays at the sender, `copying` with one. */
  seconds: Partial<Record<'node' | 'copying' | 'floor' | 'scp' | 'rsync' | 'croc', number>>;
  /** How fast the node is beside the floor: 1 is as fast. */
  ofFloor?: number;
  /** What of that is reading it to be offered. */
  offerSeconds?: { plain: number; copying: number };
  /** How much the memory of the nodes grew at most, in MiB. */
  memoryGrowthMib?: { sender: number; receiver: number };
  /** Of a message, delivered, in milliseconds. */
  p99?: { idle: number; beside: number };
  /** The same, beside somebody else who floods the sender with requests. */
  flooded?: { idle: number; beside: number };
  /** Of the folder of small files, from the offer to the last of them, in seconds. */
  folderSeconds?: { node: number; offer: number; rsync?: number };
  /** What the sender writes for all members, beside the size of the file; and until all have it. */
  members?: { count: number; sent: number; seconds: number };
}

const PARTS = ['large', 'tools', 'folder', 'flood', 'members'] as const;
const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    only: { type: 'string', default: PARTS.join(',') },
    json: { type: 'boolean', default: false },
  },
});
const mib = Number(values.mib);
const only = values.only.split(',');
const world = new World();

async function main(): Promise<void> {
  const folder = await world.folder('bench-files');
  const figures: Figures = { mib, seconds: {} };
  try {
    await measure(figures, folder);
  } finally {
    // What there is, also where a tool failed.
    if (!values.json) table(figures);
    console.log(JSON.stringify(figures));
  }
}

async function measure(figures: Figures, folder: string): Promise<void> {
  const large = join(folder, 'large.bin');
  if (only.includes('large') || only.includes('tools')) await writeRandom(large, mib * MIB);
  if (only.includes('large')) await measureLarge(figures, folder, large);
  const needsSsh = only.includes('tools') || only.includes('folder');
  const ssh = needsSsh ? await Ssh.start(folder) : null;
  if (only.includes('tools')) {
    const { seconds } = figures;
    if (ssh !== null) {
      seconds.scp = await ssh.scp(large);
      const rsync = await ssh.rsync(large);
      if (rsync !== undefined) seconds.rsync = rsync;
    }
    const croc = await crocSeconds(folder, large);
    if (croc !== undefined) seconds.croc = croc;
  }
  if (only.includes('folder')) await measureFolder(figures, folder, ssh);
  ssh?.stop();
  await rm(large, { force: true });
  if (only.includes('flood')) await measureFlood(figures, folder);
  if (only.includes('members')) await measureMembers(figures, folder);
}

async function measureLarge(figures: Figures, folder: string, large: string): Promise<void> {
  const { alice, bob } = await linkedPair(world);
  const idle = await messageTimes(alice, IDLE_MESSAGES);
  const before = await Promise.all([alice, bob].map((node) => memory(node, 'VmRSS')));
  const first = await controlOf(alice).sendFiles('Bob', { paths: [large], copy: false });
  await dropCaches();
  const fetching = fetchWhole(bob, first.id);
  const beside = await messageTimes(alice, fetching);
  await rm(await fetching);
  // Once more with nothing beside it, and once with a copy that stays at the sender.
  const node = await wholeWay(alice, bob, large, false);
  const copying = await wholeWay(alice, bob, large, true);
  const after = await Promise.all([alice, bob].map((one) => memory(one, 'VmHWM')));
  await Promise.all([alice.stop(), bob.stop()]);

  const floor = await floorSeconds(folder, large);
  figures.seconds = { node: node.all, copying: copying.all, floor };
  figures.ofFloor = floor / node.all;
  figures.offerSeconds = { plain: node.offer, copying: copying.offer };
  figures.memoryGrowthMib = {
    sender: ((after[0] ?? 0) - (before[0] ?? 0)) / KIB,
    receiver: ((after[1] ?? 0) - (before[1] ?? 0)) / KIB,
  };
  figures.p99 = { idle: percentile(idle, 0.99), beside: percentile(beside, 0.99) };
}

/** From the offer of a file, which reads and hashes it, until it is verified and durable at the far end. */
async function wholeWay(
  alice: RunningDaemon,
  bob: RunningDaemon,
  large: string,
  copy: boolean,
): Promise<{ all: number; offer: number }> {
  await dropCaches();
  const offer = await timed(() => controlOf(alice).sendFiles('Bob', { paths: [large], copy }));
  const fetch = await timed(() => fetchWhole(bob, offer.result.id));
  await requireSame(large, fetch.result);
  await rm(fetch.result);
  return { all: offer.seconds + fetch.seconds, offer: offer.seconds };
}

async function measureFolder(figures: Figures, folder: string, ssh: Ssh | null): Promise<void> {
  const tree = join(folder, 'tree');
  await mkdir(tree);
  for (let nth = 0; nth < SMALL_FILES; nth += 1) {
    await writeFile(join(tree, `${nth}.txt`), randomBytes(SMALL_BYTES));
  }
  const { alice, bob } = await linkedPair(world);
  await dropCaches();
  const offer = await timed(() => controlOf(alice).sendFiles('Bob', { paths: [tree] }));
  const fetch = await timed(() => fetchWhole(bob, offer.result.id));
  await Promise.all([alice.stop(), bob.stop()]);
  const rsync = await ssh?.rsync(`${tree}/`);
  figures.folderSeconds = {
    node: offer.seconds + fetch.seconds,
    offer: offer.seconds,
    ...(rsync === undefined ? {} : { rsync }),
  };
}

async function measureFlood(figures: Figures, folder: string): Promise<void> {
  const file = join(folder, 'wanted.bin');
  await writeRandom(file, SHARED_MIB * MIB);
  const { alice, bob } = await linkedPair(world);
  const mallory = await world.daemon({ user: 'Mallory', peers: [`127.0.0.1:${alice.ready.peerPort}`] });
  await waitFor('the link', async () => (await controlOf(mallory).status()).links > 0);
  await acquaint(alice, mallory);
  const offer = { paths: [file], copy: false };
  const { conversation, files } = await controlOf(alice).sendFiles(mallory.peerId, offer);
  await mallory.stop();
  const idle = await messageTimes(alice, IDLE_MESSAGES);
  const args = [mallory.home, alice.ready.peerPort, conversation, files[0]?.root, SHARED_MIB].map(String);
  const flood = spawn(process.execPath, [FLOOD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(flood.stdout, 'data');
  const beside = await messageTimes(alice, IDLE_MESSAGES);
  flood.kill();
  await Promise.all([alice.stop(), bob.stop()]);
  figures.flooded = { idle: percentile(idle, 0.99), beside: percentile(beside, 0.99) };
}

async function measureMembers(figures: Figures, folder: string): Promise<void> {
  const file = join(folder, 'shared.bin');
  await writeRandom(file, SHARED_MIB * MIB);
  const nodes: RunningDaemon[] = [];
  for (let nth = 0; nth <= MEMBERS; nth += 1) {
    const peers = nodes.map(({ ready }) => `127.0.0.1:${ready.peerPort}`);
    nodes.push(await world.daemon({ user: `Member ${nth}`, peers }));
  }
  for (const node of nodes) {
    await waitFor('the links', async () => (await controlOf(node).status()).links === MEMBERS);
  }
  await acquaint(...nodes);
  const [sender, ...members] = nodes as [RunningDaemon, ...RunningDaemon[]];
  const people = members.map(({ peerId }) => peerId);
  const group = await controlOf(sender).createGroup({ name: 'All', people });
  for (const node of nodes) {
    await waitFor('all members', async () => {
      const all = (await controlOf(node).groups()).find(({ id }) => id === group.id)?.members ?? [];
      return all.filter(({ state }) => state === 'member').length === nodes.length;
    });
  }
  const { id } = await controlOf(sender).sendFiles(group.id, { paths: [file], copy: false });
  const before = await written(sender);
  const { seconds } = await timed(() => Promise.all(members.map((node) => fetchWhole(node, id))));
  const sent = ((await written(sender)) - before) / (SHARED_MIB * MIB);
  figures.members = { count: MEMBERS, sent, seconds };
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

/** Of one message after the other: so many, or until something is over. */
async function messageTimes(from: RunningDaemon, until: number | Promise<unknown>): Promise<number[]> {
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
  let isOver = false;
  if (typeof until !== 'number') void until.finally(() => (isOver = true));
  const times: number[] = [];
  while (typeof until === 'number' ? times.length < until : !isOver) {
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
  await waitFor('the receiver', () => isTaken(port));
  await dropCaches();
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

/** Whether somebody listens there; asking for a connection would be one. */
async function isTaken(port: number): Promise<boolean> {
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
      'Subsystem=sftp internal-sftp',
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
    await dropCaches();
    const { seconds } = await timed(async () => {
      await run(program, args);
      await run('sync');
    });
    await rm(target, { recursive: true, force: true });
    return seconds;
  }
}

/** With a relay of its own on loopback. @returns undefined where it is not installed */
async function crocSeconds(folder: string, file: string): Promise<number | undefined> {
  if ((await run('croc', ['--version']).catch(() => null)) === null) return undefined;
  const [target, port] = [join(folder, 'croc'), await freePort()];
  await mkdir(target);
  const ports = Array.from({ length: 5 }, (_, nth) => port + nth).join(',');
  const relay = spawn('croc', ['relay', '--host', '127.0.0.1', '--ports', ports], { stdio: 'ignore' });
  try {
    await waitFor('the relay', () => isTaken(port));
    const shared = ['--yes', '--ignore-stdin', '--relay', `127.0.0.1:${port}`];
    const env = { ...process.env, CROC_SECRET: '1234-loopback-only-here' };
    await dropCaches();
    return (
      await timed(async () => {
        const sender = spawn('croc', [...shared, '--no-compress', 'send', '--no-local', file], {
          env,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        // It reads the file first; who comes before that finds nobody.
        await new Promise<void>((resolve) => {
          let said = '';
          sender.stderr.on('data', (text) => (said += String(text)).includes('code=') && resolve());
        });
        await run('croc', [...shared, '--out', target], { env });
        await run('sync');
      })
    ).seconds;
  } finally {
    relay.kill();
    await rm(target, { recursive: true });
  }
}

/** From here on files are read from the disk, where that may be asked for. */
async function dropCaches(): Promise<void> {
  await run('sync');
  await writeFile('/proc/sys/vm/drop_caches', '1').catch(() => undefined);
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

/** Bytes that a process has written, to sockets above all (Linux). */
async function written({ child }: RunningDaemon): Promise<number> {
  return Number(/wchar:\s+(\d+)/.exec(await readFile(`/proc/${child.pid}/io`, 'utf8'))?.[1] ?? 0);
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

function table({ seconds, ofFloor, offerSeconds, memoryGrowthMib, p99, ...more }: Figures): void {
  const rate = (time: number): string => `${time.toFixed(2)} s, ${(mib / time).toFixed(0)} MiB/s`;
  console.log(`${mib} MiB, durable at the far end`);
  for (const [name, time] of Object.entries(seconds)) console.log(`  ${name.padEnd(12)} ${rate(time)}`);
  if (ofFloor !== undefined && offerSeconds !== undefined)
    console.log(
      `  of the floor ${ofFloor.toFixed(2)}; reading it first ${rate(offerSeconds.plain)}, copying ${rate(offerSeconds.copying)}`,
    );
  if (memoryGrowthMib !== undefined) {
    const { sender, receiver } = memoryGrowthMib;
    console.log(`memory grew by ${sender.toFixed(0)} MiB (sender), ${receiver.toFixed(0)} MiB (receiver)`);
  }
  if (p99 !== undefined)
    console.log(
      `a message, p99: ${p99.idle.toFixed(1)} ms alone, ${p99.beside.toFixed(1)} ms beside the file`,
    );
  const { folderSeconds: small, flooded, members } = more;
  if (flooded !== undefined)
    console.log(`beside a flood: ${flooded.beside.toFixed(1)} ms, ${flooded.idle.toFixed(1)} ms before it`);
  if (small !== undefined) {
    console.log(`${SMALL_FILES} files of ${SMALL_BYTES} bytes`);
    console.log(`  node         ${small.node.toFixed(2)} s (offer ${small.offer.toFixed(2)} s)`);
    if (small.rsync !== undefined) console.log(`  rsync        ${small.rsync.toFixed(2)} s`);
  }
  if (members !== undefined) {
    const { count, sent, seconds: time } = members;
    console.log(
      `${SHARED_MIB} MiB to ${count} members: ${sent.toFixed(2)} times its size sent, ${time.toFixed(2)} s`,
    );
  }
}

try {
  await main();
} finally {
  await world.close();
}
