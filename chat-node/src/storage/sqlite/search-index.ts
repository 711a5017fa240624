import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { entriesOf, storedBatch } from '@p2p-chat/shared/protocol/batch';
import { readContent } from '@p2p-chat/shared/protocol/content';
import { MAX_BATCH_ENTRIES } from '@p2p-chat/shared/protocol/limits';
import { searchWords } from '@p2p-chat/shared/search-words';
import { ChatError } from '../../core/errors.js';
import type { MessagePlace, SearchQuery } from '../../core/ports/conversation.store.js';
import { type BatchReader, importedOf } from './batch-reader.js';

/** Messages after which a chunk is over: a few milliseconds, so that those that arrive meanwhile hardly wait. */
const CHUNK_MESSAGES = 250;
/** Bytes after which a chunk is over, where messages are long. */
const CHUNK_BYTES = 256 * 1024;
/** Greater than every row. */
const AFTER_ALL_ROWS = Number.MAX_SAFE_INTEGER;
/** Begins the word that names a conversation: no letter, so that no word of a message is like it. */
const CONVERSATION_SIGN = '§';

/** How far the index is behind the messages. */
export interface IndexProgress {
  /** The last position that is in the index. */
  indexed: number;
  /** The last position there is. */
  last: number;
}

/**
 * The words of messages. A row is that of one message: its position times the
 * entries that a batch can have, and its place in the batch.
 */
export class SearchIndex {
  readonly #progress: StatementSync;
  readonly #advance: StatementSync;
  readonly #unindexed: StatementSync;
  readonly #index: StatementSync;
  readonly #shrink: StatementSync;
  readonly #conversation: StatementSync;
  readonly #search: StatementSync;
  readonly #batch: StatementSync;
  readonly #imported: StatementSync;

  constructor(
    database: DatabaseSync,
    private readonly reader: BatchReader,
  ) {
    this.#progress = database.prepare(
      `SELECT indexed, max(
         (SELECT ifnull(max(position), 0) FROM batches), (SELECT ifnull(max(position), 0) FROM imported)
       ) AS last FROM search_progress`,
    );
    this.#advance = database.prepare('UPDATE search_progress SET indexed = ?');
    this.#unindexed = database.prepare(
      `SELECT position, conversation, dropped, hash, CASE dropped WHEN 0 THEN bytes END AS bytes, octet_length(bytes) AS size, NULL AS content
       FROM batches WHERE position > ?1
       UNION ALL
       SELECT position, conversation, 0, NULL, NULL, octet_length(content), content FROM imported WHERE position > ?1
       ORDER BY position LIMIT ${CHUNK_MESSAGES}`,
    );
    this.#index = database.prepare('INSERT INTO message_words (rowid, words) VALUES (?, ?)');
    this.#shrink = database.prepare('UPDATE batches SET bytes = NULL WHERE position = ?');
    this.#conversation = database.prepare('SELECT ref FROM conversations WHERE id = ?');
    this.#search = database.prepare(
      'SELECT rowid FROM message_words WHERE message_words MATCH ? AND rowid < ? ORDER BY rowid DESC',
    );
    this.#batch = database.prepare(
      `SELECT c.id AS conversation, f.author, s.segment, b.first FROM batches b
       JOIN segments s ON s.ref = b.segment JOIN feeds f ON f.ref = b.feed
       JOIN conversations c ON c.ref = b.conversation WHERE b.position = ?`,
    );
    this.#imported = database.prepare(
      `SELECT i.*, c.id AS conversation_id FROM imported i JOIN conversations c ON c.ref = i.conversation
       WHERE i.position = ?`,
    );
  }

  /**
   * Puts the next messages into the index, and gives back the space of dropped batches among them.
   * @param upTo nothing is done where the index has this position already; without it, the last one there is
   */
  indexMore(upTo?: number): IndexProgress {
    const { indexed, last } = this.#progress.get() as unknown as IndexProgress;
    if (indexed >= Math.min(upTo ?? last, last)) return { indexed, last };
    let [reached, messages, bytes] = [indexed, 0, 0];
    const dropped: number[] = [];
    for (const row of this.#unindexed.iterate(indexed)) {
      reached = row['position'] as number;
      if (row['dropped'] === 1) dropped.push(reached);
      else messages += this.#add(reached, row);
      bytes += row['size'] as number;
      if (messages >= CHUNK_MESSAGES || bytes >= CHUNK_BYTES) break;
    }
    for (const position of dropped) this.#shrink.run(position);
    this.#advance.run(reached);
    return { indexed: reached, last };
  }

  search({ words, conversation, before, limit }: SearchQuery): MessagePlace[] {
    const end = before === undefined ? AFTER_ALL_ROWS : this.#rowOf(before);
    // Words have nothing but letters, digits and signs, so none can end its quotes.
    const terms = words.map((word) => `"${word}"*`);
    if (conversation !== undefined) {
      const ref = this.#conversation.get(conversation)?.['ref'];
      if (ref === undefined) return [];
      terms.unshift(`"${CONVERSATION_SIGN}${String(ref)}"`);
    }
    const places: MessagePlace[] = [];
    for (const { rowid } of this.#search.iterate(terms.join(' AND '), end)) {
      const place = this.#placeOf(rowid as number);
      if (place !== null) places.push(place);
      if (places.length === limit) break;
    }
    return places;
  }

  /** @returns how many messages it adds */
  #add(position: number, row: Record<string, unknown>): number {
    const contents = contentsOf(row);
    contents.forEach((content, nth) => {
      const read = readContent(content);
      const words = read.kind === 'text' ? searchWords(read.body) : [];
      const all = [CONVERSATION_SIGN + String(row['conversation']), ...words].join(' ');
      this.#index.run(position * MAX_BATCH_ENTRIES + nth, all);
    });
    return contents.length;
  }

  #rowOf(id: string): number {
    const there = this.reader.locate(id);
    if (there !== null) return there.position * MAX_BATCH_ENTRIES + there.nth;
    throw new ChatError('message-unknown', `There is no message ${id}.`, {
      hint: 'Use an id that the page before shows.',
    });
  }

  /** @returns null for an imported message whose real entry came */
  #placeOf(row: number): MessagePlace | null {
    const position = Math.floor(row / MAX_BATCH_ENTRIES);
    const batch = this.#batch.get(position);
    if (batch !== undefined) {
      const { first, ...feed } = batch;
      return { ...feed, seq: (first as number) + (row % MAX_BATCH_ENTRIES) } as MessagePlace;
    }
    const imported = this.#imported.get(position);
    const place = imported === undefined ? null : this.reader.find(importedOf(imported).id);
    return place !== null && 'imported' in place ? place : null;
  }
}

function contentsOf({ hash, bytes, content }: Record<string, unknown>): string[] {
  if (typeof content === 'string') return [content];
  return entriesOf(storedBatch(bytes as Uint8Array, hash as string)).map((entry) => entry.content);
}
