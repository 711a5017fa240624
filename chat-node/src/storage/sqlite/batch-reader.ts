import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { clockMs, storedBatch } from '@p2p-chat/shared/protocol/batch';
import { parseMessageId } from '@p2p-chat/shared/protocol/conversation';
import { MAX_BATCH_SPAN_MS } from '@p2p-chat/shared/protocol/limits';
import type {
  BatchCursor,
  ImportedMessage,
  MessagePlace,
  StoredBatch,
} from '../../core/ports/conversation.store.js';

type Row = Record<string, unknown>;

const COLUMNS = 'b.position, b.hash, b.received_at, b.bytes';
const OF_FEED = 'conversations c JOIN feeds f ON f.conversation = c.ref AND f.author = ?2';
const OF_SEGMENT = `${OF_FEED} JOIN segments s ON s.feed = f.ref AND s.segment = ?3`;

/** Reads batches and imported messages. */
export class BatchReader {
  readonly #ofFeed: StatementSync;
  readonly #ofSegment: StatementSync;
  readonly #lastDropped: StatementSync;
  readonly #around: StatementSync;
  readonly #before: StatementSync;
  readonly #after: StatementSync;
  readonly #importedBefore: StatementSync;
  readonly #importedAfter: StatementSync;
  readonly #tagged: StatementSync;
  readonly #imported: StatementSync;

  constructor(database: DatabaseSync) {
    this.#ofFeed = database.prepare(
      `SELECT ${COLUMNS} FROM ${OF_FEED} JOIN batches b ON b.feed = f.ref AND b.dropped = 0
       WHERE c.id = ?1 AND b.position > ?3 ORDER BY b.position LIMIT ?4`,
    );
    this.#ofSegment = database.prepare(
      `SELECT ${COLUMNS}, b.first + b.count AS end FROM ${OF_SEGMENT}
       JOIN batches b ON b.segment = s.ref AND b.dropped = 0
       WHERE c.id = ?1 AND b.first <= ?4 ORDER BY b.first DESC LIMIT 1`,
    );
    this.#lastDropped = database.prepare(
      `SELECT b.first + b.count AS end FROM ${OF_SEGMENT}
       JOIN batches b ON b.segment = s.ref AND b.dropped = 1
       WHERE c.id = ?1 ORDER BY b.first DESC LIMIT 1`,
    );
    const page = (condition: string, order = ''): StatementSync =>
      database.prepare(
        `SELECT ${COLUMNS} FROM conversations c JOIN batches b ON b.conversation = c.ref AND b.dropped = 0
         WHERE c.id = ?1 AND ${condition} ${order}`,
      );
    // The plus keeps SQLite to the index by the last clock, where a batch ends within its span.
    this.#around = page('+b.first_clock <= ?2 AND b.last_clock BETWEEN ?2 AND ?3');
    this.#before = page(
      '(b.last_clock, b.position) < (?2, ?3)',
      'ORDER BY b.last_clock DESC, b.position DESC LIMIT ?4',
    );
    this.#after = page(
      '(b.first_clock, b.position) > (?2, ?3)',
      'ORDER BY b.first_clock, b.position LIMIT ?4',
    );
    const imported = `SELECT i.*, c.id AS conversation_id FROM conversations c
       JOIN imported i ON i.conversation = c.ref WHERE`;
    const importedPage = (sign: '<' | '>', direction: 'DESC' | 'ASC'): StatementSync =>
      database.prepare(
        `${imported} c.id = ?1 AND (i.clock, i.author, i.id) ${sign} (?2, ?3, ?4)
         ORDER BY i.clock ${direction}, i.author ${direction}, i.id ${direction} LIMIT ?5`,
      );
    this.#importedBefore = importedPage('<', 'DESC');
    this.#importedAfter = importedPage('>', 'ASC');
    this.#imported = database.prepare(`${imported} i.id = ?`);
    this.#tagged = database.prepare(
      `SELECT c.id AS conversation, f.author, s.segment, b.position, b.first, b.first + b.count AS end
       FROM segments s JOIN batches b ON b.segment = s.ref AND b.dropped = 0
       JOIN feeds f ON f.ref = s.feed JOIN conversations c ON c.ref = f.conversation
       WHERE s.tag = ?1 AND b.first <= ?2 ORDER BY b.first DESC LIMIT 1`,
    );
  }

  ofFeed(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): StoredBatch[] {
    const page: StoredBatch[] = [];
    let bytes = 0;
    for (const row of this.#ofFeed.iterate(conversation, author, after, limit.batches)) {
      const stored = storedOf(row);
      page.push(stored);
      bytes += stored.batch.bytes.length;
      if (bytes >= limit.bytes) break;
    }
    return page;
  }

  holding(conversation: string, author: string, segment: string, seq: number): StoredBatch | null {
    const row = this.#ofSegment.get(conversation, author, segment, seq);
    return row !== undefined && seq < (row['end'] as number) ? storedOf(row) : null;
  }

  hasDropped(conversation: string, author: string, segment: string, afterSeq: number): boolean {
    const row = this.#lastDropped.get(conversation, author, segment);
    return row !== undefined && afterSeq + 1 < (row['end'] as number);
  }

  around(conversation: string, clock: string): StoredBatch[] {
    const latest = (clockMs(clock) + MAX_BATCH_SPAN_MS).toString(16).padStart(12, '0');
    return stored(this.#around, conversation, clock, `${latest}ffff`);
  }

  before(conversation: string, { clock, position }: BatchCursor, limit: number): StoredBatch[] {
    return stored(this.#before, conversation, clock, position, limit);
  }

  after(conversation: string, { clock, position }: BatchCursor, limit: number): StoredBatch[] {
    return stored(this.#after, conversation, clock, position, limit);
  }

  imported(
    conversation: string,
    side: 'before' | 'after',
    { clock, author, id }: { clock: string; author: string; id: string },
    limit: number,
  ): ImportedMessage[] {
    const statement = side === 'before' ? this.#importedBefore : this.#importedAfter;
    return statement.all(conversation, clock, author, id, limit).map(importedOf);
  }

  find(id: string): MessagePlace | null {
    return this.locate(id)?.place ?? null;
  }

  /** The message with an id, and where it stands in the order of saving: its nth entry of a position. */
  locate(id: string): { place: MessagePlace; position: number; nth: number } | null {
    const parsed = parseMessageId(id);
    const row = parsed === null ? undefined : this.#tagged.get(parsed.tag, parsed.seq);
    if (parsed !== null && row !== undefined && parsed.seq < (row['end'] as number)) {
      const { conversation, author, segment } = row;
      const place = { conversation, author, segment, seq: parsed.seq } as MessagePlace;
      return { place, position: row['position'] as number, nth: parsed.seq - (row['first'] as number) };
    }
    const imported = this.#imported.get(id);
    if (imported === undefined) return null;
    return { place: { imported: importedOf(imported) }, position: imported['position'] as number, nth: 0 };
  }
}

function stored(statement: StatementSync, ...parameters: SQLInputValue[]): StoredBatch[] {
  return statement.all(...parameters).map(storedOf);
}

function storedOf({ position, hash, received_at, bytes }: Row): StoredBatch {
  return {
    batch: storedBatch(bytes as Uint8Array, hash as string),
    receivedAt: received_at as number | null,
    position: position as number,
  };
}

/** @param row of `imported`, with the id of the conversation */
export function importedOf(row: Row): ImportedMessage {
  return {
    id: row['id'] as string,
    conversation: row['conversation_id'] as string,
    author: row['author'] as string,
    clock: row['clock'] as string,
    sentAt: row['sent_at'] as number,
    receivedAt: row['received_at'] as number | null,
    content: row['content'] as string,
    state: row['state'] as ImportedMessage['state'],
  };
}
