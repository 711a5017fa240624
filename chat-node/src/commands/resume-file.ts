import { constants } from 'node:fs';
import { access, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, errorMessage, followLinks, safeLine } from '@p2p-chat/shared';
import { InputError } from './text-input.js';

/** Only this user sees what was followed. */
const FILE_MODE = 0o600;
/** Characters of the id of an event: far more than any has. */
const MAX_ID_CHARACTERS = 200;

/** A file with the id of the last event that was told, so that a later run goes on after it. */
export class ResumeFile {
  constructor(private readonly path: string) {}

  /**
   * @returns the id; undefined where there is no such file yet
   * @throws {InputError} where the file is another one, or cannot be read, or its folder takes none
   */
  async load(): Promise<string | undefined> {
    if (this.path === '') throw this.#unusable('it has no name');
    try {
      await access(dirname(await followLinks(this.path)), constants.W_OK);
    } catch (error) {
      throw this.#unusable(errorCode(error) ?? errorMessage(error));
    }
    return this.#read();
  }

  async #read(): Promise<string | undefined> {
    let text: string;
    try {
      // A device would be replaced by a file.
      if (!(await stat(this.path)).isFile()) throw this.#unusable('it is no file');
      text = (await readFile(this.path, 'utf8')).trim();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      if (error instanceof InputError) throw error;
      throw this.#unusable(errorCode(error) ?? errorMessage(error));
    }
    if (text === '') return undefined;
    if (text.length > MAX_ID_CHARACTERS || !/^[\w.-]+$/.test(text))
      throw this.#unusable('it is another file');
    return text;
  }

  /**
   * Replaces what it has; a crash leaves the one or the other.
   * @throws {InputError}
   */
  async save(id: string): Promise<void> {
    try {
      const file = await followLinks(this.path);
      await writeFile(`${file}.next`, `${id}\n`, { mode: FILE_MODE });
      await rename(`${file}.next`, file);
    } catch (error) {
      throw this.#unusable(errorCode(error) ?? errorMessage(error));
    }
  }

  #unusable(why: string): InputError {
    return new InputError(
      `${safeLine(this.path)} cannot keep the last event (${why}).`,
      'Name a file that "events --resume" has made, or a new one.',
    );
  }
}
