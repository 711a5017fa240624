import { hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Batch, lastSeq } from '@p2p-chat/shared/protocol/batch';
import { segmentTag } from '@p2p-chat/shared/protocol/conversation';
import { StorageError } from '../../core/errors.js';
import type { Change, ImportedMessage, MessageKey, Watermark } from '../../core/ports/conversation.store.js';
import { SCHEMA_VERSION, VERSION_BASE } from './schema.js';

const NEXT_POSITION =
  '1 + max((SELECT ifnull(max(position), 0) FROM batches), (SELECT ifnull(max(position), 0) FROM imported))';

interface OpenSegment {
  ref: number;
  feed: number;
  conversation: number;
  seq: number;
}

/** Carries out changes, in the transaction that is open. Whatever is there already stays as it is. */
export class ChangeWriter {
  readonly #conversation: StatementSync;
  readonly #addConversation: StatementSync;
  readonly #saveRecord: StatementSync;
  readonly #feed: StatementSync;
  readonly #addFeed: StatementSync;
  readonly #segment: StatementSync;
  readonly #addSegment: StatementSync;
  readonly #advance: StatementSync;
  readonly #follow: StatementSync;
  readonly #addLink: StatementSync;
  readonly #hashAt: StatementSync;
  readonly #addBatch: StatementSync;
  readonly #key: StatementSync;
  readonly #addKey: StatementSync;
  readonly #saveWatermark: StatementSync;
  readonly #addImported: StatementSync;
  readonly #savePeer: StatementSync;

  constructor(private readonly database: DatabaseSync) {
    this.#conversation = database.prepare('SELECT ref FROM conversations WHERE id = ?');
    this.#addConversation = database.prepare('INSERT INTO conversations (id) VALUES (?) RETURNING ref');
    this.#saveRecord = database.prepare('UPDATE conversations SET record = ? WHERE ref = ?');
    this.#feed = database.prepare('SELECT ref FROM feeds WHERE conversation = ? AND author = ?');
    this.#addFeed = database.prepare('INSERT INTO feeds (conversation, author) VALUES (?, ?) RETURNING ref');
    this.#segment = database.prepare(
      `SELECT s.ref, s.feed, f.conversation, s.seq FROM conversations c
       JOIN feeds f ON f.conversation = c.ref AND f.author = ?
       JOIN segments s ON s.feed = f.ref AND s.segment = ? WHERE c.id = ?`,
    );
    this.#addSegment = database.prepare(
      `INSERT INTO segments (feed, segment, tag, seq, clock, hash, is_tip) VALUES (?, ?, ?, 0, '', '', 0) RETURNING ref`,
    );
    this.#advance = database.prepare(
      'UPDATE segments SET seq = ?, clock = ?, hash = ?, is_tip = 1 WHERE ref = ?',
    );
    this.#follow = database.prepare(
      'UPDATE segments SET is_tip = 0 WHERE feed = ? AND segment = ? AND seq = ?',
    );
    this.#addLink = database.prepare('INSERT INTO links VALUES (?, ?, ?)');
    this.#hashAt = database.prepare(
      'SELECT hash FROM batches WHERE segment = ? AND dropped IN (0, 1) AND first = ?',
    );
    this.#addBatch = database.prepare(
      `INSERT INTO batches VALUES (${NEXT_POSITION}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#key = database.prepare('SELECT segment, seq FROM keys WHERE conversation = ? AND key = ?');
    this.#addKey = database.prepare('INSERT INTO keys VALUES (?, ?, ?, ?)');
    this.#saveWatermark = database.prepare('REPLACE INTO watermarks VALUES (?, ?, ?, ?)');
    this.#addImported = database.prepare(
      `INSERT INTO imported VALUES (${NEXT_POSITION}, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    );
    this.#savePeer = database.prepare('REPLACE INTO peers VALUES (?, ?)');
  }

  /** @throws {StorageError} `key-taken`; `storage-failed` where a batch does not go on from what is stored */
  apply(change: Change): void {
    switch (change.type) {
      case 'append':
        this.#saveKeys(change.batch, change.keys);
        return this.#saveBatch(change.batch, null, false);
      case 'receive':
        return this.#saveBatch(change.batch, change.receivedAt, change.dropped);
      case 'conversation': {
        const ref = this.#conversationRef(change.record.id);
        return void this.#saveRecord.run(JSON.stringify(change.record), ref);
      }
      case 'watermark':
        return this.#setWatermark(change.watermark);
      case 'import':
        return change.messages.forEach((message) => this.#import(message));
      case 'peer':
        return void this.#savePeer.run(change.record.peerId, JSON.stringify(change.record));
    }
  }

  /** Writes a page as it is, so that the commit around it waits for the disk. */
  touch(): void {
    this.database.exec(`PRAGMA user_version = ${VERSION_BASE + SCHEMA_VERSION}`);
  }

  #saveBatch(batch: Batch, receivedAt: number | null, dropped: boolean): void {
    const segment = this.#openSegment(batch);
    if (batch.first !== segment.seq + 1) {
      if (this.#hashAt.get(segment.ref, batch.first)?.['hash'] === batch.hash) return;
      throw new StorageError('storage-failed', 'A batch does not go on from what is stored.', {
        hint: 'This is a fault of the program; please report it.',
      });
    }
    const { first, count, firstClock, lastClock, bytes } = batch;
    this.#addBatch.run(
      ...[segment.conversation, segment.feed, segment.ref, Number(dropped), first, count],
      ...[firstClock, lastClock, batch.hash, receivedAt, dropped ? new Uint8Array(bytes.length) : bytes],
    );
    this.#advance.run(lastSeq(batch), lastClock, batch.hash, segment.ref);
    const others = batch.follows.filter((tip) => tip.segment !== batch.segment);
    if (others.length === 0) return;
    this.#addLink.run(segment.ref, first, JSON.stringify(others));
    for (const tip of others) this.#follow.run(segment.feed, tip.segment, tip.seq);
  }

  #openSegment({ conversation, author, segment }: Batch): OpenSegment {
    const row = this.#segment.get(author, segment, conversation);
    if (row !== undefined) return row as unknown as OpenSegment;
    const ref = this.#conversationRef(conversation);
    const feed = this.#feedRef(ref, author);
    const tag = segmentTag(conversation, author, segment, (bytes) => hash('sha256', bytes, 'buffer'));
    return { ref: refOf(this.#addSegment.get(feed, segment, tag)), feed, conversation: ref, seq: 0 };
  }

  #saveKeys({ conversation, segment }: Batch, keys: readonly MessageKey[]): void {
    if (keys.length === 0) return;
    const ref = this.#conversationRef(conversation);
    for (const { key, seq } of keys) {
      const there = this.#key.get(ref, key);
      if (there === undefined) this.#addKey.run(ref, key, segment, seq);
      else if (there['segment'] !== segment || there['seq'] !== seq) {
        throw new StorageError('key-taken', 'The key is that of another message.');
      }
    }
  }

  #setWatermark({ conversation, author, member, have, read }: Watermark): void {
    const feed = this.#feedRef(this.#conversationRef(conversation), author);
    this.#saveWatermark.run(feed, member, JSON.stringify(have), JSON.stringify(read));
  }

  #import({ id, conversation, author, clock, sentAt, receivedAt, content, state }: ImportedMessage): void {
    const ref = this.#conversationRef(conversation);
    this.#addImported.run(id, ref, author, clock, sentAt, receivedAt, content, state);
  }

  #conversationRef(id: string): number {
    return refOf(this.#conversation.get(id) ?? this.#addConversation.get(id));
  }

  #feedRef(conversation: number, author: string): number {
    return refOf(this.#feed.get(conversation, author) ?? this.#addFeed.get(conversation, author));
  }
}

function refOf(row: Record<string, unknown> | undefined): number {
  return row?.['ref'] as number;
}
