import { lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ResumeFile } from './resume-file.js';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'resume-'))));
afterEach(() => rm(folder, { recursive: true }));

it('keeps the last id, for this user only', async () => {
  const path = join(folder, 'place');
  expect(await new ResumeFile(path).load()).toBeUndefined();
  await new ResumeFile(path).save('epoch-1.9');
  await new ResumeFile(path).save('epoch-1.10');
  expect(await new ResumeFile(path).load()).toBe('epoch-1.10');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it('takes no other file for its own, and leaves it as it is', async () => {
  const path = join(folder, 'diary');
  await writeFile(path, 'Dear diary,\n');
  await expect(new ResumeFile(path).load()).rejects.toMatchObject({ code: 'invalid-input' });
  expect(await readFile(path, 'utf8')).toBe('Dear diary,\n');
  await expect(new ResumeFile('/dev/null').load()).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(new ResumeFile(folder).load()).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(new ResumeFile('').load()).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(new ResumeFile(join(folder, 'no', 'such')).save('x')).rejects.toMatchObject({
    code: 'invalid-input',
  });
});

it.each(['what is there', 'what is not there yet'])(
  'follows a link to %s, and leaves it a link',
  async (target) => {
    const path = join(folder, 'place');
    await mkdir(join(folder, 'elsewhere'));
    const file = join(folder, 'elsewhere', 'real');
    if (target === 'what is there') await writeFile(file, 'epoch-1.8\n');
    await symlink('elsewhere/link', path);
    await symlink('real', join(folder, 'elsewhere', 'link'));
    await new ResumeFile(path).save('epoch-1.9');
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readFile(file, 'utf8')).toBe('epoch-1.9\n');
    expect(await new ResumeFile(path).load()).toBe('epoch-1.9');
  },
);

it('refuses links in a circle', async () => {
  const path = join(folder, 'place');
  await symlink('place', path);
  await expect(new ResumeFile(path).save('x')).rejects.toMatchObject({ code: 'invalid-input' });
});
