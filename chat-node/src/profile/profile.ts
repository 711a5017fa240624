import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import {
  type Environment,
  errorMessage,
  isQuoted,
  MAX_HOME_BYTES,
  P2pChatError,
  parseUserName,
  safeLine,
  Settings,
  shownValue,
} from '@p2p-chat/shared';

export type { Environment } from '@p2p-chat/shared';

/** Whose node it is and where its data lies. */
export interface Profile {
  /** The display name. */
  user: string;
  /** Absolute path of the data directory: key, database, `run/`. */
  home: string;
}

/** What the operating system knows of the process. */
export interface Machine {
  /** @throws where the user id has no entry, as in some containers */
  account(): { username: string; homedir: string };
  /** @throws where the folder was deleted */
  workingFolder(): string;
}

const THIS_MACHINE: Machine = { account: userInfo, workingFolder: () => process.cwd() };

// A file name has at most 255 bytes; this leaves room for what is put behind it.
const MAX_FOLDER_BYTES = 200;

const HOME_TAKES = `the path of a folder, at most ${MAX_HOME_BYTES} bytes in full`;

/**
 * Finds the profile: `P2P_CHAT_USER` (default: the login name) and
 * `P2P_CHAT_HOME` (default: `$XDG_DATA_HOME/p2p-chat/<user>`).
 * @throws {P2pChatError} `invalid-setting`, naming the variable, what it got and what it takes
 */
export function resolveProfile(env: Environment, machine: Machine = THIS_MACHINE): Profile {
  const settings = new Settings(env);
  const user = resolveUser(settings, machine);
  return { user, home: givenHome(settings, machine) ?? defaultHome(settings, user, machine) };
}

function givenHome(settings: Settings, machine: Machine): string | null {
  const given = settings.text('P2P_CHAT_HOME');
  if (given === undefined) return null;
  const refuse = (because?: string): never =>
    settings.refuse('P2P_CHAT_HOME', { takes: HOME_TAKES, because });
  // A folder of such a name would be a new person in each working directory.
  if (isQuoted(given)) return refuse();
  if (/^~|\$[{(A-Za-z_]|^%[A-Za-z]/u.test(given)) return refuse('which only a shell makes a path');
  if (/^[a-z]+:\/\//iu.test(given)) return refuse('which is a URL');
  if (safeLine(given) !== given) return refuse('which has characters that nobody sees');
  let home: string;
  try {
    home = isAbsolute(given) ? resolve(given) : resolve(machine.workingFolder(), given);
  } catch {
    return refuse('which starts from a working directory that was deleted');
  }
  return Buffer.byteLength(home) > MAX_HOME_BYTES ? refuse('which is too long for a database') : home;
}

function defaultHome(settings: Settings, user: string, machine: Machine): string {
  // The specification of XDG_DATA_HOME: a path that is not absolute is to be ignored.
  const data = absolute(settings.text('XDG_DATA_HOME')) ?? join(userHome(settings, machine), '.local/share');
  const home = join(data, 'p2p-chat', folderName(user));
  if (Buffer.byteLength(home) <= MAX_HOME_BYTES) return home;
  throw new P2pChatError('invalid-setting', `The folder ${shownValue(home)} is too long for a database.`, {
    hint: `Set P2P_CHAT_HOME, or use --home, with ${HOME_TAKES}.`,
  });
}

function userHome(settings: Settings, { account }: Machine): string {
  const home = absolute(settings.text('HOME')) ?? absolute(attempt(() => account().homedir));
  if (home !== undefined) return home;
  throw new P2pChatError(
    'invalid-setting',
    `There is no home folder: HOME is not set, and user id ${process.getuid?.()} has none.`,
    { hint: 'Set P2P_CHAT_HOME, or use --home, with the folder for the data.' },
  );
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

/**
 * A folder name for a user name: letters, digits, space, `-`, `_` and inner
 * dots stay; everything else becomes %XX, so that two names never share a
 * folder and none leaves its parent.
 */
export function folderName(user: string): string {
  const encoded = user
    .replace(/^\.|[^\p{L}\p{M}\p{N} ._-]/gu, percentEncode)
    .replace(/[ .]$/u, percentEncode);
  if (Buffer.byteLength(encoded) <= MAX_FOLDER_BYTES) return encoded;
  return `%${createHash('sha256').update(user).digest('hex')}`;
}

function percentEncode(character: string): string {
  return [...Buffer.from(character)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

function resolveUser(settings: Settings, { account }: Machine): string {
  const given = settings.text('P2P_CHAT_USER');
  const name =
    given ?? attempt(() => account().username) ?? settings.text('LOGNAME') ?? settings.text('USER');
  const hint = 'Set P2P_CHAT_USER, or use --user, with the name that others shall see.';
  if (name === undefined) {
    throw new P2pChatError(
      'invalid-setting',
      `P2P_CHAT_USER is not set, and user id ${process.getuid?.()} has no login name.`,
      { hint },
    );
  }
  try {
    if (given !== undefined && isQuoted(given[0]!) && isQuoted(given.at(-1)!))
      throw new P2pChatError('invalid-user-name', 'The quotes around it would be part of the name.');
    return parseUserName(name);
  } catch (error) {
    throw new P2pChatError(
      'invalid-setting',
      `P2P_CHAT_USER is ${shownValue(name)}. ${errorMessage(error)}`,
      { hint, cause: error },
    );
  }
}

/** What the operating system says; undefined where it says nothing. */
function attempt(ask: () => string): string | undefined {
  try {
    return ask() || undefined;
  } catch {
    return undefined;
  }
}
