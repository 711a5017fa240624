import type { PeerRecord } from '../../../chat/peer.js';
import { PeerRepository } from '../../../chat/ports/peer.repository.js';
import type { Models } from './models.js';
import { META_ID, SCHEMA_VERSION } from './meta.schema.js';
import type { PeerRecords } from './peer-records.js';
import { Read } from './read.js';
import { PEERS, SavePeers } from './save-peers.js';
import type { StepQueue } from './step-queue.js';

/** PeerRepository in a MongoDB database. */
export class MongoPeerRepository extends PeerRepository {
  constructor(
    private readonly models: Models,
    private readonly records: PeerRecords,
    private readonly queue: StepQueue,
  ) {
    super();
  }

  override all(): Promise<PeerRecord[]> {
    const step = new Read(PEERS, () => Promise.resolve(this.records.all()));
    this.queue.push(step);
    return step.call.result;
  }

  override save(record: PeerRecord): Promise<void> {
    const step = new SavePeers(this.records, record);
    this.queue.push(step);
    return step.call.result;
  }

  override check(): Promise<void> {
    const step = new Read(PEERS, async () => {
      await this.models.meta.updateOne(
        { _id: { $eq: META_ID } },
        { $set: { schemaVersion: SCHEMA_VERSION } },
        { upsert: true },
      );
    });
    this.queue.push(step);
    return step.call.result;
  }
}
