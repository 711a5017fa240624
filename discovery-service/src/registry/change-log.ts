import { randomBytes } from 'node:crypto';
import { MAX_REMEMBERED_CHANGES } from '@p2p-chat/shared';

/** `refresh`: signed anew, otherwise the same. */
export type ChangeKind = 'join' | 'change' | 'refresh' | 'leave';

/** One change of the list. */
export interface PeerChange {
  readonly kind: ChangeKind;
  /** Of the entry; the same one for all of its changes. */
  readonly key: string;
  /** The entry as JSON; of one that left, as it was. */
  readonly json: string;
  /** Where the list stands with it. */
  readonly cursor: string;
}

/** The last changes of a list, each with a cursor. Cursors of one run mean nothing in another. */
export class ChangeLog {
  /** Tells this run from every other. */
  readonly run = randomBytes(6).toString('base64url');
  readonly #changes: PeerChange[] = [];
  readonly #listeners = new Set<() => void>();
  #revision = 0;

  constructor(private readonly capacity = MAX_REMEMBERED_CHANGES) {}

  get cursor(): string {
    return this.#cursorAt(this.#revision);
  }

  /** Notes a change and tells the listeners. */
  add(kind: ChangeKind, key: string, json: string): void {
    this.#revision += 1;
    // A ring: the change with revision r lies at r modulo the capacity.
    this.#changes[this.#revision % this.capacity] = { kind, key, json, cursor: this.cursor };
    for (const listener of this.#listeners) listener();
  }

  /** The changes after a cursor, oldest first; null where they are not all remembered, or it is not of this run. */
  since(cursor: string): PeerChange[] | null {
    const revision = this.#revisionOf(cursor);
    if (revision === null || this.#revision - revision > this.capacity) return null;
    const changes: PeerChange[] = [];
    for (let next = revision + 1; next <= this.#revision; next += 1) {
      changes.push(this.#changes[next % this.capacity]!);
    }
    return changes;
  }

  /** Calls the listener after each change. @returns a function that ends this */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #cursorAt(revision: number): string {
    return `${this.run}-${revision}`;
  }

  #revisionOf(cursor: string): number | null {
    const prefix = `${this.run}-`;
    const digits = cursor.slice(prefix.length);
    if (!cursor.startsWith(prefix) || !/^\d{1,15}$/.test(digits)) return null;
    const revision = Number(digits);
    return revision <= this.#revision ? revision : null;
  }
}
