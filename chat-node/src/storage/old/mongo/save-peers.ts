import type { ChatError, StorageError } from '../../../chat/errors.js';
import type { PeerRecord } from '../../../chat/peer.js';
import type { PeerRecords } from './peer-records.js';
import { PendingCall, Step } from './step.js';

/** Stands for all peers where a step says what it touches; no conversation has this id. */
export const PEERS = '';

/** Saves peers whole; of several records of one, the last. */
export class SavePeers extends Step {
  readonly call = new PendingCall<void>();
  readonly #calls = [this.call];
  readonly #records: Map<string, PeerRecord>;

  constructor(
    private readonly peers: PeerRecords,
    record: PeerRecord,
  ) {
    super();
    this.touch(PEERS, null);
    this.#records = new Map([[record.peerId, record]]);
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof SavePeers)) return false;
    this.#calls.push(...later.#calls);
    for (const [peerId, record] of later.#records) this.#records.set(peerId, record);
    return true;
  }

  override async run(givenUp: AbortSignal): Promise<void> {
    await this.peers.save(this.#records, givenUp);
    for (const call of this.#calls) call.resolve();
  }

  override reject(error: StorageError | ChatError): void {
    for (const call of this.#calls) call.reject(error);
  }
}
