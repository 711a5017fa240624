import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_FILE, errorCode, P2pChatError } from '@p2p-chat/shared';

/** A file or folder of the profile may be read or changed by others. Nothing was changed. */
export class ProfileExposedError extends P2pChatError {
  declare readonly code: 'profile-exposed';
}

const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

// What the node and the console write, by path below the data directory. The key has a check
// of its own, which also says what to do about it.
const FOLDERS = ['.', 'run', 'drafts', 'files', 'downloads'];
const FILES = [
  CONTROL_FILE,
  'run/lock',
  'run/node.pid',
  'profile.json',
  'web.json',
  'messages.sqlite',
  'messages.sqlite-wal',
  'messages.sqlite-shm',
];

/**
 * Refuses a profile that others may look into: they could take the token, the
 * messages or the place of a file before it is written.
 *
 * @param home the profile's data directory; what does not exist yet is passed over
 * @throws {ProfileExposedError} `profile-exposed`, with the command that mends it
 */
export async function requirePrivateProfile(home: string): Promise<void> {
  const advice = (await isForOtherThings(home)) ? OWN_FOLDER : undefined;
  for (const folder of FOLDERS) await requireOwnerOnly(join(home, folder), OWNER_ONLY_FOLDER, advice);
  for (const file of FILES) await requireOwnerOnly(join(home, file), OWNER_ONLY_FILE);
}

const OWN_FOLDER =
  'There are other things in it: set P2P_CHAT_HOME, or use --home, with a folder for the profile alone.';

/** Whether a folder is no profile and not a new one either: /tmp or the home folder, for example, are not to be changed. */
async function isForOtherThings(home: string): Promise<boolean> {
  const names = await readdir(home).catch(() => []);
  const isProfile = names.some((name) => name === 'identity.key' || name === 'messages.sqlite');
  const own = new Set([...FOLDERS, ...FILES, 'identity.crt', 'node.log']);
  return !isProfile && names.some((name) => !own.has(name));
}

async function requireOwnerOnly(path: string, mode: number, advice?: string): Promise<void> {
  const found = await statsOf(path);
  if (found === null || (found.mode & ~mode & 0o777) === 0) return;
  const wanted = mode.toString(8);
  const own = process.getuid?.() ?? found.uid;
  throw new ProfileExposedError(
    'profile-exposed',
    `${path} may be read or changed by others (mode ${(found.mode & 0o777).toString(8)}).`,
    {
      hint:
        advice ??
        (found.uid === own
          ? `Make it yours alone: chmod ${wanted} '${path}'`
          : `It belongs to ${found.uid === 0 ? 'root' : `user id ${found.uid}`}, and you are user id ${own}. ` +
            `Make it yours alone: sudo chown -R ${own} '${path}' && sudo chmod ${wanted} '${path}'`),
    },
  );
}

async function statsOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    // Whatever else is wrong with it, the part that uses it says so.
    if (errorCode(error) !== undefined) return null;
    throw error;
  }
}
