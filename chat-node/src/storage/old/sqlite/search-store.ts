import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { searchWords } from '@p2p-chat/shared/search-words';
import { ChatError } from '../../../chat/errors.js';
import type { Message } from '../../../chat/message.js';
import type { SearchQuery } from '../../../chat/ports/message-search.js';
import { ID_PARAMETER, MESSAGE_COLUMNS, messageOf } from './message-row.js';

/** Messages put into the index at once: a few milliseconds, so that those that arrive meanwhile hardly wait. */
const CHUNK_MESSAGES = 250;
/** Characters of bodies after which a chunk is over, where messages are long. */
const CHUNK_CHARACTERS = 256 * 1024;
/** Greater than every row. */
const AFTER_ALL_ROWS = Number.MAX_SAFE_INTEGER;
/** Begins the word that names a conversation: no letter, so that no word of a message is like it. */
const CONVERSATION_SIGN = '§';

/** How far the index is behind the messages. */
export interface IndexProgress {
  /** The last row that is in the index. */
  indexed: number;
  /** The last row there is. */
  last: number;
}

/** MessageSearch inside the worker thread, and the filling of its index. */
export class SearchStore {
  readonly #progress: StatementSync;
  readonly #advance: StatementSync;
  readonly #unindexed: StatementSync;
  readonly #index: StatementSync;
  readonly #place: StatementSync;
  readonly #conversation: StatementSync;
  readonly #search: StatementSync;

  constructor(database: DatabaseSync) {
    this.#progress = database.prepare(
      'SELECT indexed, (SELECT coalesce(max(n), 0) FROM messages) AS last FROM search_progress',
    );
    this.#advance = database.prepare('UPDATE search_progress SET indexed = ?');
    this.#unindexed = database.prepare(
      'SELECT n, conversation, body FROM messages WHERE n > ? ORDER BY n LIMIT ?',
    );
    this.#index = database.prepare('INSERT INTO message_words (rowid, words) VALUES (?, ?)');
    // Where somebody else used an id again, the first message that has it is meant.
    this.#place = database.prepare(`SELECT min(n) AS n FROM messages WHERE id = ${ID_PARAMETER}`);
    this.#conversation = database.prepare('SELECT ref FROM conversations WHERE id = ?');
    this.#search = database.prepare(
      `SELECT ${MESSAGE_COLUMNS}, c.id AS conversation_id
       FROM message_words w
       JOIN messages m ON m.n = w.rowid
       JOIN authors a ON a.ref = m.author
       JOIN conversations c ON c.ref = m.conversation
       WHERE w.message_words MATCH ? AND w.rowid < ?
       ORDER BY w.rowid DESC LIMIT ?`,
    );
  }

  /**
   * Puts the next messages into the index.
   * @param upTo nothing is done where the index has this row already; without it, the last row there is
   */
  indexMore(upTo?: number): IndexProgress {
    const { indexed, last } = this.#progress.get() as unknown as IndexProgress;
    if (indexed >= Math.min(upTo ?? last, last)) return { indexed, last };
    let [reached, characters] = [indexed, 0];
    for (const row of this.#unindexed.iterate(indexed, CHUNK_MESSAGES)) {
      const body = row['body'] as string;
      const words = [CONVERSATION_SIGN + String(row['conversation']), ...searchWords(body)];
      reached = row['n'] as number;
      this.#index.run(reached, words.join(' '));
      characters += body.length;
      if (characters >= CHUNK_CHARACTERS) break;
    }
    this.#advance.run(reached);
    return { indexed: reached, last };
  }

  search(query: SearchQuery): Message[] {
    const before = query.before === undefined ? AFTER_ALL_ROWS : this.#placeOf(query.before);
    // Words have nothing but letters, digits and signs, so none can end its quotes.
    const terms = query.words.map((word) => `"${word}"*`);
    if (query.conversationId !== undefined) {
      const conversation = this.#conversation.get(query.conversationId)?.['ref'];
      if (conversation === undefined) return [];
      terms.unshift(`"${CONVERSATION_SIGN}${String(conversation)}"`);
    }
    const rows = this.#search.all(terms.join(' AND '), before, query.limit);
    return rows.map((row) => messageOf(row, row['conversation_id'] as string));
  }

  #placeOf(id: string): number {
    const n = this.#place.get(id)?.['n'];
    if (typeof n === 'number') return n;
    throw new ChatError('message-unknown', `There is no message ${id}.`, {
      hint: 'Use an id that the page before shows.',
    });
  }
}
