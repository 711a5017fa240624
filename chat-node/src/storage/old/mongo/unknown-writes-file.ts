import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, replaceFile } from '@p2p-chat/shared';

/** The files, in the profile's data directory. */
export const UNKNOWN_WRITES_FILES = { messages: 'unknown-writes.json', peers: 'unknown-peers.json' } as const;

/** Keeps writes whose outcome is not known across a kill: the database, which is away, cannot. */
export class UnknownWritesFile<Write> {
  readonly #path: string;
  #isThere = true;

  /** @param folder the profile's data directory */
  constructor(folder: string, of: keyof typeof UNKNOWN_WRITES_FILES) {
    this.#path = join(folder, UNKNOWN_WRITES_FILES[of]);
  }

  /** What an earlier process left. */
  async load(): Promise<Write[]> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as Write[];
    } catch (error) {
      // It is written whole or not at all: what is no JSON is not ours.
      if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return [];
      throw error;
    }
  }

  /** Durable when it resolves. */
  async save(writes: readonly Write[]): Promise<void> {
    this.#isThere = true;
    await replaceFile(this.#path, JSON.stringify(writes));
  }

  /** Nothing is unknown any more. */
  async clear(): Promise<void> {
    if (!this.#isThere) return;
    await rm(this.#path, { force: true });
    this.#isThere = false;
  }
}
