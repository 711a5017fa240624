import type { ReadMark, Tip } from '@p2p-chat/shared';
import type { PeerRecord } from '../../core/peers/peer.js';
import type {
  ConversationRecord,
  ConversationSnapshot,
  KeptOperation,
  ReceiptTimes,
  SegmentRecord,
} from '../../core/ports/conversation.store.js';
import type { Row, Statements } from './statements.js';

const SEGMENTS = `conversations c JOIN feeds f ON f.conversation = c.ref AND f.author = ?2
  JOIN segments s ON s.feed = f.ref`;
const LAST_CLOCK = 'SELECT max(last_clock) FROM batches WHERE conversation = c.ref AND dropped =';

/** Reads what is known of conversations, feeds and peers without their batches. */
export class ConversationReader {
  constructor(private readonly sql: Statements) {}

  snapshots(): ConversationSnapshot[] {
    const tips = this.sql.all(
      `SELECT c.id, f.author, s.segment, s.seq, s.clock, s.hash FROM segments s
       JOIN feeds f ON f.ref = s.feed JOIN conversations c ON c.ref = f.conversation WHERE s.is_tip = 1`,
    );
    const watermarks = this.sql.all(
      `SELECT c.id, f.author, w.member, w.have, w.read, w.times FROM watermarks w
       JOIN feeds f ON f.ref = w.feed JOIN conversations c ON c.ref = f.conversation`,
    );
    const [tipsOf, watermarksOf] = [tips, watermarks].map((rows) => Map.groupBy(rows, ({ id }) => id));
    const records = this.sql.all(
      `SELECT c.id, c.record, max(ifnull((${LAST_CLOCK} 0), ''), ifnull((${LAST_CLOCK} 1), '')) AS last_clock
       FROM conversations c WHERE c.record IS NOT NULL`,
    );
    return records.map(({ id, record, last_clock }) => ({
      record: JSON.parse(record as string) as ConversationRecord,
      feeds: Array.from(
        Map.groupBy(tipsOf?.get(id) ?? [], ({ author }) => author as string),
        ([author, rows]) => ({ author, tips: rows.map(tipOfRow) }),
      ),
      watermarks: (watermarksOf?.get(id) ?? []).map(({ author, member, have, read, times }) => ({
        conversation: id as string,
        author: author as string,
        member: member as string,
        have: JSON.parse(have as string) as Tip[],
        read: JSON.parse(read as string) as ReadMark[],
        ...(times === null ? {} : { times: JSON.parse(times as string) as ReceiptTimes }),
      })),
      lastClock: last_clock as string,
    }));
  }

  segments(conversation: string, author: string): SegmentRecord[] {
    const links = this.sql.all(
      `SELECT l.segment, l.first, l.follows FROM ${SEGMENTS}
       JOIN links l ON l.segment = s.ref WHERE c.id = ?1 ORDER BY l.segment, l.first`,
      ...[conversation, author],
    );
    const linksOf = Map.groupBy(links, ({ segment }) => segment);
    const segments = this.sql.all(`SELECT s.* FROM ${SEGMENTS} WHERE c.id = ?1`, conversation, author);
    return segments.map((row) => ({
      segment: row['segment'] as string,
      tag: row['tag'] as string,
      tip: tipOfRow(row),
      links: (linksOf.get(row['ref']) ?? []).map(({ first, follows }) => ({
        first: first as number,
        follows: JSON.parse(follows as string) as Tip[],
      })),
    }));
  }

  keyed(conversation: string, key: string): { segment: string; seq: number } | null {
    const row = this.sql.get(
      `SELECT k.segment, k.seq FROM conversations c JOIN keys k ON k.conversation = c.ref AND k.key = ?2
       WHERE c.id = ?1`,
      ...[conversation, key],
    );
    return row === undefined ? null : { segment: row['segment'] as string, seq: row['seq'] as number };
  }

  roster(conversation: string): KeptOperation[] {
    const rows = this.sql.all(
      'SELECT o.hash, o.bytes FROM conversations c JOIN operations o ON o.conversation = c.ref WHERE c.id = ?',
      conversation,
    );
    return rows.map(({ hash, bytes }) => ({
      hash: hash as string,
      conversation,
      bytes: bytes as Uint8Array,
    }));
  }

  peers(): PeerRecord[] {
    return this.sql
      .all('SELECT record FROM peers')
      .map(({ record }) => JSON.parse(record as string) as PeerRecord);
  }
}

function tipOfRow({ segment, seq, clock, hash }: Row): Tip {
  return { segment, seq, clock, hash } as Tip;
}
