import { userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { folderName, resolveProfile } from './profile.js';

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

  it.each([' ', 'a\nb', 'x'.repeat(65), '\u202eBob'])('refuses the name %j, naming the variable', (name) => {
    expect(() => resolveProfile({ P2P_CHAT_USER: name })).toThrow(
      expect.objectContaining({
        code: 'invalid-setting',
        message: expect.stringMatching(/^P2P_CHAT_USER is /) as string,
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
