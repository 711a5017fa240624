import { type Entry, entriesOf, storedBatch } from '@p2p-chat/shared/protocol/batch';
import { isAction, readContent, searchableText } from '@p2p-chat/shared/protocol/content';
import { MAX_BATCH_ENTRIES } from '@p2p-chat/shared/protocol/limits';
import { searchWords } from '@p2p-chat/shared/search-words';
import { ChatError } from '../../core/errors.js';
import type { MessagePlace, SearchQuery } from '../../core/ports/conversation.store.js';
import { type BatchReader, silentOf } from './batch-reader.js';
import type { Row, Statements } from './statements.js';

/** Messages after which a chunk is over: a few milliseconds, so that those that arrive meanwhile hardly wait. */
const CHUNK_MESSAGES = 250;
/** Bytes after which a chunk is over, where messages are long. */
const CHUNK_BYTES = 256 * 1024;
/** Greater than every row. */
const AFTER_ALL_ROWS = Number.MAX_SAFE_INTEGER;
/** Begins the word that names a conversation: no letter, so that no word of a message is like it. */
const CONVERSATION_SIGN = '§';

const PROGRESS = `SELECT indexed, max(
    (SELECT ifnull(max(position), 0) FROM batches), (SELECT ifnull(max(position), 0) FROM imported)
  ) AS last FROM search_progress`;
const UNINDEXED = `SELECT position, conversation, dropped, first, hash,
    silent, CASE dropped WHEN 0 THEN bytes END AS bytes, octet_length(bytes) AS size, NULL AS content
  FROM batches WHERE position > ?1
  UNION ALL
  SELECT position, conversation, 0, 0, NULL, NULL, NULL, octet_length(content), content
  FROM imported WHERE position > ?1
  ORDER BY position LIMIT ${CHUNK_MESSAGES}`;

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
  constructor(
    private readonly sql: Statements,
    private readonly reader: BatchReader,
  ) {}

  /**
   * Puts the next messages into the index, and gives back the space of dropped batches among them.
   * @param upTo nothing is done where the index has this position already; without it, the last one there is
   */
  indexMore(upTo?: number): IndexProgress {
    const { indexed, last } = this.sql.get(PROGRESS) as unknown as IndexProgress;
    if (indexed >= Math.min(upTo ?? last, last)) return { indexed, last };
    let [reached, messages, bytes] = [indexed, 0, 0];
    const dropped: number[] = [];
    for (const row of this.sql.iterate(UNINDEXED, indexed)) {
      reached = row['position'] as number;
      if (row['dropped'] === 1) dropped.push(reached);
      else messages += this.#add(reached, row);
      bytes += row['size'] as number;
      if (messages >= CHUNK_MESSAGES || bytes >= CHUNK_BYTES) break;
    }
    for (const position of dropped)
      this.sql.run('UPDATE batches SET bytes = NULL WHERE position = ?', position);
    this.sql.run('UPDATE search_progress SET indexed = ?', reached);
    return { indexed: reached, last };
  }

  search({ words, conversation, before, limit }: SearchQuery): MessagePlace[] {
    const end = before === undefined ? AFTER_ALL_ROWS : this.#rowOf(before);
    // Words have nothing but letters, digits and signs, so none can end its quotes.
    const terms = words.map((word) => `"${word}"*`);
    if (conversation !== undefined) {
      const ref = this.sql.get('SELECT ref FROM conversations WHERE id = ?', conversation)?.['ref'];
      if (ref === undefined) return [];
      terms.unshift(`"${CONVERSATION_SIGN}${ref as number}"`);
    }
    const places: MessagePlace[] = [];
    const rows = this.sql.iterate(
      'SELECT rowid FROM message_words WHERE message_words MATCH ? AND rowid < ? ORDER BY rowid DESC',
      ...[terms.join(' AND '), end],
    );
    for (const { rowid } of rows) {
      const place = this.#placeOf(rowid as number);
      if (place !== null) places.push(place);
      if (places.length === limit) break;
    }
    return places;
  }

  /** @returns how many messages it adds */
  #add(position: number, row: Row): number {
    const contents = contentsOf(row);
    for (const [nth, words] of wordsOf(row, contents)) {
      this.sql.run(
        'INSERT INTO message_words (rowid, words) VALUES (?, ?)',
        ...[position * MAX_BATCH_ENTRIES + nth, words],
      );
    }
    return contents.length;
  }

  /**
   * Takes entries of a batch out of the index, as far as they are in it: before the batch is changed.
   * @param row of the batch, as it is stored
   */
  remove(row: Row, entries: readonly Entry[]): void {
    const nths = new Set(entries.map(({ seq }) => seq - (row['first'] as number)));
    this.#remove(
      row['position'] as number,
      [...wordsOf(row, contentsOf(row))].filter(([nth]) => nths.has(nth)),
    );
  }

  /** Takes an imported message out of the index. @param row its row */
  removeImported(row: Row): void {
    this.#remove(row['position'] as number, wordsOf({ ...row, silent: null }, contentsOf(row)));
  }

  #remove(position: number, all: Iterable<[nth: number, words: string]>): void {
    const { indexed } = this.sql.get(PROGRESS) as unknown as IndexProgress;
    if (position > indexed) return;
    for (const [nth, words] of all) {
      this.sql.run(
        "INSERT INTO message_words (message_words, rowid, words) VALUES ('delete', ?, ?)",
        ...[position * MAX_BATCH_ENTRIES + nth, words],
      );
    }
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
    const batch = this.sql.get(
      `SELECT c.id AS conversation, f.author, s.segment, b.first FROM batches b
       JOIN segments s ON s.ref = b.segment JOIN feeds f ON f.ref = b.feed
       JOIN conversations c ON c.ref = b.conversation WHERE b.position = ?`,
      position,
    );
    if (batch !== undefined) {
      const { first, ...feed } = batch;
      return { ...feed, seq: (first as number) + (row % MAX_BATCH_ENTRIES) } as MessagePlace;
    }
    const id = this.sql.get('SELECT id FROM imported WHERE position = ?', position)?.['id'];
    const place = this.reader.find(id as string);
    return place !== null && 'imported' in place ? place : null;
  }
}

/** What the index has of a batch, by the place in it: nothing of what is erased, or hidden. */
function* wordsOf(row: Row, contents: readonly string[]): Generator<[nth: number, words: string]> {
  const silent = new Set(silentOf(row['silent']).map((seq) => seq - (row['first'] as number)));
  for (const [nth, content] of contents.entries()) {
    const read = readContent(content);
    if (content === '' || (silent.has(nth) && !isAction(read))) continue;
    const sign = CONVERSATION_SIGN + String(row['conversation']);
    yield [nth, [sign, ...searchWords(searchableText(read))].join(' ')];
  }
}

function contentsOf({ hash, bytes, content }: Row): string[] {
  if (typeof content === 'string') return [content];
  return entriesOf(storedBatch(bytes as Uint8Array, hash as string)).map((entry) => entry.content);
}
