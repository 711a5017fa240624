import { accessSync, constants, realpathSync, type Stats, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, isAbsolute, sep } from 'node:path';
import { errorCode, errorMessage } from '../errors.js';

/** SQLite opens no file whose path is longer than 504 bytes, and `/messages.sqlite` comes behind the folder of a profile. */
export const MAX_HOME_BYTES = 488;

/** What keeps this user from a path, in words, and what helps. */
export interface Obstacle {
  reason: string;
  hint: string;
}

/** Whether this user may use what is there: pass it, or write to it. */
export type CanUse = (path: string, mode: number) => boolean;

const OTHER_FOLDER = 'Choose another folder with P2P_CHAT_HOME, or make this one writable.';

/**
 * Says why a path below a profile's folder cannot be read or written: the
 * file, the folder or, for example after a run with sudo, one above that.
 * @param path what was to be used; it need not be there
 * @param home the folder of the profile, which is this user's to have
 * @param cause what the operating system, or SQLite, said
 */
export function obstacleAt(path: string, cause: unknown, canUse: CanUse = allows, home = path): Obstacle {
  const code = errorCode(cause);
  const saying = code?.startsWith('ERR_') === false ? code : errorMessage(cause);
  const culprit = findCulprit(path, canUse);
  const length = realPathFault(path);
  if (culprit === null)
    return length === null
      ? { reason: saying, hint: OTHER_FOLDER }
      : { reason: `${length} (${saying})`, hint: 'Choose another folder with P2P_CHAT_HOME.' };
  const what = culprit.path === path ? 'it' : culprit.path;
  const { owner, isFolder } = culprit;
  if (!isFolder && culprit.path !== path)
    return { reason: `${what} is a file (${saying})`, hint: 'Choose another folder with P2P_CHAT_HOME.' };
  const own = process.getuid?.() ?? owner;
  if (owner === own) {
    const mode = isFolder ? 'u+rwx' : 'u+rw';
    return {
      reason: `${what} may not be used by its owner, who is you (${saying})`,
      hint: `If its disk takes writes: chmod ${mode} '${culprit.path}'. Or choose another folder with P2P_CHAT_HOME.`,
    };
  }
  return {
    reason: `${what} belongs to ${owner === 0 ? 'root' : `user id ${owner}`}, and you are user id ${own} (${saying})`,
    // A folder like / or /home has its owner for a reason.
    hint:
      culprit.path === path || culprit.path === home || isOwnGround(culprit.path)
        ? `Make it yours: sudo chown -R ${own} '${culprit.path}'. Or choose another folder with P2P_CHAT_HOME.`
        : 'Choose another folder with P2P_CHAT_HOME.',
  };
}

interface Culprit {
  path: string;
  owner: number;
  isFolder: boolean;
}

function findCulprit(path: string, canUse: CanUse): Culprit | null {
  const { R_OK, W_OK, X_OK } = constants;
  const way = wayTo(path);
  for (const [index, step] of way.entries()) {
    const stats = statsOf(step);
    if (stats === null) return null;
    const isFolder = stats.isDirectory();
    const next = way[index + 1];
    // A folder that lacks the next one is where that is made.
    const isLast = next === undefined || statsOf(next) === null;
    const mode = isFolder ? (isLast ? W_OK | X_OK : X_OK) : R_OK | W_OK;
    const isUsable = (isFolder || next === undefined) && canUse(step, mode);
    if (!isUsable) return { path: step, owner: stats.uid, isFolder };
  }
  return null;
}

/** A path and all folders above it, from the root. */
function wayTo(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...wayTo(above), path];
}

function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function isOwnGround(path: string): boolean {
  return [process.env.HOME, accountHome()].some(
    (home) => home !== undefined && isAbsolute(home) && home !== sep && path.startsWith(`${home}${sep}`),
  );
}

function accountHome(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined; // The user id has no entry.
  }
}

/** A link may be short and lead to a path that is too long for SQLite. */
function realPathFault(path: string): string | null {
  for (const step of wayTo(path).reverse()) {
    try {
      const real = realpathSync(step);
      const bytes = Buffer.byteLength(real);
      return bytes > MAX_HOME_BYTES ? `${real} is too long for a database` : null;
    } catch {
      // It is not there; the folder above it is.
    }
  }
  return null;
}
