import type { MessageRepository } from '../../../chat/ports/message.repository.js';
import type { MessageSearch } from '../../../chat/ports/message-search.js';
import type { PeerRepository } from '../../../chat/ports/peer.repository.js';
import { SqliteMessageRepository } from './sqlite-message.repository.js';
import { SqliteMessageSearch } from './sqlite-message-search.js';
import { SqlitePeerRepository } from './sqlite-peer.repository.js';
import { WorkerClient } from './worker-client.js';

export interface SqliteStorageOptions {
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

/** Messages and peers in one SQLite file, which a thread of its own reads and writes. */
export class SqliteStorage {
  readonly messages: MessageRepository;
  readonly peers: PeerRepository;
  readonly search: MessageSearch;

  private constructor(private readonly worker: WorkerClient) {
    this.messages = new SqliteMessageRepository(worker);
    this.peers = new SqlitePeerRepository(worker);
    this.search = new SqliteMessageSearch(worker);
  }

  /**
   * Opens the file, making it or bringing it to this program's schema where needed.
   * @throws {StorageError} `storage-too-new` or `storage-corrupt` (the file is
   * left as it was), `storage-in-use`, `storage-full`, `storage-read-only`,
   * `storage-unavailable`
   */
  static async open({ file, workerUrl, onDiskFailure }: SqliteStorageOptions): Promise<SqliteStorage> {
    const url = workerUrl ?? new URL('./sqlite-worker.js', import.meta.url);
    return new SqliteStorage(await WorkerClient.start(url, { file }, onDiskFailure));
  }

  /** Finishes what was asked before and lets go of the file. Later calls reject. Never rejects. */
  close(): Promise<void> {
    return this.worker.close();
  }
}
