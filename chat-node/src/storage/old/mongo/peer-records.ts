import type { Model } from 'mongoose';
import type { PeerRecord } from '../../../chat/peer.js';
import { emptyPeerDocument, type PeerDocument, peerDocumentOf, peerRecordOf } from './peer.schema.js';
import { LATE_WRITE_MS } from './unknown-writes.js';
import type { UnknownWritesFile } from './unknown-writes-file.js';

/**
 * By how much the numbers of a process are greater than those that it finds:
 * what an earlier one sent last may come yet. More than any process sends
 * without an answer, and enough for 2^33 starts.
 */
const NUMBERS_BETWEEN_STARTS = 2 ** 20;

/** A save whose outcome is not known. */
interface UnknownPeer {
  peerId: string;
  /** What is to be there: the record that was saved for sure; null: none. */
  record: PeerRecord | null;
}

/**
 * The records of peers as they were last saved for sure.
 *
 * A save that was rejected may have reached the database, or reach it later,
 * when a server that hung goes on. Whoever asked was told that nothing was
 * saved, so what was there is put back before anything else is done. Each write
 * has a greater number than all before it, of earlier processes too, and none
 * replaces a document with a number as great as its own: one that is late
 * changes nothing.
 */
export class PeerRecords {
  readonly #saved = new Map<string, PeerRecord>();
  /** What is being saved. */
  #running: readonly string[] = [];
  readonly #unknown = new Set<string>();
  #lastNumber = 0;

  /** @param file keeps what is unknown while the process may be killed; null where nobody needs that */
  constructor(
    private readonly peers: Model<PeerDocument>,
    private readonly file: UnknownWritesFile<UnknownPeer> | null,
  ) {}

  /** Reads them all, takes over what an earlier process left, and forgets what is long over. */
  async load(): Promise<void> {
    await this.peers.deleteMany({ none: { $eq: true }, lastSeenAt: { $lt: Date.now() - LATE_WRITE_MS } });
    for (const document of await this.peers.find().lean()) {
      this.#lastNumber = Math.max(this.#lastNumber, document.n ?? 0);
      this.#note(document._id, document.none === true ? null : peerRecordOf(document));
    }
    this.#lastNumber += NUMBERS_BETWEEN_STARTS;
    for (const { peerId, record } of (await this.file?.load()) ?? []) {
      this.#note(peerId, record);
      this.#unknown.add(peerId);
    }
    await this.undo();
  }

  /** Everyone, in no order. */
  all(): PeerRecord[] {
    return [...this.#saved.values()];
  }

  /** Saves records, by peer id. @param givenUp aborts where the outcome is not waited for any more */
  async save(records: ReadonlyMap<string, PeerRecord>, givenUp: AbortSignal): Promise<void> {
    this.#running = [...records.keys()];
    await this.#write(this.#running, (peerId) => records.get(peerId));
    givenUp.throwIfAborted();
    this.#running = [];
    for (const [peerId, record] of records) this.#note(peerId, record);
  }

  /**
   * The save that is under way has failed. To be called before anybody is told
   * so: once it resolves, also a process that is killed takes it back.
   */
  async failed(): Promise<void> {
    if (this.#running.length === 0) return;
    for (const peerId of this.#running) this.#unknown.add(peerId);
    this.#running = [];
    try {
      await this.file?.save(
        [...this.#unknown].map((peerId) => ({ peerId, record: this.#saved.get(peerId) ?? null })),
      );
    } catch {
      // The disk fails too: the rest of this process is as good as it gets.
    }
  }

  /** Puts back what was there. May be repeated after it rejected. */
  async undo(): Promise<void> {
    if (this.#unknown.size === 0) return;
    await this.#write([...this.#unknown], (peerId) => this.#saved.get(peerId));
    // Nothing is saved before the file is gone: what it says must not come back over that.
    await this.file?.clear();
    this.#unknown.clear();
  }

  async #write(peerIds: readonly string[], recordOf: (id: string) => PeerRecord | undefined): Promise<void> {
    this.#lastNumber += 1;
    const n = this.#lastNumber;
    await this.peers.bulkWrite(
      peerIds.map((peerId) => {
        const record = recordOf(peerId);
        return {
          replaceOne: {
            // Where the document is newer, this finds none and the new one has its key: it is refused.
            filter: { _id: { $eq: peerId }, n: { $not: { $gte: n } } },
            replacement:
              record === undefined ? emptyPeerDocument(peerId, n, Date.now()) : peerDocumentOf(record, n),
            upsert: true,
          },
        };
      }),
    );
  }

  #note(peerId: string, record: PeerRecord | null): void {
    if (record === null) this.#saved.delete(peerId);
    else this.#saved.set(peerId, record);
  }
}
