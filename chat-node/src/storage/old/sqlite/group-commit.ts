import type { DatabaseSync } from 'node:sqlite';
import { packError } from './error-record.js';
import { type Answer, type Call, isWrite, type Stores } from './operations.js';
import { concernsEveryWrite, storageErrorOf } from './sqlite-errors.js';

/** Runs groups of calls, the writes of each group in one durable transaction. */
export class GroupCommit {
  constructor(
    private readonly database: DatabaseSync,
    private readonly stores: Stores,
  ) {}

  /**
   * Runs the calls in order. Where the disk or the file refuses, every write
   * of the group fails with that and none has an effect; a call that is at
   * fault by itself fails alone.
   * @returns an answer for each call; those of writes are durable
   */
  run(calls: readonly Call[]): Answer[] {
    if (!calls.some(isWrite)) return calls.map((call) => this.#read(call));
    try {
      return this.#transaction(calls);
    } catch (thrown) {
      const error = storageErrorOf(thrown);
      this.#rollBack();
      if (calls.length > 1 && !concernsEveryWrite(error)) return calls.flatMap((call) => this.run([call]));
      const answer: Answer = { error: packError(error) };
      // Reads may have seen what is no longer there.
      return calls.map((call) => (isWrite(call) ? answer : this.#read(call)));
    }
  }

  #transaction(calls: readonly Call[]): Answer[] {
    this.database.exec('BEGIN IMMEDIATE');
    const answers = calls.map((call) => (isWrite(call) ? { value: this.#perform(call) } : this.#read(call)));
    this.stores.messages.flush();
    this.database.exec('COMMIT');
    return answers;
  }

  #rollBack(): void {
    this.stores.messages.forget();
    // SQLite may have rolled back by itself, as it does on a full disk.
    if (this.database.isTransaction) this.database.exec('ROLLBACK');
  }

  #read(call: Call): Answer {
    try {
      // What the writes before it in this group have changed in memory.
      this.stores.messages.flush();
      return { value: this.#perform(call) };
    } catch (error) {
      return { error: packError(storageErrorOf(error)) };
    }
  }

  #perform(call: Call): unknown {
    const store = this.stores[call.store] as unknown as Record<
      string,
      (...args: readonly unknown[]) => unknown
    >;
    const method = store[call.method];
    if (method === undefined) throw new TypeError(`${call.store} has no ${call.method}`);
    return method.apply(store, [...call.args]);
  }
}
