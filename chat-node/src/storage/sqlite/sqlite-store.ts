import { type Change, ConversationStore } from '../../core/ports/conversation.store.js';
import type { Operations } from './operations.js';
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

/** What an operation is asked with, and what it gives in the end. */
type Asked<Method extends keyof Operations> = Parameters<Operations[Method]>;
type Given<Method extends keyof Operations> = Promise<ReturnType<Operations[Method]>>;

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

  override conversations(...args: Asked<'conversations'>): Given<'conversations'> {
    return this.worker.call('conversations', args);
  }

  override segments(...args: Asked<'segments'>): Given<'segments'> {
    return this.worker.call('segments', args);
  }

  override batches(...args: Asked<'batches'>): Given<'batches'> {
    return this.worker.call('batches', args);
  }

  override batchOf(...args: Asked<'batchOf'>): Given<'batchOf'> {
    return this.worker.call('batchOf', args);
  }

  override referring(...args: Asked<'referring'>): Given<'referring'> {
    return this.worker.call('referring', args);
  }

  override countSilent(...args: Asked<'countSilent'>): Given<'countSilent'> {
    return this.worker.call('countSilent', args);
  }

  override hasDropped(...args: Asked<'hasDropped'>): Given<'hasDropped'> {
    return this.worker.call('hasDropped', args);
  }

  override around(...args: Asked<'around'>): Given<'around'> {
    return this.worker.call('around', args);
  }

  override before(...args: Asked<'before'>): Given<'before'> {
    return this.worker.call('before', args);
  }

  override after(...args: Asked<'after'>): Given<'after'> {
    return this.worker.call('after', args);
  }

  override imported(...args: Asked<'imported'>): Given<'imported'> {
    return this.worker.call('imported', args);
  }

  override find(...args: Asked<'find'>): Given<'find'> {
    return this.worker.call('find', args);
  }

  override keyed(...args: Asked<'keyed'>): Given<'keyed'> {
    return this.worker.call('keyed', args);
  }

  override roster(...args: Asked<'roster'>): Given<'roster'> {
    return this.worker.call('roster', args);
  }

  override peers(...args: Asked<'peers'>): Given<'peers'> {
    return this.worker.call('peers', args);
  }

  override check(...args: Asked<'check'>): Given<'check'> {
    return this.worker.call('check', args);
  }

  override async search(query: Asked<'search'>[0]): Given<'search'> {
    // Call by call, so that messages are saved in between; up to what there is
    // now, so that those do not keep it waiting.
    let progress = await this.worker.call('indexMore', []);
    for (const { last } = progress; progress.indexed < last;) {
      progress = await this.worker.call('indexMore', [last]);
    }
    return this.worker.call('search', [query]);
  }

  /** Finishes what was asked before and lets go of the file. Later calls reject. Never rejects. */
  override close(): Promise<void> {
    return this.worker.close();
  }
}
