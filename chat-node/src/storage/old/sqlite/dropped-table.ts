import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { MessageRun } from '../../../chat/message-run.js';
import { clockBytes, idBytes } from './message-row.js';

/** Rows that are kept before all of them are removed. */
const MAX_KEPT = 10_000;
/** The same in bytes of bodies (16 MiB). */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Messages that were dropped. Each leaves a row like that of a message, in a
 * table with the same indexes and as large, with nothing of what it said: the
 * sender must not tell a block by the time of an ack, of a long message or of
 * a repeat neither. Now and then the rows go, and their number stays.
 */
export class DroppedTable {
  /** What is in the table; null where it is not known. */
  #kept: { rows: number; bytes: number } | null = null;
  readonly #insert: StatementSync;
  readonly #greatestRow: StatementSync;
  readonly #inserted: StatementSync;
  readonly #count: StatementSync;
  readonly #size: StatementSync;
  readonly #clear: StatementSync;

  constructor(database: DatabaseSync) {
    // A whole run in one statement, as messages are. What was saved before its
    // author was blocked is a repeat here too.
    const id = 'substr(?2, key * 16 + 1, 16)';
    this.#insert = database.prepare(
      `INSERT INTO dropped_messages (author, id, clock, body)
       SELECT ?1, ${id}, substr(?3, key * 8 + 1, 8), CAST(zeroblob(octet_length(value)) AS TEXT)
       FROM json_each(?4) WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = ${id} AND m.author = ?1)
       ON CONFLICT (id, author) DO NOTHING`,
    );
    this.#greatestRow = database.prepare('SELECT coalesce(max(n), 0) AS n FROM dropped_messages');
    this.#inserted = database.prepare('SELECT lower(hex(id)) AS id FROM dropped_messages WHERE n > ?');
    this.#count = database.prepare(
      `INSERT INTO dropped (peer_id, count) VALUES (?, ?)
       ON CONFLICT (peer_id) DO UPDATE SET count = count + excluded.count`,
    );
    this.#size = database.prepare(
      'SELECT count(*) AS rows, coalesce(sum(octet_length(body)), 0) AS bytes FROM dropped_messages',
    );
    this.#clear = database.prepare('DELETE FROM dropped_messages');
  }

  /** @param author the number of its author */
  add(run: MessageRun, author: number): void {
    const before = this.#greatestRow.get()?.['n'] as number;
    const { changes } = this.#insert.run(author, idBytes(run), clockBytes(run), run.bodies);
    // Looked up as it is of messages, where an answer says which are new.
    if (changes < run.count) this.#inserted.all(before);
    if (changes === 0) return;
    this.#count.run(run.author, changes);
    if (this.#kept === null) this.#kept = this.#size.get() as { rows: number; bytes: number };
    else {
      this.#kept.rows += Number(changes);
      this.#kept.bytes += run.bodies.length;
    }
    if (this.#kept.rows < MAX_KEPT && this.#kept.bytes < MAX_KEPT_BYTES) return;
    this.#clear.run();
    this.#kept = { rows: 0, bytes: 0 };
  }

  /** Forgets what a rolled-back transaction may have added. */
  forget(): void {
    this.#kept = null;
  }
}
