import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shortPeerId } from '@p2p-chat/shared';
import { FakeNode } from '@p2p-chat/shared/testing';
import { command } from './testing/run-command.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-'));
  // What the script asks for, with names that a shell could take apart.
  const names = ['Bob', 'Bo Peep', '$(touch x)', 'Carol'].map((name) => `'${name}'`).join(' ');
  await writeFile(join(folder, 'p2p-chat'), `#!/bin/sh\nprintf '%s\\n' ${names}\n`);
  await chmod(join(folder, 'p2p-chat'), 0o755);
  await writeFile(join(folder, 'completion.bash'), (await command(['completion', 'bash'])).stdout);
});
afterEach(() => rm(folder, { recursive: true }));

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const script =
    'source completion.bash; COMP_WORDS=(p2p-chat "$@"); COMP_CWORD=$#; _p2p_chat; printf "%s\\n" "${COMPREPLY[@]}"';
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
  const printed = execFileSync('bash', ['-uc', script, 'bash', ...words], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return printed.split('\n').filter((line) => line !== '');
}

describe('completion for bash', () => {
  it('offers commands, also behind flags with a value', () => {
    expect(offered('sen')).toEqual(['send', 'send-file']);
    expect(offered('--user', 'Alice', 'hist')).toEqual(['history']);
    expect(offered('')).toContain('peers');
  });

  it('offers the flags of the command', () => {
    expect(offered('send', '--')).toEqual(expect.arrayContaining(['--lines', '--wait', '--user', '--help']));
    expect(offered('peers', '--al')).toEqual(['--all']);
  });

  it('offers the names of people, as words of the shell', () => {
    expect(offered('send', 'Bo')).toEqual(['Bob', 'Bo\\ Peep']);
    expect(offered('history', '')).toContain('\\$\\(touch\\ x\\)');
    expect(offered('peers', '')).toEqual([]);
    expect(offered('send', 'Bob', '')).toEqual([]);
  });

  it('offers people for --in', () => {
    expect(offered('search', 'lunch', '--in', 'Bo')).toEqual(['Bob', 'Bo\\ Peep']);
    expect(offered('search', 'lunch', '--i')).toEqual(['--in']);
  });

  it('takes the names from the node, and the short id where a name says too little', async () => {
    const node = await FakeNode.start();
    try {
      node.person('Bob');
      const twin = node.person('Carol', { ambiguous: true });
      const { stdout } = await command(['completion', 'names'], { home: node.home });
      expect(stdout.split('\n').sort()).toEqual(['', 'Bob', shortPeerId(twin.peerId)].sort());
    } finally {
      await node.close();
    }
  });
});
