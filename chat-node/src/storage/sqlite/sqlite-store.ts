import {
  type BatchCursor,
  type Change,
  type ConversationSnapshot,
  ConversationStore,
  type ImportedMessage,
  type MessagePlace,
  type SearchQuery,
  type SegmentRecord,
  type StoredBatch,
} from '../../core/ports/conversation.store.js';
import type { PeerRecord } from '../../core/peers/peer.js';
import { WorkerClient } from './worker-client.js';

export interface SqliteStoreOptions {
  /** Path of the database; its folder must exist. */
  file: string;
  /** The built worker; another one only where this file does not run from the build. */
  workerUrl?: URL;
  /**
   * Is called when the file was closed because its disk failed. Until it can be
   * opened again, calls are refused, except those that only read where the
   * disk lets them.
   */
  onDiskFailure?: () => void;
}

/** ConversationStore in one SQLite file, which a thread of its own reads and writes. */
export class SqliteStore extends ConversationStore {
  private constructor(private readonly worker: WorkerClient) {
    super();
  }

  /**
   * Opens the file, making it where there is none.
   * @throws {StorageError} `storage-too-new`, `storage-too-old` or
   * `storage-corrupt` (the file is left as it was), `storage-in-use`,
   * `storage-full`, `storage-read-only`, `storage-unavailable`
   */
  static async open({ file, workerUrl, onDiskFailure }: SqliteStoreOptions): Promise<SqliteStore> {
    const url = workerUrl ?? new URL('./sqlite-worker.js', import.meta.url);
    return new SqliteStore(await WorkerClient.start(url, { file }, onDiskFailure));
  }

  override commit(changes: readonly Change[]): Promise<void> {
    // Handed over as copies: the caller goes on using its bytes, and those of a
    // batch that arrived may be part of a larger buffer.
    const transfer: ArrayBuffer[] = [];
    const sent = changes.map((change) => {
      if (!('batch' in change)) return change;
      const bytes = new Uint8Array(change.batch.bytes);
      transfer.push(bytes.buffer);
      return { ...change, batch: { ...change.batch, bytes } };
    });
    return this.worker.call('commit', [sent], transfer);
  }

  override conversations(): Promise<ConversationSnapshot[]> {
    return this.worker.call('conversations', []);
  }

  override segments(conversation: string, author: string): Promise<SegmentRecord[]> {
    return this.worker.call('segments', [conversation, author]);
  }

  override batches(
    conversation: string,
    author: string,
    after: number,
    limit: { batches: number; bytes: number },
  ): Promise<StoredBatch[]> {
    return this.worker.call('batches', [conversation, author, after, limit]);
  }

  override batchOf(
    conversation: string,
    author: string,
    segment: string,
    seq: number,
  ): Promise<StoredBatch | null> {
    return this.worker.call('batchOf', [conversation, author, segment, seq]);
  }

  override hasDropped(
    conversation: string,
    author: string,
    segment: string,
    afterSeq: number,
  ): Promise<boolean> {
    return this.worker.call('hasDropped', [conversation, author, segment, afterSeq]);
  }

  override around(conversation: string, clock: string): Promise<StoredBatch[]> {
    return this.worker.call('around', [conversation, clock]);
  }

  override before(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]> {
    return this.worker.call('before', [conversation, cursor, limit]);
  }

  override after(conversation: string, cursor: BatchCursor, limit: number): Promise<StoredBatch[]> {
    return this.worker.call('after', [conversation, cursor, limit]);
  }

  override imported(
    conversation: string,
    side: 'before' | 'after',
    place: { clock: string; author: string; id: string },
    limit: number,
  ): Promise<ImportedMessage[]> {
    return this.worker.call('imported', [conversation, side, place, limit]);
  }

  override find(id: string): Promise<MessagePlace | null> {
    return this.worker.call('find', [id]);
  }

  override keyed(conversation: string, key: string): Promise<{ segment: string; seq: number } | null> {
    return this.worker.call('keyed', [conversation, key]);
  }

  override async search(query: SearchQuery): Promise<MessagePlace[]> {
    // Call by call, so that messages are saved in between; up to what there is
    // now, so that those do not keep it waiting.
    let progress = await this.worker.call('indexMore', []);
    for (const { last } = progress; progress.indexed < last;) {
      progress = await this.worker.call('indexMore', [last]);
    }
    return this.worker.call('search', [query]);
  }

  override peers(): Promise<PeerRecord[]> {
    return this.worker.call('peers', []);
  }

  override check(): Promise<void> {
    return this.worker.call('check', []);
  }

  /** Finishes what was asked before and lets go of the file. Later calls reject. Never rejects. */
  override close(): Promise<void> {
    return this.worker.close();
  }
}
