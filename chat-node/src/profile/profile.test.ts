import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MAX_HOME_BYTES, shownValue } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { type Environment, folderName, type Machine, resolveProfile } from './profile.js';

describe('the profile', () => {
  it('is that of the login name by default, in the XDG data directory', () => {
    const { username } = userInfo();
    expect(resolveProfile({ HOME: '/home/x' })).toEqual({
      user: username,
      home: `/home/x/.local/share/p2p-chat/${username}`,
    });
    expect(resolveProfile({ XDG_DATA_HOME: '/data' }).home).toBe(`/data/p2p-chat/${username}`);
  });

  it('ignores an XDG_DATA_HOME that is not absolute', () => {
    expect(resolveProfile({ HOME: '/home/x', XDG_DATA_HOME: 'data', P2P_CHAT_USER: 'Bob' }).home).toBe(
      '/home/x/.local/share/p2p-chat/Bob',
    );
  });

  it('takes the name and the folder that are set', () => {
    expect(resolveProfile({ P2P_CHAT_USER: ' Bob ', P2P_CHAT_HOME: '/tmp/x/../y' })).toEqual({
      user: 'Bob',
      home: '/tmp/y',
    });
  });

  it.each(['a\nb', '"Bob"', '“Bob”', 'x'.repeat(65), '\u202eBob'])(
    'refuses the name %j, naming the variable',
    (name) => {
      expect(() => resolveProfile({ P2P_CHAT_USER: name })).toThrow(
        expect.objectContaining({
          code: 'invalid-setting',
          message: expect.stringMatching(/^P2P_CHAT_USER is /) as string,
        }),
      );
    },
  );
});

describe("the profile's folder", () => {
  const machine: Machine = {
    account: () => ({ username: 'bob', homedir: '/home/bob' }),
    workingFolder: () => '/work',
  };
  const nobody: Machine = {
    account: () => {
      throw new Error('ENOENT: no such user');
    },
    workingFolder: () => {
      throw new Error('ENOENT: no such file or directory, uv_cwd');
    },
  };
  const homeOf = (env: Environment, on = machine): string => resolveProfile(env, on).home;

  it.each([
    [{}, '/home/bob/.local/share/p2p-chat/bob'],
    [{ HOME: '' }, '/home/bob/.local/share/p2p-chat/bob'],
    [{ HOME: 'here' }, '/home/bob/.local/share/p2p-chat/bob'],
    [
      { HOME: '/home/x\r', P2P_CHAT_HOME: '\r', XDG_DATA_HOME: '~/data' },
      '/home/x/.local/share/p2p-chat/bob',
    ],
    [{ P2P_CHAT_HOME: '/data/chat\r' }, '/data/chat'],
    [{ P2P_CHAT_HOME: 'chat' }, '/work/chat'],
    [{ P2P_CHAT_HOME: '/data/a b, ü' }, '/data/a b, ü'],
  ])('is for %j %s', (env, home) => {
    expect(homeOf(env)).toBe(home);
  });

  it.each([
    ['~/chat', 'which only a shell makes a path'],
    ['~bob/chat', 'which only a shell makes a path'],
    ['$HOME/x', 'which only a shell makes a path'],
    ['/home/${USER}/x', 'which only a shell makes a path'],
    ['%h/chat', 'which only a shell makes a path'],
    ['"/data/chat"', 'and the quotes are part of it'],
    ["'/data/chat", 'and the quotes are part of it'],
    ['file:///data/chat', 'which is a URL'],
    ['/data/ch\u200bat', 'which has characters that nobody sees'],
    ['/data\nchat', 'which has characters that nobody sees'],
    [`/${'x'.repeat(200)}/${'y'.repeat(200)}/${'z'.repeat(200)}`, 'which is too long for a database'],
  ])('is refused where P2P_CHAT_HOME is %j', (given, because) => {
    expect(() => homeOf({ P2P_CHAT_HOME: given })).toThrow(
      expect.objectContaining({
        code: 'invalid-setting',
        message: `P2P_CHAT_HOME is ${shownValue(given)}, ${because}; it takes the path of a folder, at most 488 bytes in full.`,
      }),
    );
  });

  it('may be as long as a database may have it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'p2p-chat-long-'));
    const home = join(
      parent,
      'x'.repeat(200),
      'y'.repeat(200),
      'z'.repeat(MAX_HOME_BYTES - parent.length - 403),
    );
    expect(homeOf({ P2P_CHAT_HOME: home })).toHaveLength(MAX_HOME_BYTES);
    await mkdir(home, { recursive: true });
    const database = new DatabaseSync(join(home, 'messages.sqlite'));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE one (two)');
    database.close();
    expect(() => homeOf({ P2P_CHAT_HOME: `${home}z` })).toThrow('too long for a database');
    expect(() => homeOf({ XDG_DATA_HOME: home })).toThrow('too long for a database');
    await rm(parent, { recursive: true });
  });

  it('is not where the working directory was', () => {
    expect(() => homeOf({ P2P_CHAT_USER: 'Bob', P2P_CHAT_HOME: 'chat' }, nobody)).toThrow(
      'P2P_CHAT_HOME is "chat", which starts from a working directory that was deleted; it takes ',
    );
    expect(homeOf({ P2P_CHAT_USER: 'Bob', P2P_CHAT_HOME: '/chat' }, nobody)).toBe('/chat');
  });

  it('is asked for where the user id has no home, and so is the name', () => {
    expect(() => homeOf({ P2P_CHAT_USER: 'Bob', HOME: '' }, nobody)).toThrow(
      /^There is no home folder: HOME/,
    );
    expect(homeOf({ LOGNAME: '', USER: 'x', HOME: '/home' }, nobody)).toBe('/home/.local/share/p2p-chat/x');
    expect(() => homeOf({ HOME: '/home' }, nobody)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^P2P_CHAT_USER is not set, and user id \d+ has no login name\.$/,
        ) as string,
        hint: expect.stringContaining('--user') as string,
      }),
    );
  });
});

describe('a folder name', () => {
  it.each([
    ['Bob', 'Bob'],
    ['Zoë Müller-Lüdenscheid', 'Zoë Müller-Lüdenscheid'],
    ['../../etc', '%2E.%2F..%2Fetc'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['a/b', 'a%2Fb'],
    ['a%2Fb', 'a%252Fb'],
    ['a\\b:c', 'a%5Cb%3Ac'],
    ['a.', 'a%2E'],
    ['🦊', '%F0%9F%A6%8A'],
  ])('of %j is %j', (user, folder) => {
    expect(folderName(user)).toBe(folder);
  });

  it('of a name that would be too long is a hash, another one for each', () => {
    const names = ['🦊'.repeat(64), '🦊'.repeat(63) + '🐻'].map(folderName);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThan(200);
  });
});
