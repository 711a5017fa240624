import { clockMs, storedBatch } from '@p2p-chat/shared/protocol/batch';
import { parseMessageId, type ReadMark } from '@p2p-chat/shared/protocol/conversation';
import { MAX_BATCH_SPAN_MS } from '@p2p-chat/shared/protocol/limits';
import type { MessageRange } from '../../core/events.js';
import type {
  BatchCursor,
  ImportedMessage,
  MessagePlace,
  StoredBatch,
} from '../../core/ports/conversation.store.js';
import type { Row, Statements } from './statements.js';

const COLUMNS = 'b.position, b.hash, b.received_at, b.silent, b.bytes';
const OF_FEED = 'conversations c JOIN feeds f ON f.conversation = c.ref AND f.author = ?2';
const OF_SEGMENT = `${OF_FEED} JOIN segments s ON s.feed = f.ref AND s.segment = ?3
  JOIN batches b ON b.segment = s.ref`;
const OF_CONVERSATION = `SELECT ${COLUMNS} FROM conversations c
  JOIN batches b ON b.conversation = c.ref AND b.dropped = 0 WHERE c.id = ?1`;
const IMPORTED =
  'SELECT i.*, c.id AS conversation_id FROM imported i JOIN conversations c ON c.ref = i.conversation';

/** Reads batches and imported messages. */
export class BatchReader {
  constructor(private readonly sql: Statements) {}

  ofFeed(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): StoredBatch[] {
    const rows = this.sql.iterate(
      `SELECT ${COLUMNS} FROM ${OF_FEED} JOIN batches b ON b.feed = f.ref AND b.dropped = 0
       WHERE c.id = ?1 AND b.position > ?3 ORDER BY b.position LIMIT ?4`,
      ...[conversation, author, after, limit.batches],
    );
    const page: StoredBatch[] = [];
    let bytes = 0;
    for (const row of rows) {
      const stored = storedOf(row);
      page.push(stored);
      bytes += stored.batch.bytes.length;
      if (bytes >= limit.bytes) break;
    }
    return page;
  }

  holding(conversation: string, author: string, segment: string, seq: number): StoredBatch | null {
    const row = this.sql.get(
      `SELECT ${COLUMNS}, b.first + b.count AS end FROM ${OF_SEGMENT}
       WHERE c.id = ?1 AND b.dropped = 0 AND b.first <= ?4 ORDER BY b.first DESC LIMIT 1`,
      ...[conversation, author, segment, seq],
    );
    return row !== undefined && seq < (row['end'] as number) ? storedOf(row) : null;
  }

  referring(ranges: readonly MessageRange[]): StoredBatch[] {
    const found = new Map<number, StoredBatch>();
    for (const { tag, first, last } of ranges) {
      const rows = this.sql.all(
        `SELECT DISTINCT ${COLUMNS} FROM refs r JOIN batches b ON b.position = r.batch AND b.dropped = 0
         WHERE r.tag = ? AND r.seq BETWEEN ? AND ?`,
        ...[tag, first, last],
      );
      for (const row of rows) found.set(row['position'] as number, storedOf(row));
    }
    return [...found.values()];
  }

  countSilent(conversation: string, author: string, beyond: readonly ReadMark[]): number {
    let count = 0;
    for (const { segment, seq } of beyond) {
      const rows = this.sql.all(
        `SELECT b.silent FROM ${OF_SEGMENT} AND b.dropped = 0 AND b.silent IS NOT NULL
         WHERE c.id = ?1 AND b.first + b.count > ?4 + 1`,
        ...[conversation, author, segment, seq],
      );
      for (const { silent } of rows) count += silentOf(silent).filter((one) => one > seq).length;
    }
    return count;
  }

  hasDropped(conversation: string, author: string, segment: string, afterSeq: number): boolean {
    const row = this.sql.get(
      `SELECT b.first + b.count AS end FROM ${OF_SEGMENT}
       WHERE c.id = ?1 AND b.dropped = 1 ORDER BY b.first DESC LIMIT 1`,
      ...[conversation, author, segment],
    );
    return row !== undefined && afterSeq + 1 < (row['end'] as number);
  }

  around(conversation: string, clock: string): StoredBatch[] {
    const latest = (clockMs(clock) + MAX_BATCH_SPAN_MS).toString(16).padStart(12, '0');
    const rows = this.sql.all(
      // The plus keeps SQLite to the index by the last clock: a batch ends within its span.
      `${OF_CONVERSATION} AND +b.first_clock <= ?2 AND b.last_clock BETWEEN ?2 AND ?3`,
      ...[conversation, clock, `${latest}ffff`],
    );
    return rows.map(storedOf);
  }

  before(conversation: string, { clock, position }: BatchCursor, limit: number): StoredBatch[] {
    const rows = this.sql.all(
      `${OF_CONVERSATION} AND (b.last_clock, b.position) < (?2, ?3)
       ORDER BY b.last_clock DESC, b.position DESC LIMIT ?4`,
      ...[conversation, clock, position, limit],
    );
    return rows.map(storedOf);
  }

  after(conversation: string, { clock, position }: BatchCursor, limit: number): StoredBatch[] {
    const rows = this.sql.all(
      `${OF_CONVERSATION} AND (b.first_clock, b.position) > (?2, ?3)
       ORDER BY b.first_clock, b.position LIMIT ?4`,
      ...[conversation, clock, position, limit],
    );
    return rows.map(storedOf);
  }

  imported(
    conversation: string,
    side: 'before' | 'after',
    { clock, author, id }: { clock: string; author: string; id: string },
    limit: number,
  ): ImportedMessage[] {
    const [sign, direction] = side === 'before' ? ['<', 'DESC'] : ['>', 'ASC'];
    const rows = this.sql.all(
      `${IMPORTED} WHERE c.id = ? AND (i.clock, i.author, i.id) ${sign} (?, ?, ?)
       ORDER BY i.clock ${direction}, i.author ${direction}, i.id ${direction} LIMIT ?`,
      ...[conversation, clock, author, id, limit],
    );
    return rows.map(importedOf);
  }

  find(id: string): MessagePlace | null {
    return this.locate(id)?.place ?? null;
  }

  /** The message with an id, and where it stands in the order of saving: its nth entry of a position. */
  locate(id: string): { place: MessagePlace; position: number; nth: number } | null {
    const { tag, seq } = parseMessageId(id) ?? { tag: '', seq: 0 };
    const row = this.sql.get(
      `SELECT c.id AS conversation, f.author, s.segment, b.position, b.first, b.first + b.count AS end
       FROM segments s JOIN batches b ON b.segment = s.ref AND b.dropped = 0
       JOIN feeds f ON f.ref = s.feed JOIN conversations c ON c.ref = f.conversation
       WHERE s.tag = ? AND b.first <= ? ORDER BY b.first DESC LIMIT 1`,
      ...[tag, seq],
    );
    if (row !== undefined && seq < (row['end'] as number)) {
      const { conversation, author, segment, position, first } = row;
      const place = { conversation, author, segment, seq } as MessagePlace;
      return { place, position: position as number, nth: seq - (first as number) };
    }
    const imported = this.sql.get(`${IMPORTED} WHERE i.id = ?`, id);
    if (imported === undefined) return null;
    return { place: { imported: importedOf(imported) }, position: imported['position'] as number, nth: 0 };
  }
}

function storedOf({ position, hash, received_at, silent, bytes }: Row): StoredBatch {
  return {
    batch: storedBatch(bytes as Uint8Array, hash as string),
    receivedAt: received_at as number | null,
    position: position as number,
    silent: silentOf(silent),
  };
}

/** The numbers of a `silent` column. */
export function silentOf(silent: unknown): number[] {
  return silent === null ? [] : (JSON.parse(silent as string) as number[]);
}

function importedOf({
  id,
  conversation_id,
  author,
  clock,
  sent_at,
  received_at,
  content,
  state,
}: Row): ImportedMessage {
  const times = { sentAt: sent_at, receivedAt: received_at };
  return { id, conversation: conversation_id, author, clock, ...times, content, state } as ImportedMessage;
}
