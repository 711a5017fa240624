import type { Command, Option } from 'commander';

const END_OF_FLAGS = '--';

/**
 * The arguments with what follows the person of `send` marked as text: a
 * message may begin with a dash, and may read `--help`. Flags that `send` has
 * stay flags, in front of the text and behind it.
 * @param argv the arguments, without the program
 * @returns the same where it is another command, or is used wrongly
 */
export function withTextMarked(argv: readonly string[], program: Command): readonly string[] {
  const send = program.commands.find((command) => command.name() === 'send');
  const flags = [...program.options, ...(send?.options ?? [])].filter(({ long }) => long !== '--version');
  const command = operandFrom(argv, 0, flags);
  const person =
    command === null || argv[command] !== send?.name() ? null : operandFrom(argv, command + 1, flags);
  if (person === null) return argv;
  const [before, text]: [string[], string[]] = [argv.slice(0, person + 1), []];
  for (let at = person + 1; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    const flag = flagOf(word, flags);
    if (word === END_OF_FLAGS) {
      text.push(...argv.slice(at + 1));
      break;
    }
    if (flag === null) text.push(word);
    else {
      const width = widthOf(word, flag);
      // Its value is missing.
      if (at + width > argv.length) return argv;
      before.push(...argv.slice(at, at + width));
      at += width - 1;
    }
  }
  return text.length === 0 ? argv : [...before, END_OF_FLAGS, ...text];
}

/** Where the first word is that is no flag and no flag's value; null where an unknown flag is before it. */
function operandFrom(argv: readonly string[], start: number, flags: readonly Option[]): number | null {
  let at = start;
  while (at < argv.length) {
    const word = argv[at] ?? '';
    const flag = flagOf(word, flags);
    if (flag === null) return word.startsWith('-') && word !== '-' ? null : at;
    at += widthOf(word, flag);
  }
  return null;
}

function flagOf(word: string, flags: readonly Option[]): Option | null {
  const [name, ...value] = word.split('=');
  return flags.find(({ long, required }) => long === name && (required || value.length === 0)) ?? null;
}

/** How many words a flag is, with its value. */
function widthOf(word: string, { required }: Option): number {
  return required && !word.includes('=') ? 2 : 1;
}
