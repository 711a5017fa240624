import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Command } from 'commander';
import { createProgram } from './program.js';

let text: string;
let program: Command;
beforeAll(async () => {
  text = await readFile(new URL('../../../docs/commands.md', import.meta.url), 'utf8');
  program = createProgram(undefined as never, () => undefined);
});

describe('docs/commands.md', () => {
  it('names for every action of the console a command that is there, with --json and its flags', () => {
    const rows = text.split('\n').filter((line) => /^\| .* \| +`p2p-chat /.test(line));
    expect(rows.length).toBeGreaterThan(10);
    for (const [, used = ''] of rows.flatMap((row) => [...row.matchAll(/`p2p-chat ([^`]+)`/g)])) {
      const [name, ...words] = used.split(' ');
      const command = program.commands.find((one) => one.name() === name);
      const flags = command?.options.map(({ long }) => long);
      expect(flags, used).toContain('--json');
      for (const flag of words.filter((word) => word.startsWith('--'))) expect(flags, used).toContain(flag);
    }
  });

  it('has a word about every command', () => {
    for (const command of program.commands)
      expect(text).toMatch(new RegExp(`\`(p2p-chat )?${command.name()}\\b`));
  });

  it('has every screen of the menu', async () => {
    const home = await readFile(new URL('../console/screens/home.ts', import.meta.url), 'utf8');
    const labels = [...home.matchAll(/'((?:[A-Z][a-z]+)(?: [A-Z][a-z]+)+|Profile|Logout)'/g)];
    expect(labels.length).toBeGreaterThan(5);
    for (const [, label = ''] of labels) expect(text).toContain(label);
  });
});

describe('the settings of the README', () => {
  const file = (name: string): Promise<string> =>
    readFile(new URL(`../../../${name}`, import.meta.url), 'utf8');

  it('are all in .env.example, and those that mean something in a container in the Compose file', async () => {
    const [readme, example, compose] = await Promise.all(
      ['README.md', '.env.example', 'docker-compose.yml'].map(file),
    );
    const rows = readme!.split('\n').filter((line) => /^\| `[A-Z\d_]+`/.test(line));
    const names = rows.flatMap((row) =>
      [...row.split('|')[1]!.matchAll(/`([A-Z\d_]+)`/g)].map(([, name]) => name!),
    );
    expect(names.length).toBeGreaterThan(25);
    const lines = example!.split('\n');
    // What is said once before several settings is said of each.
    const withoutDocker = (name: string): boolean => {
      const at = lines.findIndex((line) => line.startsWith(`#${name}=`));
      const comment = lines.slice(0, at).findLastIndex((line) => line.startsWith('# '));
      return lines[comment]!.includes('Without Docker only');
    };
    for (const name of names) {
      expect(example, name).toContain(`#${name}=`);
      if (!withoutDocker(name)) expect(compose, name).toMatch(new RegExp(`^ {6}${name}:`, 'm'));
    }
  });
});
