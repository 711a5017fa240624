import type { DatabaseSync, StatementSync } from 'node:sqlite';

// The characters of a peer id in the order of strings.
const ALPHABET = '234567abcdefghijklmnopqrstuvwxyz';
// Ten characters of five bits and room for neighbours: the most that a safe
// integer holds.
const PREFIX_LENGTH = 10;
const NEIGHBOURS = 8;

/**
 * Numbers for peer ids, in the order of the peer ids. Two that share their
 * first ten characters get neighbouring numbers in the order in which they
 * came; that shows only where their messages also share a clock.
 */
export class AuthorTable {
  readonly #refs = new Map<string, number>();
  readonly #byPeerId: StatementSync;
  readonly #byRef: StatementSync;
  readonly #insert: StatementSync;

  constructor(database: DatabaseSync) {
    this.#byPeerId = database.prepare('SELECT ref FROM authors WHERE peer_id = ?');
    this.#byRef = database.prepare('SELECT 1 FROM authors WHERE ref = ?');
    this.#insert = database.prepare('INSERT INTO authors (ref, peer_id) VALUES (?, ?)');
  }

  /** The number of a peer id, which gets one if it has none. */
  refOf(peerId: string): number {
    let ref = this.#refs.get(peerId) ?? (this.#byPeerId.get(peerId)?.['ref'] as number | undefined);
    if (ref === undefined) {
      ref = rank(peerId);
      while (this.#byRef.get(ref) !== undefined) ref += 1;
      this.#insert.run(ref, peerId);
    }
    this.#refs.set(peerId, ref);
    return ref;
  }

  /** Forgets what a rolled-back transaction may have added. */
  forget(): void {
    this.#refs.clear();
  }
}

function rank(peerId: string): number {
  let value = 0;
  for (let at = 0; at < PREFIX_LENGTH; at += 1) {
    value = value * ALPHABET.length + Math.max(0, ALPHABET.indexOf(peerId.charAt(at)));
  }
  return value * NEIGHBOURS;
}
