import { P2pChatError } from '../errors.js';

/** The environment that settings are read from. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a message says about a value that is refused. */
export interface Refusal {
  /** What the variable takes instead. */
  takes: string;
  /** What is wrong with the value, where that needs words. */
  because?: string | undefined;
  /** The value as it may be shown, where it holds a secret. */
  shown?: string;
}

/** A setting is wrong. The message names the variable, what it got and what it takes. */
export class SettingError extends P2pChatError {
  constructor(
    readonly variable: string,
    got: string,
    { takes, because, shown }: Refusal,
  ) {
    const remark = because ?? (isQuoted(got) ? 'and the quotes are part of it' : undefined);
    super(
      'invalid-setting',
      `${variable} is ${shownValue(shown ?? got)}${remark === undefined ? '' : `, ${remark}`}; it takes ${takes}.`,
      {
        hint: isQuoted(got)
          ? `Leave the quotes out: only a shell takes them away from ${variable}.`
          : `Correct ${variable} or unset it.`,
      },
    );
  }
}

/**
 * Reads settings from the environment, the same way in every program: the
 * ends are trimmed (an env file written on Windows leaves a CR), an empty
 * value is as good as none, and the case of words does not count.
 */
export class Settings {
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  /** The value without spaces around it; undefined where it is not set or empty. */
  text(variable: string): string | undefined {
    return this.#env[variable]?.trim() || undefined;
  }

  /** The parts of a list with commas between them; undefined where it is not set, and [] where it is empty. */
  list(variable: string): string[] | undefined {
    return this.#env[variable]
      ?.split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  }

  /** @throws {SettingError} where the value is none of the words */
  word<Word extends string>(variable: string, words: readonly Word[]): Word | undefined {
    const text = this.text(variable);
    if (text === undefined) return undefined;
    const found = words.find((word) => word === text.toLowerCase());
    return found ?? this.refuse(variable, { takes: alternatives(words) });
  }

  /** @throws {SettingError} where the value is neither on nor off */
  switch(variable: string): boolean | undefined {
    const word = this.word(variable, ['on', 'off']);
    return word === undefined ? undefined : word === 'on';
  }

  /**
   * A whole number, in decimal digits.
   * @throws {SettingError} where it is none, or out of bounds
   */
  integer(
    variable: string,
    { min, max, takes }: { min: number; max: number; takes: string },
  ): number | undefined {
    const text = this.text(variable);
    if (text === undefined) return undefined;
    const value = Number(text);
    return /^\d{1,15}$/.test(text) && value >= min && value <= max ? value : this.refuse(variable, { takes });
  }

  /** A port; 0 stands for any free one. */
  port(variable: string): number | undefined {
    return this.integer(variable, {
      min: 0,
      max: 65_535,
      takes: 'a port, 1 to 65535, or 0 for any free one',
    });
  }

  /** @throws {SettingError} always */
  refuse(variable: string, refusal: Refusal): never {
    throw new SettingError(variable, this.text(variable) ?? '', refusal);
  }
}

/** Whether quotes stand around a text, or at one of its ends. */
export function isQuoted(text: string): boolean {
  return /^["'`‘’“”„«»]|["'`‘’“”„«»]$/u.test(text);
}

/** A value in quotes, as a message shows it: what nobody can see of it is written as an escape. */
export function shownValue(text: string): string {
  return JSON.stringify(text).replace(/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu, (character) =>
    character === ' ' ? character : escaped(character),
  );
}

function escaped(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
}

function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
