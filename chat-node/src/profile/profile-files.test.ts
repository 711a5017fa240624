import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requirePrivateProfile } from './profile-files.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'p2p-chat-profile-'));
  for (const folder of ['run', 'drafts']) await mkdir(join(home, folder), { mode: 0o700 });
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe('requirePrivateProfile', () => {
  it('passes over what is not there yet', async () => {
    await expect(requirePrivateProfile(join(home, 'new'))).resolves.toBeUndefined();
  });

  it.each([
    ['.', 0o755, '700'],
    ['run', 0o750, '700'],
    ['drafts', 0o755, '700'],
    ['run/control.json', 0o644, '600'],
    ['run/lock', 0o604, '600'],
    ['run/node.pid', 0o620, '600'],
    ['profile.json', 0o644, '600'],
    ['messages.sqlite', 0o640, '600'],
    ['messages.sqlite-wal', 0o644, '600'],
    ['messages.sqlite-shm', 0o644, '600'],
  ])(
    'refuses a profile where others may use %s, leaves it as it is and says how to mend it',
    async (name, mode, mended) => {
      const exposed = join(home, name);
      const isFile = mended === '600';
      if (isFile) await writeFile(exposed, 'as it was');
      await chmod(exposed, mode);
      await expect(requirePrivateProfile(home)).rejects.toMatchObject({
        code: 'profile-exposed',
        message: expect.stringContaining(`(mode ${mode.toString(8)})`) as string,
        hint: `Make it yours alone: chmod ${mended} '${exposed}'`,
      });
      expect((await stat(exposed)).mode & 0o777).toBe(mode);
      if (isFile) expect(await readFile(exposed, 'utf8')).toBe('as it was');

      await chmod(exposed, Number.parseInt(mended, 8));
      await expect(requirePrivateProfile(home)).resolves.toBeUndefined();
    },
  );

  it('advises no change of a folder with other things in it', async () => {
    await writeFile(join(home, 'thesis.txt'), 'mine');
    await chmod(home, 0o755);
    const refusal = (): Promise<string> =>
      requirePrivateProfile(home).then(
        () => 'none',
        (error: { hint: string }) => error.hint,
      );
    expect(await refusal()).toMatch(/^There are other things in it: set P2P_CHAT_HOME/);
    await writeFile(join(home, 'identity.key'), '', { mode: 0o600 });
    expect(await refusal()).toMatch(/^Make it yours alone: /);
  });

  it.runIf(process.getuid?.() === 0)('says whose it is, where it is not yours', async () => {
    await chmod(home, 0o755);
    await chown(home, 4_711, 4_711);
    await expect(requirePrivateProfile(home)).rejects.toMatchObject({
      hint: expect.stringContaining(
        `belongs to user id 4711, and you are user id 0. Make it yours alone: sudo chown`,
      ) as string,
    });
  });
});
