import { DatabaseSync } from 'node:sqlite';

const ID_BYTES = 16;
export const BODY_BYTES = 128;
/** A message of the floor: an id and a body. */
export const RECORD_BYTES = ID_BYTES + BODY_BYTES;

/**
 * Opens a table with a unique key, WAL and `synchronous=FULL`.
 * @returns what saves whole records in one commit
 */
export function openTable(file: string): (records: Buffer) => void {
  const database = new DatabaseSync(file);
  database.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE messages (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, body TEXT NOT NULL) STRICT;
  `);
  const insert = database.prepare('INSERT INTO messages (id, body) VALUES (?, ?) ON CONFLICT DO NOTHING');
  return (records) => {
    database.exec('BEGIN IMMEDIATE');
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const body = records.toString('latin1', at + ID_BYTES, at + RECORD_BYTES);
      insert.run(records.subarray(at, at + ID_BYTES), body);
    }
    database.exec('COMMIT');
  };
}
