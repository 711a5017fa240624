import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FilePageStore, PAGE_FILE } from './page-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function home(name: string, text?: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  if (text !== undefined) await writeFile(join(path, PAGE_FILE), text);
  return path;
}

const BROWSER = { id: 'a', name: 'Firefox', tokenHash: 'h', pairedAt: 1, seenAt: 2 };

it('keeps what was saved, for this user alone', async () => {
  const ann = await home('ann');
  const store = await FilePageStore.open(ann);
  expect(store.record).toEqual({ port: null, browsers: [] });
  await store.save({ port: 7790, browsers: [BROWSER] });
  expect((await FilePageStore.open(ann)).record).toEqual({ port: 7790, browsers: [BROWSER] });
  expect((await stat(join(ann, PAGE_FILE))).mode & 0o777).toBe(0o600);
});

it('takes nothing that was not written here', async () => {
  const ann = await home('ann', JSON.stringify({ port: '7790', browsers: [BROWSER, { id: 1 }, null] }));
  expect((await FilePageStore.open(ann)).record).toEqual({ port: null, browsers: [BROWSER] });
  const ben = await home('ben', '{');
  await expect(FilePageStore.open(ben)).rejects.toMatchObject({ code: 'profile-unreadable' });
});

it('knows the ports of the profiles beside it', async () => {
  const ann = await home('ann', '{"port":7790}');
  await home('ben', '{"port":7791}');
  await home('cleo', 'broken');
  await home('dora');
  expect([...(await (await FilePageStore.open(ann)).portsOfOthers())]).toEqual([7791]);
});
