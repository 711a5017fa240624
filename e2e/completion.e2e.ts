/* Completion in the real shells; bash has its test beside the code. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseEnvironment, runCli, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

const world = new World();
let folder: string;
let session: TerminalSession | undefined;

beforeAll(async () => {
  folder = await world.folder('completion');
  // What the scripts ask for, with names that a shell could take apart.
  const names = ['Bob', 'Bo Peep', '$(touch x)'].map((name) => `'${name}'`).join(' ');
  await writeFile(join(folder, 'p2p-chat'), `#!/bin/sh\nprintf '%s\\n' ${names}\n`);
  await chmod(join(folder, 'p2p-chat'), 0o755);
  for (const shell of ['zsh', 'fish'] as const) {
    const { stdout } = await runCli(['completion', shell]);
    await writeFile(join(folder, `completion.${shell}`), stdout);
  }
});
afterAll(async () => {
  await session?.kill();
  await world.close();
});

/** Absent is fine on somebody's machine, not where all is tested. */
function isAbsent(shell: string): boolean {
  return process.env['CI'] !== 'true' && spawnSync(shell, ['--version']).error !== undefined;
}

function environment(): Record<string, string> {
  const env = baseEnvironment();
  return { ...env, PATH: `${folder}:${env['PATH'] ?? ''}`, HOME: folder, LC_ALL: 'C.UTF-8' };
}

describe.skipIf(isAbsent('fish'))('completion for fish', () => {
  function offered(line: string): string[] {
    const script = `source ${folder}/completion.fish; complete -C ${JSON.stringify(line)}`;
    const printed = execFileSync('fish', ['--no-config', '-c', script], {
      env: environment(),
      encoding: 'utf8',
    });
    return printed.split('\n').flatMap((one) => (one === '' ? [] : [one.split('\t')[0] ?? '']));
  }

  it('offers commands, flags, their values and people', () => {
    expect(offered('p2p-chat hist')).toEqual(['history']);
    expect(offered('p2p-chat --user Alice exp')).toEqual(['export']);
    expect(offered('p2p-chat send --wa')).toEqual(['--wait']);
    expect(offered('p2p-chat send Bob --wait ').toSorted()).toEqual(['delivered', 'queued', 'read']);
    expect(offered('p2p-chat peers --al')).toEqual(['--all']);
    expect(offered('p2p-chat send ').toSorted()).toEqual(['$(touch x)', 'Bo Peep', 'Bob'].toSorted());
    expect(offered('p2p-chat search x --in Bob')).toEqual(['Bob']);
    expect(offered('p2p-chat send Bob ')).toEqual([]);
    expect(offered('p2p-chat completion ').toSorted()).toEqual(['bash', 'fish', 'names', 'zsh']);
  });
});

describe.skipIf(isAbsent('zsh'))('completion for zsh', () => {
  it('offers commands, flags and people', async () => {
    session = new TerminalSession(['-f', '-i'], { file: 'zsh', env: environment() });
    session.type("PS1='> '; autoload -U compinit; compinit -u -D; source $HOME/completion.zsh; clear\r");
    const typed = async (line: string, shows: string): Promise<void> => {
      await session?.until(/> $|>$/);
      session?.type(`${line}\t`);
      await session?.until(shows);
      // Ctrl-U takes the line away, Ctrl-L what was listed below it.
      session?.type('\u0015\u000c');
      await session?.until((screen) => screen.trim() === '>');
    };
    await typed('p2p-chat hist', 'p2p-chat history');
    await typed('p2p-chat --user Alice exp', 'p2p-chat --user Alice export');
    await typed('p2p-chat peers --al', 'p2p-chat peers --all');
    await typed('p2p-chat send Bo\\ P', 'p2p-chat send Bo\\ Peep');
    await typed('p2p-chat send \\$', 'p2p-chat send \\$\\(touch\\ x\\)');
    await typed('p2p-chat search x --in Bo\\ ', 'p2p-chat search x --in Bo\\ Peep');
  });
});
