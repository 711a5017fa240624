import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Settings } from '@p2p-chat/shared';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMessageCommand } from './message-command.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'p2p-chat-command-'));
  const script = (name: string, text: string, mode = 0o700): void => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  script('my hook', '#!/bin/sh\n');
  script('notify', 'no first line\n');
  script('data', 'text', 0o600);
  script('from windows', '#!/bin/sh\r\n');
  script('by nobody', '#! /opt/gone -x\n');
  mkdirSync(join(folder, 'folder'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (value: string): string[] =>
  readMessageCommand(new Settings({ P2P_CHAT_ON_MESSAGE: value }), `/nowhere:${folder}`);

describe('the command for messages', () => {
  it('is none where nothing is set', () => {
    expect(read(' \r')).toEqual([]);
  });

  it('is a path, spaces and all', () => {
    expect(read(`${join(folder, 'my hook')}\r`)).toEqual([join(folder, 'my hook')]);
  });

  it('is found from where the node was started', () => {
    const fromHere = relative(process.cwd(), join(folder, 'my hook'));
    expect(read(JSON.stringify([fromHere, 'x']))).toEqual([join(folder, 'my hook'), 'x']);
  });

  it('is a program in PATH, with arguments', () => {
    expect(read('notify')).toEqual(['notify']);
    expect(read('["notify", "-u", "low"]')).toEqual(['notify', '-u', 'low']);
  });

  it.each([
    ['FOLDER/none', 'which does not exist'],
    ['FOLDER/data/x', 'which does not exist'],
    ['~/hook', 'which only a shell makes a path'],
    ['$HOME/hook', 'which only a shell makes a path'],
    ['FOLDER/folder', 'which is not a file'],
    ['FOLDER/data', 'which may not be run (chmod +x makes it a program)'],
    ['none -u', 'and no folder in PATH has a program of that name'],
    ['data', 'and no folder in PATH has a program of that name'],
    ['FOLDER/from windows', 'which is run by "/bin/sh\\r", which does not exist'],
    ['["FOLDER/by nobody"]', 'which is run by "/opt/gone", which does not exist'],
  ])('is refused where it is %s, %s', (value, because) => {
    const given = value.replace('FOLDER', folder);
    expect(() => read(given)).toThrow(
      `P2P_CHAT_ON_MESSAGE is ${JSON.stringify(given)}, ${because}; it takes a path, or a list`,
    );
  });

  it.each(['[]', '[""]', '["notify", 5]', '[notify]', '"notify"'])('is refused where it is %s', (value) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code: 'invalid-setting' }));
  });
});
