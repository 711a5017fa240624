import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ReadMark, Tip } from '@p2p-chat/shared';
import type { PeerRecord } from '../../core/peers/peer.js';
import type {
  ConversationRecord,
  ConversationSnapshot,
  SegmentRecord,
} from '../../core/ports/conversation.store.js';

type Row = Record<string, unknown>;

/** Reads what is known of conversations, feeds and peers without their batches. */
export class ConversationReader {
  readonly #records: StatementSync;
  readonly #tips: StatementSync;
  readonly #watermarks: StatementSync;
  readonly #segments: StatementSync;
  readonly #links: StatementSync;
  readonly #key: StatementSync;
  readonly #peers: StatementSync;

  constructor(database: DatabaseSync) {
    const last = (dropped: 0 | 1): string =>
      `ifnull((SELECT max(last_clock) FROM batches WHERE conversation = c.ref AND dropped = ${dropped}), '')`;
    this.#records = database.prepare(
      `SELECT c.id, c.record, max(${last(0)}, ${last(1)}) AS last_clock FROM conversations c
       WHERE c.record IS NOT NULL`,
    );
    this.#tips = database.prepare(
      `SELECT c.id, f.author, s.segment, s.seq, s.clock, s.hash FROM segments s
       JOIN feeds f ON f.ref = s.feed JOIN conversations c ON c.ref = f.conversation WHERE s.is_tip = 1`,
    );
    this.#watermarks = database.prepare(
      `SELECT c.id, f.author, w.member, w.have, w.read FROM watermarks w
       JOIN feeds f ON f.ref = w.feed JOIN conversations c ON c.ref = f.conversation`,
    );
    const feed = `JOIN feeds f ON f.conversation = c.ref AND f.author = ?2
       JOIN segments s ON s.feed = f.ref`;
    this.#segments = database.prepare(
      `SELECT s.ref, s.segment, s.tag, s.seq, s.clock, s.hash FROM conversations c ${feed} WHERE c.id = ?1`,
    );
    this.#links = database.prepare(
      `SELECT l.segment, l.first, l.follows FROM conversations c ${feed}
       JOIN links l ON l.segment = s.ref WHERE c.id = ?1 ORDER BY l.segment, l.first`,
    );
    this.#key = database.prepare(
      `SELECT k.segment, k.seq FROM conversations c JOIN keys k ON k.conversation = c.ref AND k.key = ?2
       WHERE c.id = ?1`,
    );
    this.#peers = database.prepare('SELECT record FROM peers');
  }

  snapshots(): ConversationSnapshot[] {
    const tips = Map.groupBy(this.#tips.all(), ({ id }) => id);
    const watermarks = Map.groupBy(this.#watermarks.all(), ({ id }) => id);
    return this.#records.all().map(({ id, record, last_clock }) => ({
      record: JSON.parse(record as string) as ConversationRecord,
      feeds: Array.from(
        Map.groupBy(tips.get(id) ?? [], ({ author }) => author as string),
        ([author, rows]) => ({ author, tips: rows.map(tipOfRow) }),
      ),
      watermarks: (watermarks.get(id) ?? []).map((row) => ({
        conversation: id as string,
        author: row['author'] as string,
        member: row['member'] as string,
        have: JSON.parse(row['have'] as string) as Tip[],
        read: JSON.parse(row['read'] as string) as ReadMark[],
      })),
      lastClock: last_clock as string,
    }));
  }

  segments(conversation: string, author: string): SegmentRecord[] {
    const links = Map.groupBy(this.#links.all(conversation, author), ({ segment }) => segment);
    return this.#segments.all(conversation, author).map((row) => ({
      segment: row['segment'] as string,
      tag: row['tag'] as string,
      tip: tipOfRow(row),
      links: (links.get(row['ref'] ?? null) ?? []).map(({ first, follows }) => ({
        first: first as number,
        follows: JSON.parse(follows as string) as Tip[],
      })),
    }));
  }

  keyed(conversation: string, key: string): { segment: string; seq: number } | null {
    const row = this.#key.get(conversation, key);
    return row === undefined ? null : { segment: row['segment'] as string, seq: row['seq'] as number };
  }

  peers(): PeerRecord[] {
    return this.#peers.all().map(({ record }) => JSON.parse(record as string) as PeerRecord);
  }
}

function tipOfRow({ segment, seq, clock, hash }: Row): Tip {
  return { segment, seq, clock, hash } as Tip;
}
