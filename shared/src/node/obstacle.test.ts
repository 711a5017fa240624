import { chown, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { obstacleAt } from './obstacle.js';

let parent: string;
beforeEach(async () => {
  parent = await realpath(await mkdtemp(join(tmpdir(), 'p2p-chat-obstacle-')));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
const allBut =
  (...closed: string[]) =>
  (path: string): boolean =>
    !closed.includes(path);

describe('an obstacle', () => {
  it('is the folder above in which nothing can be made', async () => {
    const culprit = join(parent, 'p2p-chat');
    await mkdir(culprit);
    expect(obstacleAt(join(culprit, 'Bob'), denied, allBut(culprit)).reason).toContain(`${culprit} `);
    expect(obstacleAt(join(culprit, 'deep/Bob'), denied, allBut(culprit)).reason).toContain(`${culprit} `);
  });

  it('is the folder above that cannot be passed, though it is there below', async () => {
    await mkdir(join(parent, 'a/b'), { recursive: true });
    expect(obstacleAt(join(parent, 'a/b'), denied, allBut(join(parent, 'a'))).reason).toMatch(
      `${join(parent, 'a')} `,
    );
  });

  it('is the file itself', async () => {
    const file = join(parent, 'identity.key');
    await writeFile(file, '');
    expect(obstacleAt(file, denied, allBut(file)).reason).toMatch(/^it /);
  });

  it('is a file in the place of a folder', async () => {
    await writeFile(join(parent, 'file'), '');
    const { reason } = obstacleAt(join(parent, 'file/home'), denied);
    expect(reason).toBe(`${join(parent, 'file')} is a file (EACCES)`);
  });

  it.runIf(process.getuid?.() === 0)(
    "names another owner, and gives it back only in one's own folders",
    async () => {
      const culprit = join(parent, 'p2p-chat');
      await mkdir(culprit);
      await chown(culprit, 4_711, 4_711);
      expect(obstacleAt(join(culprit, 'Bob'), denied, allBut(culprit))).toEqual({
        reason: `${culprit} belongs to user id 4711, and you are user id 0 (EACCES)`,
        hint: 'Choose another folder with P2P_CHAT_HOME.',
      });
      expect(obstacleAt(join(culprit, 'run/lock'), denied, allBut(culprit), culprit).hint).toContain('chown');
      expect(obstacleAt(culprit, denied, allBut(culprit))).toEqual({
        reason: 'it belongs to user id 4711, and you are user id 0 (EACCES)',
        hint: `Make it yours: sudo chown -R 0 '${culprit}'. Or choose another folder with P2P_CHAT_HOME.`,
      });
    },
  );

  it('is a link to a path that is too long for a database', async () => {
    const long = join(parent, 'x'.repeat(200), 'y'.repeat(200), 'z'.repeat(200));
    await mkdir(long, { recursive: true });
    await symlink(long, join(parent, 'short'));
    const cause = Object.assign(new Error('unable to open database file'), { code: 'ERR_SQLITE_ERROR' });
    expect(obstacleAt(join(parent, 'short/run/lock'), cause)).toEqual({
      reason: `${long} is too long for a database (unable to open database file)`,
      hint: 'Choose another folder with P2P_CHAT_HOME.',
    });
  });

  it('is what the operating system says where nothing else is found', () => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    expect(obstacleAt(join(parent, 'Bob'), full).reason).toBe('ENOSPC');
  });
});
