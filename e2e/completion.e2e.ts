/* Completion in the real shells. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseEnvironment, runCli, World } from './support/processes.ts';
import { TerminalSession } from './support/terminal.ts';

/** Names that bash takes apart at each of its own characters. */
const HARD_NAMES = ['Ann: work', 'dan@home', 'e:f:g h'];

const world = new World();
let folder: string;
let session: TerminalSession | undefined;

beforeAll(async () => {
  folder = await world.folder('completion');
  // What the scripts ask for, with names that a shell could take apart.
  const names = ['Bob', 'Bo Peep', '$(touch x)', ...HARD_NAMES].map((name) => `'${name}'`).join(' ');
  await writeFile(join(folder, 'p2p-chat'), `#!/bin/sh\nprintf '%s\\n' ${names}\n`);
  await chmod(join(folder, 'p2p-chat'), 0o755);
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
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
    expect(offered('p2p-chat send ').toSorted()).toEqual(
      ['$(touch x)', 'Bo Peep', 'Bob', ...HARD_NAMES].toSorted(),
    );
    expect(offered('p2p-chat search x --in Bob')).toEqual(['Bob']);
    expect(offered('p2p-chat send Bob ')).toEqual([]);
    expect(offered('p2p-chat completion ').toSorted()).toEqual(['bash', 'fish', 'names', 'zsh']);
  });
});

describe('completion for bash', () => {
  it('completes people with colons and spaces, however they are quoted', async () => {
    session = new TerminalSession(['--norc', '-i'], { file: '/bin/bash', env: environment() });
    session.type("PS1='> '; bind 'set enable-bracketed-paste off'; source $HOME/completion.bash; clear\r");
    const cases = [
      ['send Ann:', 'send Ann:\\ work '],
      ['send Ann:\\ w', 'send Ann:\\ work '],
      ['send Ann\\:', 'send Ann:\\ work '],
      ['send An', 'send Ann:\\ work '],
      ['send "Ann: w', 'send "Ann: work" '],
      ["send 'Ann", "send 'Ann: work' "],
      ['send Bo\\ P', 'send Bo\\ Peep '],
      ['send "Bo P', 'send "Bo Peep" '],
      ['send dan@h', 'send dan@home '],
      ['send e:f:', 'send e:f:g\\ h '],
      ['--user Ann:\\ work search x --in Ann:', '--user Ann:\\ work search x --in Ann:\\ work '],
      ['send Ann:\\ work --wa', 'send Ann:\\ work --wait '],
    ];
    for (const [typed, written] of cases) {
      await session.until(/^>$/m);
      session.type(`p2p-chat ${typed}\t`);
      await session.until(`> p2p-chat ${written?.trimEnd()}`);
      // Behind it as well: there is nothing else in the line.
      session.type('|');
      await session.until(`> p2p-chat ${written}|`);
      session.type('\u0015\u000c');
      await session.until((screen) => screen.trim() === '>');
    }
    await session.kill();
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
