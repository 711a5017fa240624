import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileView } from '@p2p-chat/shared';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controlOf, deliver, linkedPair } from './support/control.ts';
import { canMount } from './support/ext4-disk.ts';
import { type RunningDaemon, waitFor, World } from './support/processes.ts';

const MIB = 1024 * 1024;
/** `KILLS=50 make test-long ARGS=e2e/files-faults` takes five minutes. */
const KILLS = Number(process.env['KILLS'] ?? 20);
const KILLS_TIMEOUT_MS = 15 * 60_000;
const FAULT_TIMEOUT_MS = 120_000;
/** Longer than the longest wait between two attempts. */
const RETRY_TIMEOUT_MS = 60_000;

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
    expect(await readFile(path ?? '')).toEqual(bytes);
    expect(await readdir(join(bob.home, 'files/parts'))).toEqual([]);
    expect(await readdir(join(bob.home, 'downloads'))).toEqual(['large.bin']);
  },
  KILLS_TIMEOUT_MS,
);

it.runIf(canMount)(
  'pauses while the disk is full, says so, and goes on by itself',
  async () => {
    const parts = join(bob.home, 'files/parts');
    await mkdir(parts, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=700', 'tmpfs', parts]);
    try {
      const { id, bytes } = await offered('full.bin', 6 * MIB);
      await controlOf(bob).fetchFile(id);
      const paused = await until(id, 'the full disk', ({ problem }) => problem?.code === 'disk-full');
      expect(paused).toMatchObject({ state: 'paused' });
      await deliver(alice, 'Bob', 'still here');
      execFileSync('mount', ['-o', 'remount,size=64m', parts]);
      const { path } = await until(id, 'the file', ({ state }) => state === 'complete');
      expect(await readFile(path ?? '')).toEqual(bytes);
    } finally {
      execFileSync('umount', ['-l', parts]);
    }
  },
  FAULT_TIMEOUT_MS,
);

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
    expect(await readFile(path ?? '')).toEqual(bytes);
  },
  FAULT_TIMEOUT_MS,
);

it(
  'that was exchanged for another is not taken, and messages go on',
  async () => {
    const { id, path } = await offered('forged.bin', 2 * MIB, '--no-copy');
    const { atime, mtime } = await stat(path);
    await writeFile(path, randomBytes(2 * MIB));
    await utimes(path, atime, mtime);
    // A time of modification with fractions does not come back as it was: either way nothing wrong is taken.
    await controlOf(bob).fetchFile(id);
    await until(id, 'the refusal', ({ problem }) => /blocks-wrong|file-absent/.test(problem?.code ?? ''));
    expect(await readdir(join(bob.home, 'downloads'))).not.toContain('forged.bin');
    await deliver(alice, 'Bob', 'and we go on');
  },
  FAULT_TIMEOUT_MS,
);

it(
  'deleted in the middle of a transfer waits for its source',
  async () => {
    const { id, path, bytes } = await offered('gone.bin', 8 * MIB, '--no-copy');
    await controlOf(bob).fetchFile(id);
    await until(id, 'some of it', ({ progress }) => progress > 0.2);
    const { mtimeMs } = await stat(path);
    await rm(path);
    await alice.stop();
    alice = await world.restart(alice);
    await until(id, 'it to be absent', ({ problem }) => problem?.code === 'file-absent');
    // It is back as it was: from a backup, which keeps the time.
    await writeFile(path, bytes);
    await utimes(path, mtimeMs / 1_000, mtimeMs / 1_000);
    const isSame = (await stat(path)).mtimeMs === mtimeMs;
    if (isSame) await until(id, 'the file', ({ state }) => state === 'complete');
    else expect(await atBob(id)).toMatchObject({ state: 'paused' });
  },
  FAULT_TIMEOUT_MS,
);
