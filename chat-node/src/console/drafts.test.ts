import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { peerIdOfKey } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { Drafts, DRAFTS_FOLDER } from './drafts.js';

const BOB = peerIdOfKey(testKeys('Bob').publicKey);
const CAROL = peerIdOfKey(testKeys('Carol').publicKey);

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'drafts-'));
});
afterEach(async () => {
  await chmod(home, 0o700);
  await rm(home, { recursive: true, force: true });
});

it('keeps a draft for each person, for the owner alone', async () => {
  const drafts = new Drafts(home);
  for (let n = 1; n <= 20; n += 1) drafts.set(BOB, 'x'.repeat(n));
  drafts.set(CAROL, 'for\nCarol');
  const folder = join(home, DRAFTS_FOLDER);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(join(folder, BOB))).mode & 0o777).toBe(0o600);
  const again = new Drafts(home);
  expect(again.get(BOB)).toBe('x'.repeat(20));
  expect(again.get(CAROL)).toBe('for\nCarol');
});

it('forgets a draft that was sent', async () => {
  const drafts = new Drafts(home);
  drafts.set(BOB, 'text');
  drafts.set(BOB, '');
  expect(await readdir(join(home, DRAFTS_FOLDER)).catch(() => [])).toEqual([]);
  expect(new Drafts(home).get(BOB)).toBe('');
});

it('keeps a draft in memory where the disk takes nothing', async () => {
  await writeFile(join(home, DRAFTS_FOLDER), 'in the way');
  const drafts = new Drafts(home);
  drafts.set(BOB, 'text');
  expect(drafts.get(BOB)).toBe('text');
});
