import { stat } from 'node:fs/promises';
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
  'unknown-writes.json',
  'unknown-peers.json',
];

/**
 * Refuses a profile that others may look into: they could take the token, the
 * messages or the place of a file before it is written.
 *
 * @param home the profile's data directory; what does not exist yet is passed over
 * @throws {ProfileExposedError} `profile-exposed`, with the command that mends it
 */
export async function requirePrivateProfile(home: string): Promise<void> {
  for (const folder of FOLDERS) await requireOwnerOnly(join(home, folder), OWNER_ONLY_FOLDER);
  for (const file of FILES) await requireOwnerOnly(join(home, file), OWNER_ONLY_FILE);
}

async function requireOwnerOnly(path: string, mode: number): Promise<void> {
  const found = await modeOf(path);
  if (found === null || (found & ~mode) === 0) return;
  throw new ProfileExposedError(
    'profile-exposed',
    `${path} may be read or changed by others (mode ${found.toString(8)}).`,
    { hint: `Make it yours alone: chmod ${mode.toString(8)} '${path}'` },
  );
}

async function modeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    // Whatever else is wrong with it, the part that uses it says so.
    if (errorCode(error) !== undefined) return null;
    throw error;
  }
}
