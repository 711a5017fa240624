import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileView } from '@p2p-chat/shared';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { acquaint, controlOf, deliver, linkedPair, residentBytes } from './support/control.ts';
import { canMount } from './support/ext4-disk.ts';
import { ROOT, type RunningDaemon, RunningProcess, waitFor, World } from './support/processes.ts';

const MIB = 1024 * 1024;
/** `KILLS=50 make test-long ARGS=e2e/files-faults` takes five minutes. */
const KILLS = Number(process.env['KILLS'] ?? 20);
const KILLS_TIMEOUT_MS = 15 * 60_000;
const FAULT_TIMEOUT_MS = 120_000;
/** Longer than the longest wait between two attempts. */
const RETRY_TIMEOUT_MS = 60_000;

/** When each file was changed, in seconds since 1970. */
const MTIME = 1_700_000_000;

/** What the memory of a node may grow by, whatever is asked of it. */
const MAX_GROWTH_BYTES = 64 * MIB;
const FLOOD = join(ROOT, 'e2e/support/flood-blocks.ts');

const world = new World();
let folder: string, alice: RunningDaemon, bob: RunningDaemon;

beforeAll(async () => {
  folder = await world.folder('files-faults');
  // Slow enough to be killed so often: a minute for the large file.
  ({ alice, bob } = await linkedPair(world, { alice: { env: { P2P_CHAT_FILES_RATE: '2' } } }));
});
afterAll(() => world.close());

async function offered(name: string, size: number, ...flags: string[]) {
  const path = join(folder, name);
  const bytes = randomBytes(size);
  await writeFile(path, bytes);
  // Whole seconds come back as they were.
  await utimes(path, MTIME, MTIME);
  const [sent] = await alice.json<{ id: string }>(['send-file', 'Bob', path, ...flags]);
  const id = sent?.id ?? '';
  await waitFor('the offer', async () => (await atBob(id)) !== undefined);
  return { id, path, bytes };
}

async function atBob(id: string): Promise<FileView | undefined> {
  return (await controlOf(bob).files()).find((one) => one.id === id);
}

function until(id: string, what: string, is: (file: FileView) => boolean): Promise<FileView> {
  return waitFor(
    what,
    async () => {
      const file = await atBob(id);
      return file !== undefined && is(file) ? file : undefined;
    },
    RETRY_TIMEOUT_MS,
  );
}

it(
  `is the same file after ${KILLS} kills of either side in one transfer`,
  async () => {
    const { id, bytes } = await offered('large.bin', 100 * MIB);
    await controlOf(bob).fetchFile(id);
    for (let nth = 0; nth < KILLS; nth += 1) {
      const before = (await atBob(id))?.progress ?? 0;
      await until(id, 'the next blocks', ({ progress }) => progress > before || progress === 1);
      if (nth % 2 === 0) {
        await bob.kill();
        bob = await world.restart(bob);
        // What was there is there again, all of it verified.
        await until(id, 'what was there', ({ progress }) => progress >= before);
      } else {
        await alice.kill();
        alice = await world.restart(alice);
      }
    }
    const { path } = await until(id, 'the file', ({ state }) => state === 'complete');
    expect((await readFile(path ?? '')).equals(bytes)).toBe(true);
    expect(await readdir(join(bob.home, 'files/parts'))).toEqual([]);
    expect(await readdir(join(bob.home, 'downloads'))).toEqual(['large.bin']);
  },
  KILLS_TIMEOUT_MS,
);

describe.runIf(canMount)('a full disk', () => {
  let disk: string;
  /** A small disk of memory, mounted there. */
  async function mountAt(path: string, megabytes: number): Promise<void> {
    disk = path;
    await mkdir(path, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', path]);
  }
  const remount = (options: string): Buffer => execFileSync('mount', ['-o', `remount,${options}`, disk]);
  afterEach(() => execFileSync('umount', ['-l', disk]));

  it(
    'pauses a file that comes, says so, and lets it go on by itself',
    async () => {
      await mountAt(join(bob.home, 'files/parts'), 3);
      const { id, bytes } = await offered('full.bin', 6 * MIB);
      await controlOf(bob).fetchFile(id);
      const paused = await until(id, 'the full disk', ({ problem }) => problem?.code === 'disk-full');
      expect(paused).toMatchObject({ state: 'paused' });
      await deliver(alice, 'Bob', 'still here');
      remount('size=64m');
      const { path } = await until(id, 'the file', ({ state }) => state === 'complete');
      expect((await readFile(path ?? '')).equals(bytes)).toBe(true);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'where it is put, or one that is read-only, is waited for too',
    async () => {
      await mountAt(join(folder, 'small'), 1);
      const { id, bytes } = await offered('placed.bin', 2 * MIB);
      await controlOf(bob).fetchFile(id, disk);
      await until(id, 'the full disk', ({ problem }) => problem?.code === 'disk-full');
      remount('size=64m,ro');
      await until(id, 'the read-only disk', ({ problem }) => problem?.code === 'folder-read-only');
      remount('rw');
      const { path } = await until(id, 'the file', ({ state }) => state === 'complete');
      expect(path).toBe(join(disk, 'placed.bin'));
      expect((await readFile(path ?? '')).equals(bytes)).toBe(true);
      expect(await readdir(disk)).toEqual(['placed.bin']);
    },
    FAULT_TIMEOUT_MS,
  );

  it(
    'of the sender refuses a copy, says so, and stops nothing that is on its way',
    async () => {
      const before = await offered('before.bin', 3 * MIB, '--no-copy');
      await mountAt(join(alice.home, 'files/drafts'), 1);
      const large = join(folder, 'refused.bin');
      await writeFile(large, randomBytes(2 * MIB));
      const refused = await alice.cli(['send-file', 'Bob', large, '--json']);
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toContain('disk-full');
      await controlOf(bob).fetchFile(before.id);
      const { path } = await until(before.id, 'the file', ({ state }) => state === 'complete');
      expect((await readFile(path ?? '')).equals(before.bytes)).toBe(true);
      expect((await alice.cli(['send-file', 'Bob', large, '--no-copy'])).status).toBe(0);
    },
    FAULT_TIMEOUT_MS,
  );
});

it(
  'waits for a folder that cannot be written, and goes on by itself',
  async () => {
    const taken = join(folder, 'taken');
    await writeFile(taken, '');
    const { id, bytes } = await offered('later.bin', 10);
    await controlOf(bob).fetchFile(id, join(taken, 'inside'));
    await until(id, 'the folder', ({ problem }) => problem?.code === 'folder-read-only');
    await rm(taken);
    const { path } = await until(id, 'the file', ({ state }) => state === 'complete');
    expect(path).toBe(join(taken, 'inside/later.bin'));
    expect((await readFile(path ?? '')).equals(bytes)).toBe(true);
  },
  FAULT_TIMEOUT_MS,
);

it(
  'that was exchanged for another is not taken, and messages go on',
  async () => {
    const { id, path } = await offered('forged.bin', 2 * MIB, '--no-copy');
    await writeFile(path, randomBytes(2 * MIB));
    await utimes(path, MTIME, MTIME);
    await controlOf(bob).fetchFile(id);
    await until(id, 'the refusal', ({ problem }) => problem?.code === 'blocks-wrong');
    expect(existsSync(join(bob.home, 'downloads/forged.bin'))).toBe(false);
    await deliver(alice, 'Bob', 'and we go on');
  },
  FAULT_TIMEOUT_MS,
);

it(
  'changed in the middle of a transfer comes no further, and to its end once it is as it was',
  async () => {
    const { id, path, bytes } = await offered('changed.bin', 8 * MIB, '--no-copy');
    await controlOf(bob).fetchFile(id);
    await until(id, 'some of it', ({ progress }) => progress > 0.2);
    await writeFile(path, randomBytes(8 * MIB));
    await until(id, 'it to be absent', ({ problem }) => problem?.code === 'file-absent');
    expect(existsSync(join(bob.home, 'downloads/changed.bin'))).toBe(false);
    await writeFile(path, bytes);
    await utimes(path, MTIME, MTIME);
    const whole = await until(id, 'the file', ({ state }) => state === 'complete');
    expect((await readFile(whole.path ?? '')).equals(bytes)).toBe(true);
  },
  FAULT_TIMEOUT_MS,
);

it(
  'deleted in the middle of a transfer waits for its source',
  async () => {
    const { id, path, bytes } = await offered('gone.bin', 8 * MIB, '--no-copy');
    await controlOf(bob).fetchFile(id);
    await until(id, 'some of it', ({ progress }) => progress > 0.2);
    await rm(path);
    await alice.stop();
    alice = await world.restart(alice);
    await until(id, 'it to be absent', ({ problem }) => problem?.code === 'file-absent');
    // It is back as it was: from a backup, which keeps the time.
    await writeFile(path, bytes);
    await utimes(path, MTIME, MTIME);
    const whole = await until(id, 'the file', ({ state }) => state === 'complete');
    expect((await readFile(whole.path ?? '')).equals(bytes)).toBe(true);
  },
  FAULT_TIMEOUT_MS,
);

it(
  'a member who floods with requests for blocks holds up nobody else, and takes no memory',
  async () => {
    const mallory = await world.daemon({ user: 'Mallory', peers: [`127.0.0.1:${alice.ready.peerPort}`] });
    await waitFor('the link', async () => (await controlOf(mallory).status()).links > 0);
    await acquaint(alice, mallory);
    const path = join(folder, 'wanted.bin');
    await writeFile(path, randomBytes(32 * MIB));
    const { conversation, files } = await controlOf(alice).sendFiles(mallory.peerId, { paths: [path] });
    await mallory.stop();
    const before = await residentBytes(alice.child.pid ?? 0);
    const args = [FLOOD, mallory.home, alice.ready.peerPort, conversation, files[0]?.root, 32].map(String);
    const flood = world.track(new RunningProcess('flood', spawn(process.execPath, args)));
    await flood.line('answers', (line) => (Number(line) > 4 * MIB ? true : undefined));
    const { id, bytes } = await offered('beside.bin', 2 * MIB);
    for (let nth = 0; nth < 20; nth += 1) await deliver(alice, 'Bob', `beside the flood ${nth}`);
    await controlOf(bob).fetchFile(id);
    const { path: there } = await until(id, 'the file', ({ state }) => state === 'complete');
    expect((await readFile(there ?? '')).equals(bytes)).toBe(true);
    const grown = (await residentBytes(alice.child.pid ?? 0)) - before;
    expect(flood.running).toBe(true);
    await flood.kill();
    expect(grown).toBeLessThan(MAX_GROWTH_BYTES);
  },
  FAULT_TIMEOUT_MS,
);

it(
  'somebody whose files come slowly holds up the files of nobody else',
  async () => {
    const env = { P2P_CHAT_FILES_RATE: '1' };
    const mallory = await world.daemon({ user: 'Slow', peers: [`127.0.0.1:${bob.ready.peerPort}`], env });
    await waitFor('the link', async () => (await controlOf(mallory).status()).links > 0);
    await acquaint(bob, mallory);
    // Each takes longer than this test may, and they are as many as are fetched at a time.
    const slow = await Promise.all(
      [300, 301, 302].map(async (mib) => {
        const path = join(folder, `slow ${mib}.bin`);
        await writeFile(path, '');
        await truncate(path, mib * MIB);
        return (await controlOf(mallory).sendFiles(bob.peerId, { paths: [path], copy: false })).id;
      }),
    );
    for (const id of slow) {
      await waitFor('the offer', async () => (await atBob(id)) !== undefined);
      await controlOf(bob).fetchFile(id);
    }
    for (const id of slow) await until(id, 'some of it', ({ progress }) => progress > 0);
    const { id, bytes } = await offered('quick.bin', 2 * MIB);
    await controlOf(bob).fetchFile(id);
    const { path } = await until(id, 'its turn', ({ state }) => state === 'complete');
    expect((await readFile(path ?? '')).equals(bytes)).toBe(true);
    for (const one of slow) await controlOf(bob).cancelFile(one);
    await mallory.stop();
  },
  FAULT_TIMEOUT_MS,
);
