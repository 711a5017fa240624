import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { controlOf, linkedPair, sendAll, untilQueued, wholeConversation } from './support/control.ts';
import { runCli, waitFor, World } from './support/processes.ts';

const world = new World();
const mounts: string[] = [];

afterEach(async () => {
  await world.close();
  // Lazily: a process that a failed test left behind must not keep the mount.
  for (const folder of mounts.splice(0)) execFileSync('umount', ['--lazy', folder]);
});

/** The profile's database file. */
async function databaseOf(home: string): Promise<string> {
  const name = (await readdir(home)).find((file) => /\.(db|sqlite3?)$/.test(file));
  if (name === undefined) throw new Error(`no database in ${home}`);
  return join(home, name);
}

describe('a profile', () => {
  it('that a process holds is refused to a second one, with the pid of the first and how to attach', async () => {
    const first = await world.daemon({ user: 'Alice' });
    const second = await world.spawnDaemon({ user: 'Alice', home: first.home });
    expect(await second.exited).toBe(1);
    expect(second.stderr).toContain(`pid ${first.child.pid}`);
    expect(second.stderr).toContain('p2p-chat console');
    expect(await controlOf(first).status()).toMatchObject({ pid: first.child.pid });
  });

  it.skipIf(!existsSync('/proc/self'))('in a place where nothing can be made is refused', async () => {
    for (const command of ['daemon', 'doctor']) {
      const { status, stdout, stderr } = await runCli([command], { env: { P2P_CHAT_HOME: '/proc/nowhere' } });
      expect(status).toBe(1);
      expect(stdout + stderr).toMatch(/\/proc\/nowhere.*ENOENT/);
    }
  });

  it.each([
    ['from a newer version', /version 99.*newer version/s, (file: string) => setVersion(file, 199)],
    ['of the form of before', /before its first release/, (file: string) => setVersion(file, 3)],
    ['that was cut off', /damaged|corrupt/i, (file: string) => truncate(file, 10_000)],
    [
      'that is no database',
      /damaged|corrupt|program/i,
      (file: string) => writeFile(file, 'x'.repeat(50_000)),
    ],
  ])('with a database %s is refused with that, and left as it was', async (_name, text, spoil) => {
    const first = await world.daemon({ user: 'Alice' });
    expect(await first.stop()).toBe(0);
    const file = await databaseOf(first.home);
    await spoil(file);
    const before = await readFile(file);
    const second = await world.spawnDaemon({ user: 'Alice', home: first.home });
    expect(await second.exited).toBe(1);
    expect(second.stderr).toMatch(text);
    expect(second.stderr).not.toMatch(/^\s+at /m);
    expect((await readFile(file)).equals(before)).toBe(true);
  });
});

function setVersion(file: string, version: number): Promise<void> {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA user_version = ${version}`);
  database.close();
  return Promise.resolve();
}

describe.skipIf(process.getuid?.() !== 0)('(root only) a disk', () => {
  async function tmpfs(size: string): Promise<string> {
    const folder = await world.folder('disk');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', folder]);
    mounts.push(folder);
    return folder;
  }

  function resize(folder: string, size: string): void {
    execFileSync('mount', ['-o', `remount,size=${size}`, folder]);
  }

  /** Takes all the space that is left on the disk of this folder. */
  function fill(folder: string): void {
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${join(folder, 'ballast')}`, 'bs=4k'], { stdio: 'ignore' });
    } catch {
      // It ends with an error when the disk is full: that is what it is for.
    }
  }

  it('that is full is told to the sender at once, and keeps nothing by halves', async () => {
    const home = await tmpfs('16m');
    const { alice, bob } = await linkedPair(world, { alice: { home } });
    const client = controlOf(alice);
    const accepted = [(await client.send(bob.peerId, 'before')).id];
    fill(home);
    let refusals = 0;
    // What is left of the log's last page may still take a few.
    for (let n = 0; n < 200 && refusals < 5; n += 1) {
      const began = performance.now();
      try {
        accepted.push((await client.send(bob.peerId, `${n} ${'x'.repeat(10_000)}`)).id);
      } catch (error) {
        expect(error).toMatchObject({ code: 'storage-full' });
        // At once is as opposed to hanging: figures are for the benchmarks.
        expect(performance.now() - began).toBeLessThan(10_000);
        refusals += 1;
      }
    }
    expect(refusals).toBe(5);
    resize(home, '64m');
    accepted.push((await client.send(bob.peerId, 'after')).id);
    await untilQueued(alice, 0);
    for (const one of [
      await wholeConversation(alice, bob.peerId),
      await wholeConversation(bob, alice.peerId),
    ]) {
      expect(one.map(({ id }) => id)).toEqual(accepted);
    }
  });

  it('that is full at the receiver leaves messages queued, and they arrive by themselves', async () => {
    const home = await tmpfs('16m');
    const { alice, bob } = await linkedPair(world, { bob: { home } });
    await controlOf(alice).send(bob.peerId, 'before');
    await untilQueued(alice, 0);
    fill(home);
    const bodies = Array.from({ length: 200 }, (_, n) => `${n} ${'x'.repeat(10_000)}`);
    const ids = await sendAll(alice, bob, bodies);
    await waitFor('the receiver to run out of space', () => bob.stderr.includes('storage-full'));
    const states = (await wholeConversation(alice, bob.peerId)).slice(1).map(({ state }) => state);
    expect(states).toContain('queued');
    const saved = (await wholeConversation(bob, alice.peerId)).slice(1).map(({ id }) => id);
    expect(saved).toEqual(ids.slice(0, saved.length));

    resize(home, '64m');
    await untilQueued(alice, 0);
    expect((await wholeConversation(bob, alice.peerId)).slice(1).map(({ id }) => id)).toEqual(ids);
  });

  it('that cannot be written to is said at start, and the profile works again when it can', async () => {
    const home = await tmpfs('16m');
    const first = await world.daemon({ user: 'Alice', home });
    const { peerId } = first;
    await first.stop();
    execFileSync('mount', ['-o', 'remount,ro', home]);
    const second = await world.spawnDaemon({ user: 'Alice', home });
    expect(await second.exited).toBe(1);
    expect(second.stderr).toContain('P2P_CHAT_HOME');
    execFileSync('mount', ['-o', 'remount,rw', home]);
    expect((await world.daemon({ user: 'Alice', home })).peerId).toBe(peerId);
  });
});
