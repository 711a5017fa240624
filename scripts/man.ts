/*
 * `make man`: writes docs/p2p-chat.1 from the program itself, the same source
 * as its --help. With --check it only says whether the page is up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Help } from 'commander';
import { VERSION } from '@p2p-chat/shared';
import { createProgram, EXIT_STATUSES } from '../chat-node/dist/commands/program.js';
import { ROOT } from './local-discovery.ts';

const PAGE = join(ROOT, 'docs/p2p-chat.1');

/** Text as roff shows it: no line begins with a command, and a hyphen is one. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replace(/^\./gm, '\\&.');
}

const help = new Help();

function options(command: Command): string[] {
  return help
    .visibleOptions(command)
    .flatMap((option) => [
      '.TP',
      `.B ${escaped(option.flags)}`,
      escaped(sentence(help.optionDescription(option))),
    ]);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function section(command: Command): string[] {
  const operands = command.registeredArguments.map((one) => {
    const name = one.variadic ? `${one.name()}...` : one.name();
    return one.required ? `<${name}>` : `[${name}]`;
  });
  return [
    `.SS ${escaped([command.name(), ...operands].join(' '))}`,
    escaped(sentence(command.description())),
    ...command.registeredArguments.flatMap((one) => [
      '.TP',
      `.I ${escaped(one.name())}`,
      escaped(sentence(help.argumentDescription(one))),
    ]),
    ...options(command),
  ];
}

function page(): string {
  const unused = undefined as never;
  const program = createProgram(unused, () => undefined);
  return [
    `.\\" Made by "make man" from the program itself.`,
    `.TH P2P\\-CHAT 1 "" "p2p\\-chat ${VERSION}" "User Commands"`,
    '.SH NAME',
    `p2p\\-chat \\- ${escaped(program.description().replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B p2p\\-chat',
    '.RI [ options ] " command " [ arguments ]',
    '.SH OPTIONS',
    'Before or behind every command.',
    ...options(program),
    '.SH COMMANDS',
    ...program.commands.flatMap(section),
    '.SH EXIT STATUS',
    ...EXIT_STATUSES.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, escaped(sentence(meaning))]),
    '.SH ENVIRONMENT',
    escaped('The settings of a node are in the README; each one is a variable of the environment.'),
    '',
  ].join('\n');
}

const made = page();
if (process.argv.includes('--check')) {
  let found = '';
  try {
    found = readFileSync(PAGE, 'utf8');
  } catch {
    // As good as an old one.
  }
  if (found !== made) {
    console.error('docs/p2p-chat.1 is not what the program says; "make man" writes it anew.');
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, made);
  console.log('docs/p2p-chat.1');
}
