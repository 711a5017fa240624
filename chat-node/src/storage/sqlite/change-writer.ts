import { hash } from 'node:crypto';
import { type Batch, entriesOf, eraseEntries, lastSeq, storedBatch } from '@p2p-chat/shared/protocol/batch';
import { segmentTag } from '@p2p-chat/shared/protocol/conversation';
import { listOf, referencesOf } from '../../core/conversations/references.js';
import { StorageError } from '../../core/errors.js';
import { linkedTips } from '../../core/feeds/segments.js';
import type {
  Change,
  ImportedMessage,
  KeptOperation,
  MessageKey,
  SegmentEntries,
  Watermark,
} from '../../core/ports/conversation.store.js';
import { silentOf } from './batch-reader.js';
import { SCHEMA_VERSION, VERSION_BASE } from './schema.js';
import type { SearchIndex } from './search-index.js';
import type { Row, Statements } from './statements.js';

const NEXT_POSITION =
  '1 + max((SELECT ifnull(max(position), 0) FROM batches), (SELECT ifnull(max(position), 0) FROM imported))';
const ADD_BATCH = `INSERT INTO batches VALUES (${NEXT_POSITION}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING position`;
const ADD_IMPORTED = `INSERT INTO imported VALUES (${NEXT_POSITION}, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;

interface OpenSegment {
  ref: number;
  feed: number;
  conversation: number;
  seq: number;
}

/** Carries out changes, in the transaction that is open. */
export class ChangeWriter {
  constructor(
    private readonly sql: Statements,
    private readonly search: SearchIndex,
  ) {}

  /** @throws {StorageError} `key-taken`; `storage-failed` where a batch does not go on from what is stored */
  apply(change: Change): void {
    switch (change.type) {
      case 'append':
        this.#saveKeys(change.batch, change.keys);
        return this.#saveBatch(change.batch, { receivedAt: null, dropped: false });
      case 'receive':
        return this.#saveBatch(change.batch, change);
      case 'roster':
        return change.operations.forEach((one) => this.#saveOperation(one));
      case 'erase':
        return this.#erase(change);
      case 'silence':
        return this.#silence(change);
      case 'forget':
        return change.ids.forEach((id) => this.#forget(id));
      case 'conversation': {
        const ref = this.#conversationRef(change.record.id);
        return this.sql.run(
          'UPDATE conversations SET record = ? WHERE ref = ?',
          JSON.stringify(change.record),
          ref,
        );
      }
      case 'watermark':
        return this.#saveWatermark(change.watermark);
      case 'import':
        return change.messages.forEach((message) => this.#import(message));
      case 'peer': {
        const { record } = change;
        return this.sql.run('REPLACE INTO peers VALUES (?, ?)', record.peerId, JSON.stringify(record));
      }
    }
  }

  /** Writes a page as it is, so that the commit around it waits for the disk. */
  touch(): void {
    this.sql.run(`PRAGMA user_version = ${VERSION_BASE + SCHEMA_VERSION}`);
  }

  #saveOperation({ hash, conversation, bytes }: KeptOperation): void {
    const ref = this.#conversationRef(conversation);
    this.sql.run('INSERT INTO operations VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING', hash, ref, bytes);
  }

  #saveBatch(
    batch: Batch,
    { receivedAt, dropped, late = false }: { receivedAt: number | null; dropped: boolean; late?: boolean },
  ): void {
    const segment = this.#openSegment(batch);
    const { first, count, firstClock, lastClock, bytes, follows } = batch;
    const isFirst = segment.seq === 0;
    if (first !== segment.seq + 1 && !(late && isFirst)) {
      const there = this.sql.get(
        'SELECT hash FROM batches WHERE segment = ? AND dropped IN (0, 1) AND first = ?',
        segment.ref,
        first,
      );
      if (there?.['hash'] === batch.hash) return;
      throw new StorageError('storage-failed', 'A batch does not go on from what is stored.', {
        hint: 'This is a fault of the program; please report it.',
      });
    }
    const { silent, targets, lists } = referencesOf(batch);
    const added = this.sql.get(
      ADD_BATCH,
      ...[segment.conversation, segment.feed, segment.ref, Number(dropped), first, count],
      ...[firstClock, lastClock, batch.hash, receivedAt, silent.length === 0 ? null : JSON.stringify(silent)],
      dropped ? new Uint8Array(bytes.length) : bytes,
    );
    const position = added?.['position'] as number;
    for (const { author, segment: its, seq } of targets)
      this.#refer(tagOf({ ...batch, author, segment: its }), seq, position);
    for (const listed of lists) this.#refer(listOf(listed, batch.conversation).tag, 0, position);
    this.sql.run(
      'UPDATE segments SET seq = ?, clock = ?, hash = ?, is_tip = 1 WHERE ref = ?',
      ...[lastSeq(batch), lastClock, batch.hash, segment.ref],
    );
    const others = linkedTips({ segment: batch.segment, follows }, isFirst);
    if (others.length === 0) return;
    this.sql.run('INSERT INTO links VALUES (?, ?, ?)', segment.ref, first, JSON.stringify(others));
    for (const tip of others) {
      this.sql.run(
        'UPDATE segments SET is_tip = 0 WHERE feed = ? AND segment = ? AND seq = ?',
        ...[segment.feed, tip.segment, tip.seq],
      );
    }
  }

  #openSegment({ conversation, author, segment }: Batch): OpenSegment {
    const row = this.sql.get(
      `SELECT s.ref, s.feed, f.conversation, s.seq FROM conversations c
       JOIN feeds f ON f.conversation = c.ref AND f.author = ?2
       JOIN segments s ON s.feed = f.ref AND s.segment = ?3 WHERE c.id = ?1`,
      ...[conversation, author, segment],
    );
    if (row !== undefined) return row as unknown as OpenSegment;
    const ref = this.#conversationRef(conversation);
    const feed = this.#feedRef(ref, author);
    const tag = tagOf({ conversation, author, segment });
    const added = this.sql.get(
      `INSERT INTO segments (feed, segment, tag, seq, clock, hash, is_tip) VALUES (?, ?, ?, 0, '', '', 0) RETURNING ref`,
      ...[feed, segment, tag],
    );
    return { ref: refOf(added), feed, conversation: ref, seq: 0 };
  }

  #refer(tag: string, seq: number, position: number): void {
    this.sql.run('INSERT INTO refs VALUES (?, ?, ?) ON CONFLICT DO NOTHING', tag, seq, position);
  }

  #erase({ seqs, ...segment }: SegmentEntries): void {
    for (const seq of seqs) {
      const row = this.#row(segment, seq);
      if (row === undefined) continue;
      const batch = storedBatch(row['bytes'] as Uint8Array, row['hash'] as string);
      this.search.remove(
        row,
        entriesOf(batch).filter((one) => one.seq === seq),
      );
      const { bytes } = eraseEntries(batch, new Set([seq]), sha256);
      this.sql.run('UPDATE batches SET bytes = ? WHERE position = ?', bytes, row['position'] as number);
    }
  }

  #silence({ seqs, ...segment }: SegmentEntries): void {
    for (const seq of seqs) {
      const row = this.#row(segment, seq);
      if (row === undefined) continue;
      const silent = silentOf(row['silent']);
      if (silent.includes(seq)) continue;
      const entries = entriesOf(storedBatch(row['bytes'] as Uint8Array, row['hash'] as string));
      this.search.remove(
        row,
        entries.filter((one) => one.seq === seq),
      );
      this.sql.run(
        'UPDATE batches SET silent = ? WHERE position = ?',
        ...[JSON.stringify([...silent, seq].sort((a, b) => a - b)), row['position'] as number],
      );
    }
  }

  #forget(id: string): void {
    const row = this.sql.get('SELECT position, conversation, content FROM imported WHERE id = ?', id);
    if (row === undefined) return;
    this.search.removeImported(row);
    this.sql.run('DELETE FROM imported WHERE id = ?', id);
  }

  /** The row of the batch that holds an entry, unless it was dropped. */
  #row(segment: Pick<Batch, 'conversation' | 'author' | 'segment'>, seq: number): Row | undefined {
    const row = this.sql.get(
      `SELECT b.* FROM segments s JOIN batches b ON b.segment = s.ref AND b.dropped = 0
       WHERE s.tag = ? AND b.first <= ? ORDER BY b.first DESC LIMIT 1`,
      ...[tagOf(segment), seq],
    );
    return row !== undefined && seq < (row['first'] as number) + (row['count'] as number) ? row : undefined;
  }

  #saveKeys({ conversation, segment }: Batch, keys: readonly MessageKey[]): void {
    if (keys.length === 0) return;
    const ref = this.#conversationRef(conversation);
    for (const { key, seq } of keys) {
      const there = this.sql.get(
        'SELECT segment, seq FROM keys WHERE conversation = ? AND key = ?',
        ref,
        key,
      );
      if (there === undefined) this.sql.run('INSERT INTO keys VALUES (?, ?, ?, ?)', ref, key, segment, seq);
      else if (there['segment'] !== segment || there['seq'] !== seq) {
        throw new StorageError('key-taken', 'The key is that of another message.');
      }
    }
  }

  #saveWatermark({ conversation, author, member, have, read, times }: Watermark): void {
    const feed = this.#feedRef(this.#conversationRef(conversation), author);
    this.sql.run(
      'REPLACE INTO watermarks VALUES (?, ?, ?, ?, ?)',
      ...[feed, member, JSON.stringify(have), JSON.stringify(read)],
      times === undefined ? null : JSON.stringify(times),
    );
  }

  #import({ id, conversation, author, clock, sentAt, receivedAt, content, state }: ImportedMessage): void {
    const ref = this.#conversationRef(conversation);
    this.sql.run(ADD_IMPORTED, id, ref, author, clock, sentAt, receivedAt, content, state);
  }

  #conversationRef(id: string): number {
    return refOf(
      this.sql.get('SELECT ref FROM conversations WHERE id = ?', id) ??
        this.sql.get('INSERT INTO conversations (id) VALUES (?) RETURNING ref', id),
    );
  }

  #feedRef(conversation: number, author: string): number {
    const feed = [conversation, author] as const;
    return refOf(
      this.sql.get('SELECT ref FROM feeds WHERE conversation = ? AND author = ?', ...feed) ??
        this.sql.get('INSERT INTO feeds (conversation, author) VALUES (?, ?) RETURNING ref', ...feed),
    );
  }
}

function tagOf({
  conversation,
  author,
  segment,
}: Pick<Batch, 'conversation' | 'author' | 'segment'>): string {
  return segmentTag(conversation, author, segment, sha256);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

function refOf(row: Row | undefined): number {
  return row?.['ref'] as number;
}
