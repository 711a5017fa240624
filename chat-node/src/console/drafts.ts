import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, isPeerId, makePrivateFolder } from '@p2p-chat/shared';

/** The folder in the profile's data directory: one file for each conversation, named by its id (mode 0600). */
export const DRAFTS_FOLDER = 'drafts';

/**
 * Text that was written and not sent, by conversation. It is on disk before the key
 * that changed it is shown, so that no crash of the console takes it: a small
 * file, which nobody waits for the disk for.
 */
export class Drafts {
  readonly #texts = new Map<string, string>();
  readonly #folder: string;

  /** @param home the profile's data directory */
  constructor(home: string) {
    this.#folder = join(home, DRAFTS_FOLDER);
    for (const name of unlessRefused(() => readdirSync(this.#folder))?.filter(isPeerId) ?? []) {
      const text = unlessRefused(() => readFileSync(join(this.#folder, name), 'utf8'));
      if (text !== undefined && text !== '') this.#texts.set(name, text);
    }
  }

  /** What was written in a conversation; empty where nothing was. */
  get(peerId: string): string {
    return this.#texts.get(peerId) ?? '';
  }

  /** Keeps the text; an empty one is forgotten. A disk that takes nothing costs the safety, not the text. */
  set(peerId: string, text: string): void {
    if (this.get(peerId) === text || !isPeerId(peerId)) return;
    if (text === '') this.#texts.delete(peerId);
    else this.#texts.set(peerId, text);
    unlessRefused(() => this.#store(join(this.#folder, peerId), text));
  }

  #store(path: string, text: string): void {
    if (text === '') return rmSync(path, { force: true });
    makePrivateFolder(this.#folder);
    // Renamed into place: a crash leaves the old text or the new one, never half of it.
    const next = `${path}.${process.pid}`;
    writeFileSync(next, text, { mode: 0o600 });
    renameSync(next, path);
  }
}

/** @returns undefined where the operating system refuses */
function unlessRefused<Result>(task: () => Result): Result | undefined {
  try {
    return task();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}
