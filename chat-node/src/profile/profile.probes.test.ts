import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../core/errors.js';
import { ProfileProbes } from './profile.probes.js';
import { type Walked, walkProbe } from '../testing/walk-probes.js';

describe('the profile', () => {
  let home: string;
  let check: () => Promise<void>;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'p2p-chat-profile-'));
    await mkdir(join(home, 'run'), { mode: 0o700 });
    check = () => Promise.resolve();
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const walk = async (): Promise<Walked[]> => {
    const probes = new ProfileProbes(home, { kind: 'sqlite', store: { check } });
    return (await Promise.all(probes.list().map((probe) => walkProbe(probe)))).flat();
  };

  it('is well where it can be written to, and is left as it was', async () => {
    expect(await walk()).toEqual([
      {
        hop: 'profile',
        subject: home,
        state: 'ok',
        detail: expect.stringMatching(/^private, writable, \S+ [GM]iB free$/) as string,
      },
      { hop: 'storage', subject: 'sqlite', state: 'ok', detail: 'takes what is written' },
    ]);
    expect(await readdir(join(home, 'run'))).toEqual([]);
  });

  it('fails where others may look into it', async () => {
    await rm(join(home, 'run'), { recursive: true });
    await mkdir(join(home, 'run'), { mode: 0o755 });
    expect(await walk()).toMatchObject([
      { hop: 'profile', state: 'failed', advice: expect.stringContaining('chmod 700') as string },
      { hop: 'storage', state: 'ok' },
    ]);
  });

  it('fails where it cannot be written to', async () => {
    await rm(join(home, 'run'), { recursive: true });
    expect(await walk()).toMatchObject([
      {
        hop: 'profile',
        state: 'failed',
        detail: `Cannot write to ${home} (ENOENT).`,
        advice: expect.stringContaining('P2P_CHAT_HOME') as string,
      },
      { hop: 'storage', state: 'ok' },
    ]);
  });

  it('says in the words of the storage why it takes nothing', async () => {
    check = () =>
      Promise.reject(new StorageError('storage-full', 'The disk is full.', { hint: 'Free some space.' }));
    expect((await walk())[1]).toEqual({
      hop: 'storage',
      subject: 'sqlite',
      state: 'failed',
      detail: 'The disk is full.',
      advice: 'Free some space.',
    });
  });
});
