import { readFile, rename, writeFile } from 'node:fs/promises';
import { errorCode, errorMessage, safeLine } from '@p2p-chat/shared';
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
   * @throws {InputError} where the file is another one, or cannot be read
   */
  async load(): Promise<string | undefined> {
    let text: string;
    try {
      text = (await readFile(this.path, 'utf8')).trim();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
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
    const next = `${this.path}.next`;
    try {
      await writeFile(next, `${id}\n`, { mode: FILE_MODE });
      await rename(next, this.path);
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
