import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from './replace-file.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
  path = join(folder, 'file');
});
afterEach(() => rm(folder, { recursive: true }));

describe('replaceFile', () => {
  it('makes a file of the owner alone, and replaces it, with nothing left beside it', async () => {
    await replaceFile(path, 'one');
    await replaceFile(path, 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('uses a draft that an earlier process left, whatever its mode and length', async () => {
    await writeFile(`${path}.new`, 'something long that was not finished', { mode: 0o644 });
    await replaceFile(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('says why it could not, and leaves what is there', async () => {
    await writeFile(path, 'old');
    await expect(replaceFile(path, 'new', '/missing')).rejects.toMatchObject({
      code: 'ENOTDIR',
    });
    expect(await readFile(path, 'utf8')).toBe('old');
  });

  it('replaces what a link leads to, and leaves the link', async () => {
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'linked'));
    await symlink('linked/file', path);
    for (const text of ['one', 'two']) {
      await replaceFile(path, text);
      expect(await readFile(join(folder, 'real', 'file'), 'utf8')).toBe(text);
    }
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
  });
});
