import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProfileLock } from './profile-lock.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'p2p-chat-lock-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

// Holds the same lock as a node of another process does.
const HOLDER = `
  const { DatabaseSync } = require('node:sqlite');
  const database = new DatabaseSync(process.argv[1]);
  database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  console.log('held');
  setInterval(() => {}, 1000);
`;

describe('ProfileLock', () => {
  it('is taken, is for its owner alone, and is free after its release', async () => {
    const lock = ProfileLock.acquire(home);
    expect(await readFile(join(home, 'run/node.pid'), 'utf8')).toBe(`${process.pid}\n`);
    expect((await stat(join(home, 'run'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(home, 'run/lock'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'run/node.pid'))).mode & 0o777).toBe(0o600);
    lock.release();
    ProfileLock.acquire(home).release();
  });

  it('is refused while it is held, with the pid and what to do', () => {
    const lock = ProfileLock.acquire(home);
    expect(() => ProfileLock.acquire(home)).toThrow(
      expect.objectContaining({
        code: 'profile-in-use',
        message: `A node runs on this profile already (pid ${process.pid}, ${home}).`,
        hint: expect.stringContaining('p2p-chat console') as string,
      }),
    );
    lock.release();
  });

  it('is let go of by the operating system when its process is killed, whatever the pid file says', async () => {
    ProfileLock.acquire(home).release();
    const holder = spawn(process.execPath, ['-e', HOLDER, join(home, 'run/lock')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    await writeFile(join(home, 'run/node.pid'), `${holder.pid}\n`);
    expect(() => ProfileLock.acquire(home)).toThrow(`pid ${holder.pid}`);
    const gone = once(holder, 'exit');
    holder.kill('SIGKILL');
    await gone;
    ProfileLock.acquire(home).release();
  });

  it('says where it cannot write', async () => {
    const file = join(home, 'file');
    await writeFile(file, '');
    expect(() => ProfileLock.acquire(join(file, 'below'))).toThrow(
      expect.objectContaining({
        code: 'profile-not-writable',
        message: expect.stringContaining('ENOTDIR') as string,
        hint: expect.stringContaining('P2P_CHAT_HOME') as string,
      }),
    );
  });
});
