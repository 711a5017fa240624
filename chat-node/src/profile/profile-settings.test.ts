import { lstat, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileProfileStore, SETTINGS_FILE } from './profile-settings.js';

const UNSET = { receipts: null, typing: null };

let home: string;
beforeEach(async () => void (home = await mkdtemp(join(tmpdir(), 'p2p-chat-settings-'))));
afterEach(() => rm(home, { recursive: true, force: true }));

const open = (user = 'Bob'): Promise<FileProfileStore> => FileProfileStore.open(home, user);
const settingsOf = async (user = 'Bob', environment: Parameters<FileProfileStore['settings']>[0] = UNSET) =>
  (await open(user)).settings(environment);

describe('the settings of a profile', () => {
  it('have defaults', async () => {
    expect(await settingsOf()).toEqual({
      user: 'Bob',
      presence: 'online',
      status: '',
      receipts: true,
      typing: true,
    });
  });

  it('outlive a restart, in a file for its owner alone', async () => {
    const set = { user: 'Robert', presence: 'dnd', status: 'away', receipts: false, typing: false } as const;
    await (await open()).save(set);
    expect(await settingsOf()).toEqual(set);
    expect((await stat(join(home, SETTINGS_FILE))).mode & 0o777).toBe(0o600);
  });

  it('stay where a link leads, and are read with a byte order mark', async () => {
    const file = join(home, SETTINGS_FILE);
    await (await open()).save({ ...(await settingsOf()), status: 'here' });
    await rename(file, `${file}.real`);
    await writeFile(`${file}.real`, `\ufeff${await readFile(`${file}.real`, 'utf8')}`);
    await symlink(`${file}.real`, file);
    expect((await settingsOf()).status).toBe('here');
    await (await open()).save({ ...(await settingsOf()), status: 'there' });
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(await readFile(`${file}.real`, 'utf8')).toContain('there');
  });

  it('have the name that was given last: here, or by the environment', async () => {
    const store = await open();
    await store.save({ ...store.settings(UNSET), user: 'Robert' });
    expect((await settingsOf('Bob')).user).toBe('Robert');
    expect((await settingsOf('Bobby')).user).toBe('Bobby');
  });

  it('give way to the environment', async () => {
    const store = await open();
    await store.save({ ...store.settings(UNSET), receipts: false, typing: true });
    expect(await settingsOf('Bob', { receipts: true, typing: false })).toMatchObject({
      receipts: true,
      typing: false,
    });
  });

  it('leave out what was spoilt by hand', async () => {
    const spoilt = {
      user: 'a\u202eb',
      userInsteadOf: 'Bob',
      presence: 'x',
      status: 5,
      receipts: 'no',
      typing: false,
    };
    await writeFile(join(home, SETTINGS_FILE), JSON.stringify(spoilt));
    expect(await settingsOf()).toEqual({
      user: 'Bob',
      presence: 'online',
      status: '',
      receipts: true,
      typing: false,
    });
  });

  it.each(['{', '[]x', '"text"'])(
    'that cannot be read (%s) stop the start and say what to do',
    async (text) => {
      await writeFile(join(home, SETTINGS_FILE), text);
      await expect(open()).rejects.toMatchObject({
        code: 'profile-unreadable',
        hint: expect.stringContaining('remove it') as string,
      });
      expect(await readFile(join(home, SETTINGS_FILE), 'utf8')).toBe(text);
    },
  );

  it('that cannot be stored are refused', async () => {
    const store = await FileProfileStore.open(join(home, 'gone'), 'Bob');
    await expect(store.save(store.settings(UNSET))).rejects.toMatchObject({ code: 'storage-failed' });
  });
});
