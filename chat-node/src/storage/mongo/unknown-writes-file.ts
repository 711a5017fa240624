import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, replaceFile } from '@p2p-chat/shared';

/** The name of the file, in the profile's data directory. */
export const UNKNOWN_WRITES_FILE = 'unknown-writes.json';

/** A message of a write, by which it is found in the database. */
export interface UnknownMessage {
  /** The primary key. */
  key: string;
  id: string;
  author: string;
  /** Whether its author is a person here, who was told that it was not saved. */
  refused: boolean;
}

/** An insert whose outcome is not known. */
export interface UnknownWrite {
  /** The name of the write. */
  write: string;
  messages: UnknownMessage[];
}

/** Keeps inserts whose outcome is not known across a kill: the database, which is away, cannot. */
export class UnknownWritesFile {
  readonly #path: string;
  #isThere = true;

  /** @param folder the profile's data directory */
  constructor(folder: string) {
    this.#path = join(folder, UNKNOWN_WRITES_FILE);
  }

  /** What an earlier process left. */
  async load(): Promise<UnknownWrite[]> {
    try {
      return JSON.parse(await readFile(this.#path, 'utf8')) as UnknownWrite[];
    } catch (error) {
      // It is written whole or not at all: what is no JSON is not ours.
      if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return [];
      throw error;
    }
  }

  /** Durable when it resolves. */
  async save(writes: readonly UnknownWrite[]): Promise<void> {
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
