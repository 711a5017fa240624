import type { PeerRecord } from '../../../chat/peer.js';
import { PeerRepository } from '../../../chat/ports/peer.repository.js';
import type { WorkerClient } from './worker-client.js';

/** PeerRepository whose work is done by the storage thread. */
export class SqlitePeerRepository extends PeerRepository {
  constructor(private readonly worker: WorkerClient) {
    super();
  }

  override all(): Promise<PeerRecord[]> {
    return this.worker.call('peers', 'all');
  }

  override save(record: PeerRecord): Promise<void> {
    return this.worker.call('peers', 'save', record);
  }

  override check(): Promise<void> {
    return this.worker.call('peers', 'check');
  }
}
