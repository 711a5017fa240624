import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, errorMessage, P2pChatError, replaceFile } from '@p2p-chat/shared';
import { StorageError } from '../core/errors.js';
import { type PageRecord, PageStore, type PairedBrowser } from '../core/ports/page.store.js';

/** Where the page of a profile is and which browsers may use it, in its data directory (mode 0600). */
export const PAGE_FILE = 'web.json';

const NOTHING: PageRecord = { port: null, browsers: [] };

/** Keeps the record of the page in a file of the profile's data directory. */
export class FilePageStore extends PageStore {
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly home: string,
    public record: PageRecord,
  ) {
    super();
  }

  /**
   * Reads what was stored.
   * @param home the profile's data directory
   * @throws {P2pChatError} `profile-unreadable`
   */
  static async open(home: string): Promise<FilePageStore> {
    const path = join(home, PAGE_FILE);
    try {
      return new FilePageStore(home, parse(await readFile(path, 'utf8')));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return new FilePageStore(home, NOTHING);
      throw new P2pChatError('profile-unreadable', `${path} cannot be read: ${errorMessage(error)}`, {
        hint: 'Correct it, or remove it: then browsers have to be let in anew with p2p-chat web.',
        cause: error,
      });
    }
  }

  async save(record: PageRecord): Promise<void> {
    this.record = record;
    const before = this.#saving.catch(() => undefined);
    this.#saving = before.then(() => this.#write(record));
    await this.#saving;
  }

  /** Of the profiles that lie beside this one. */
  async portsOfOthers(): Promise<ReadonlySet<number>> {
    const ports = new Set<number>();
    const folder = dirname(this.home);
    for (const name of await readdir(folder).catch(() => [])) {
      const other = join(folder, name);
      if (other === this.home) continue;
      try {
        const { port } = parse(await readFile(join(other, PAGE_FILE), 'utf8'));
        if (port !== null) ports.add(port);
      } catch {
        // No profile, or not one that this user may read.
      }
    }
    return ports;
  }

  async #write(record: PageRecord): Promise<void> {
    const path = join(this.home, PAGE_FILE);
    try {
      await replaceFile(path, `${JSON.stringify(record, null, 2)}\n`);
    } catch (error) {
      const full = errorCode(error) === 'ENOSPC' || errorCode(error) === 'EDQUOT';
      throw new StorageError(
        full ? 'storage-full' : 'storage-failed',
        `The browsers that may use the page could not be stored: ${errorMessage(error)}`,
        { hint: full ? 'Free some space on the disk.' : `See whether ${path} can be written.`, cause: error },
      );
    }
  }
}

function parse(text: string): PageRecord {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new SyntaxError('it is not an object');
  const { port, browsers } = value as Record<string, unknown>;
  return {
    port: typeof port === 'number' && Number.isInteger(port) && port > 0 && port < 65_536 ? port : null,
    browsers: Array.isArray(browsers) ? browsers.filter(isBrowser) : [],
  };
}

function isBrowser(value: unknown): value is PairedBrowser {
  if (typeof value !== 'object' || value === null) return false;
  const { id, name, tokenHash, pairedAt, seenAt } = value as Record<string, unknown>;
  return (
    [id, name, tokenHash].every((one) => typeof one === 'string') &&
    [pairedAt, seenAt].every((one) => typeof one === 'number')
  );
}
