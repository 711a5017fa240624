import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  errorCode,
  errorMessage,
  isStatusText,
  isUserName,
  P2pChatError,
  PRESENCE_STATES,
  type PresenceState,
  replaceFile,
} from '@p2p-chat/shared';
import { StorageError } from '../core/errors.js';
import { type ProfileSettings, ProfileStore } from '../core/ports/profile.store.js';

/** What a person has set, in the profile's data directory (mode 0600). */
export const SETTINGS_FILE = 'profile.json';

/** What the file holds; all of it is optional. */
type Stored = Partial<ProfileSettings> & {
  /** The name of the environment that `user` took the place of: another one since then counts more. */
  userInsteadOf?: string;
};

/** Keeps the settings of a profile in a file of its data directory. */
export class FileProfileStore extends ProfileStore {
  private constructor(
    private readonly path: string,
    /** The name that the environment gives. */
    private readonly givenUser: string,
    private readonly stored: Stored,
  ) {
    super();
  }

  /**
   * Reads what was set.
   * @param home the profile's data directory
   * @param givenUser the name that the environment gives
   * @throws {P2pChatError} `profile-unreadable`
   */
  static async open(home: string, givenUser: string): Promise<FileProfileStore> {
    const path = join(home, SETTINGS_FILE);
    return new FileProfileStore(path, givenUser, parse(path, await textOf(path)));
  }

  /**
   * The settings to start with. Of the name, the last one to change it wins:
   * the person here, or the environment. Of the others, the environment.
   */
  settings(environment: { receipts: boolean | null; typing: boolean | null }): ProfileSettings {
    const { user, userInsteadOf, presence, status, receipts, typing } = this.stored;
    return {
      user: user !== undefined && userInsteadOf === this.givenUser ? user : this.givenUser,
      presence: presence ?? 'online',
      status: status ?? '',
      receipts: environment.receipts ?? receipts ?? true,
      typing: environment.typing ?? typing ?? true,
    };
  }

  async save(settings: ProfileSettings): Promise<void> {
    const content: Stored = { ...settings, userInsteadOf: this.givenUser };
    try {
      await replaceFile(this.path, `${JSON.stringify(content, null, 2)}\n`);
    } catch (error) {
      const full = errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT';
      throw new StorageError(
        full ? 'storage-full' : 'storage-failed',
        `The settings could not be stored: ${errorMessage(error)}`,
        {
          hint: full ? 'Free some space on the disk.' : `See whether ${this.path} can be written.`,
          cause: error,
        },
      );
    }
  }
}

async function textOf(path: string): Promise<string> {
  try {
    // Without the byte order mark that some editors write.
    return (await readFile(path, 'utf8')).replace(/^\ufeff/u, '');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '{}';
    throw unreadable(path, error);
  }
}

function parse(path: string, text: string): Stored {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, error);
  }
  if (typeof value !== 'object' || value === null) throw unreadable(path, 'it is not an object');
  const read: Record<string, unknown> = { ...value };
  const { user, userInsteadOf, status, receipts, typing } = read;
  const presence: PresenceState | undefined = PRESENCE_STATES.find((one) => one === read['presence']);
  // What is not as it was written here was changed by hand, and counts as not set.
  return {
    ...(isUserName(user) ? { user } : {}),
    ...(typeof userInsteadOf === 'string' ? { userInsteadOf } : {}),
    ...(presence === undefined ? {} : { presence }),
    ...(isStatusText(status) ? { status } : {}),
    ...(typeof receipts === 'boolean' ? { receipts } : {}),
    ...(typeof typing === 'boolean' ? { typing } : {}),
  };
}

function unreadable(path: string, why: unknown): P2pChatError {
  return new P2pChatError('profile-unreadable', `${path} cannot be read: ${errorMessage(why)}`, {
    hint: 'Correct it, or remove it: then the name and the settings are those of the environment.',
    cause: why,
  });
}
