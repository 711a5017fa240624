import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase, openForReading, reopenDatabase } from './database.js';
import { packError } from './error-record.js';
import { GroupCommit } from './group-commit.js';
import { isWrite } from './operations.js';
import { concernsTheDisk, missing, replaced, storageErrorOf } from './sqlite-errors.js';
import type { Answer, Call } from './thread-messages.js';

interface OpenFile {
  readonly database: DatabaseSync;
  readonly commit: GroupCommit;
}

/**
 * Runs calls on the message database, and holds its file only as long as the
 * disk works. After an error of the disk the file is closed, or nobody could
 * unmount and repair the disk, and each later group of calls tries to open it
 * again: so the node goes on by itself when the disk is back.
 */
export class StoreKeeper {
  #open: OpenFile | null;
  /** Tells the file from another one that was put in its place. */
  readonly #inode: number;

  /**
   * @param file path of the database
   * @param onDiskFailure is called when the file was closed until its disk works again
   * @throws as {@link openDatabase}
   */
  constructor(
    private readonly file: string,
    private readonly onDiskFailure: () => void,
  ) {
    this.#open = opened(openDatabase(file));
    this.#inode = statSync(file).ino;
  }

  /**
   * Runs the calls as {@link GroupCommit} does. While the disk fails, writes
   * are refused, and reads are answered where the file can still be read. A
   * file that was moved away or deleted takes writes that nobody will find
   * again: those count as failed.
   */
  run(calls: readonly Call[]): Answer[] {
    let answers: Answer[];
    try {
      this.#requireInPlace();
      this.#open ??= opened(reopenDatabase(this.file));
      answers = this.#open.commit.run(calls);
    } catch (thrown) {
      if (this.#open !== null) this.#letGo(this.#open);
      return this.#withoutWriting(calls, { error: packError(storageErrorOf(thrown)) });
    }
    try {
      this.#requireInPlace();
    } catch (thrown) {
      this.#letGo(this.#open);
      const error = packError(storageErrorOf(thrown), 'unknown');
      return calls.map((call, at) => (isWrite(call.method) ? { error } : (answers[at] ?? { error })));
    }
    if (answers.some((answer) => 'error' in answer && concernsTheDisk(answer.error.code))) {
      this.#letGo(this.#open);
    }
    return answers;
  }

  /** Lets go of the file; what is in its log moves into it, where the disk lets it. */
  close(): void {
    this.#open?.database.close();
    this.#open = null;
  }

  #requireInPlace(): void {
    const found = statSync(this.file, { throwIfNoEntry: false });
    if (found === undefined) throw missing(this.file);
    if (found.ino !== this.#inode) throw replaced(this.file);
  }

  #letGo({ database }: OpenFile): void {
    this.#open = null;
    try {
      database.close();
    } catch {
      // The same failure again: the file is looked at before it is opened again.
    }
    this.onDiskFailure();
  }

  #withoutWriting(calls: readonly Call[], refusal: Extract<Answer, { error: unknown }>): Answer[] {
    const reads = calls.filter((call) => !isWrite(call.method));
    // Another process that has the file may be changing it.
    if (reads.length === 0 || !concernsTheDisk(refusal.error.code)) return calls.map(() => refusal);
    try {
      const { database, commit } = opened(openForReading(this.file));
      const answers = commit.run(reads);
      database.close();
      return calls.map((call) => (isWrite(call.method) ? refusal : (answers.shift() ?? refusal)));
    } catch {
      return calls.map(() => refusal);
    }
  }
}

function opened(database: DatabaseSync): OpenFile {
  try {
    return { database, commit: new GroupCommit(database) };
  } catch (error) {
    database.close();
    throw error;
  }
}
