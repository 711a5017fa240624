import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
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
  await expect(new ResumeFile(folder).load()).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(new ResumeFile(join(folder, 'no', 'such')).save('x')).rejects.toMatchObject({
    code: 'invalid-input',
  });
});
