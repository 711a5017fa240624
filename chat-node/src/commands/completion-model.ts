import type { Command } from 'commander';

/** What a script of completion says of one command. */
export interface CompletedCommand {
  name: string;
  description: string;
  flags: CompletedFlag[];
  /** What its first argument can be, where that is fixed. */
  choices: readonly string[];
  /** Whether its first argument is a person, or a conversation, which the person names. */
  takesPeer: boolean;
}

export interface CompletedFlag {
  /** As it is typed: `--json`. */
  name: string;
  description: string;
  /** What its value can be, where that is fixed; null where it takes none. */
  values: readonly string[] | null;
}

/** The command line as completion knows it. */
export interface CompletionModel {
  commands: CompletedCommand[];
  /** Flags before and behind every command. */
  global: CompletedFlag[];
}

/** The flag whose value is a conversation. */
export const CONVERSATION_FLAG = '--in';

const PERSONS: readonly (string | undefined)[] = ['peer', 'conversation'];

const HELP: CompletedFlag = { name: '--help', description: 'how it is used', values: null };
const VERSION: CompletedFlag = { name: '--version', description: 'which version this is', values: null };

/** Reads it off the program itself. */
export function completionModel(program: Command): CompletionModel {
  const global = flagsOf(program).filter(({ name }) => name !== VERSION.name);
  return {
    commands: program.commands.map((command) => {
      const [first] = command.registeredArguments;
      return {
        name: command.name(),
        description: command.description(),
        flags: [...flagsOf(command), HELP],
        choices: first?.argChoices ?? [],
        takesPeer: PERSONS.includes(first?.name()),
      };
    }),
    global: [...global, VERSION, HELP],
  };
}

/** Names of flags that take a value. */
export function withValue(flags: readonly CompletedFlag[]): string[] {
  return flags.filter(({ values }) => values !== null).map(({ name }) => name);
}

function flagsOf(command: Command): CompletedFlag[] {
  return command.options.flatMap((option) =>
    option.hidden
      ? []
      : [
          {
            name: option.long ?? option.flags,
            description: option.description,
            values: option.required || option.optional ? (option.argChoices ?? []) : null,
          },
        ],
  );
}
