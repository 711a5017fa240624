import type { DatabaseSync } from 'node:sqlite';
import type { StorageError } from '../../core/errors.js';
import { packError } from './error-record.js';
import { isErasing, isWrite, type Operations, operationsOf } from './operations.js';
import { concernsEveryWrite, storageErrorOf } from './sqlite-errors.js';
import type { Answer, Call } from './thread-messages.js';

/** Runs groups of calls, the writes of each group in one durable transaction. */
export class GroupCommit {
  readonly #operations: Operations;

  constructor(private readonly database: DatabaseSync) {
    this.#operations = operationsOf(database);
  }

  /**
   * Runs the calls in order. Where the disk or the file refuses, every write
   * of the group fails with that and none has an effect; a call that is at
   * fault by itself fails alone.
   * @returns an answer for each call; those of writes are durable
   */
  run(calls: readonly Call[]): Answer[] {
    if (!calls.some(({ method }) => isWrite(method))) return calls.map((call) => this.#read(call));
    let outcome: StorageError['outcome'] = 'none';
    try {
      this.database.exec('BEGIN IMMEDIATE');
      const answers = calls.map((call) => (isWrite(call.method) ? this.#write(call) : this.#read(call)));
      outcome = 'unknown';
      this.database.exec('COMMIT');
      // The log still has the pages as they were before.
      if (calls.some(isErasing)) this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      return answers;
    } catch (thrown) {
      const error = storageErrorOf(thrown);
      // SQLite may have rolled back by itself, as it does on a full disk.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      // The last page of a commit makes it valid, so one that found no space is not.
      const refusal = { error: packError(error, error.code === 'storage-full' ? 'none' : outcome) };
      // Reads may have seen what is no longer there.
      return calls.map((call) => (isWrite(call.method) ? refusal : this.#read(call)));
    }
  }

  /** @throws an error that concerns the whole group */
  #write(call: Call): Answer {
    this.database.exec('SAVEPOINT call');
    try {
      const value = this.#perform(call);
      this.database.exec('RELEASE call');
      return { value };
    } catch (thrown) {
      const error = storageErrorOf(thrown);
      if (concernsEveryWrite(error) || !this.database.isTransaction) throw error;
      this.database.exec('ROLLBACK TO call; RELEASE call');
      return { error: packError(error) };
    }
  }

  #read(call: Call): Answer {
    try {
      return { value: this.#perform(call) };
    } catch (error) {
      return { error: packError(storageErrorOf(error)) };
    }
  }

  #perform({ method, args }: Call): unknown {
    const operation = this.#operations[method] as (...args: readonly unknown[]) => unknown;
    return operation(...args);
  }
}
