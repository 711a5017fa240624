import { createHash } from 'node:crypto';
import { homedir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { errorMessage, P2pChatError, parseUserName } from '@p2p-chat/shared';

/** Whose node it is and where its data lies. */
export interface Profile {
  /** The display name. */
  user: string;
  /** Absolute path of the data directory: key, database, `run/`. */
  home: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

// A file name has at most 255 bytes; this leaves room for what is put behind it.
const MAX_FOLDER_BYTES = 200;

/**
 * Finds the profile: `P2P_CHAT_USER` (default: the login name) and
 * `P2P_CHAT_HOME` (default: `$XDG_DATA_HOME/p2p-chat/<user>`).
 * @throws {P2pChatError} `invalid-setting`, naming the variable, what it got and what it takes
 */
export function resolveProfile(env: Environment): Profile {
  const user = resolveUser(env);
  const home = env.P2P_CHAT_HOME;
  if (home !== undefined && home !== '') return { user, home: resolve(home) };
  // The specification of XDG_DATA_HOME: a path that is not absolute is to be ignored.
  const xdg = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : undefined;
  const data = xdg ?? join(env.HOME || homedir(), '.local', 'share');
  return { user, home: join(data, 'p2p-chat', folderName(user)) };
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

function resolveUser(env: Environment): string {
  const given = env.P2P_CHAT_USER;
  const name = given === undefined || given === '' ? loginName(env) : given;
  try {
    return parseUserName(name);
  } catch (error) {
    throw new P2pChatError(
      'invalid-setting',
      `P2P_CHAT_USER is ${JSON.stringify(name)}. ${errorMessage(error)}`,
      {
        hint: 'Set P2P_CHAT_USER, or use --user, with the name that others shall see.',
        cause: error,
      },
    );
  }
}

function loginName(env: Environment): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a user id that has no entry in /etc/passwd.
    return env.LOGNAME || env.USER || '';
  }
}
