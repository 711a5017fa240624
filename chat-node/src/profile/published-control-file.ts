import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTROL_FILE, type ControlFile, errorMessage } from '@p2p-chat/shared';
import type { Logger } from '../runtime/logger.js';

/** The file by which clients find this node. */
export class PublishedControlFile {
  readonly #path: string;
  #text: string | null = null;

  /** @param home the profile's data directory */
  constructor(
    home: string,
    private readonly logger: Logger,
  ) {
    this.#path = join(home, CONTROL_FILE);
  }

  /** Writes it, in place of that of an earlier node. */
  async publish(content: ControlFile): Promise<void> {
    this.#text = `${JSON.stringify(content)}\n`;
    await this.#write(this.#text);
  }

  /** Writes it once more, where it was published: its disk may have lost it. */
  async publishAgain(): Promise<void> {
    if (this.#text === null) return;
    try {
      await this.#write(this.#text);
    } catch (error) {
      this.logger.warn({ error: errorMessage(error) }, 'cannot write the control file again');
    }
  }

  /** Removes it, unless it is that of another node. */
  async withdraw(): Promise<void> {
    try {
      const isOwn = (await readFile(this.#path, 'utf8')) === this.#text;
      this.#text = null;
      if (isOwn) await rm(this.#path, { force: true });
    } catch (error) {
      // Clients see by its pid that the node has ended.
      this.logger.debug({ error: errorMessage(error) }, 'cannot remove the control file');
    }
  }

  // Written aside and renamed: a client never reads half of it.
  async #write(text: string): Promise<void> {
    const draft = `${this.#path}.new`;
    await rm(draft, { force: true });
    await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
    await rename(draft, this.#path);
  }
}
