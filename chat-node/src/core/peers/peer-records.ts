import { StorageError } from '../errors.js';
import { Mutex } from '../mutex.js';
import type { Change, ConversationStore } from '../ports/conversation.store.js';
import type { PeerRecord } from './peer.js';

export interface PeerRecordsParts {
  store: Pick<ConversationStore, 'commit' | 'peers'>;
  /** The record of a peer of whom nothing is stored, as it is known now. */
  draft: (peerId: string) => PeerRecord;
  /** Is told of every record that was loaded or saved. */
  onSaved: (record: PeerRecord) => void;
}

/** What a record becomes; null where it stays as it is. */
export type RecordChange = (record: PeerRecord) => PeerRecord | null;

/**
 * What is stored of people. Memory says what is durable and nothing else: the
 * changes of one record are made one after the other, each from what was saved
 * before it.
 */
export class PeerRecords {
  readonly #records = new Map<string, PeerRecord>();
  readonly #turns = new Mutex<string>();
  /** Records of which it is not known whether they were saved: they are saved again first. */
  readonly #unsettled = new Map<string, PeerRecord>();

  constructor(private readonly parts: PeerRecordsParts) {}

  /** Loads what is stored; once, first. @throws {StorageError} */
  async load(): Promise<void> {
    for (const record of await this.parts.store.peers()) this.#saved(record);
  }

  get(peerId: string): PeerRecord | null {
    return this.#records.get(peerId) ?? null;
  }

  /**
   * Changes a record and makes that durable. One that is not stored is stored,
   * also where the change leaves it as it is.
   * @param beside further changes that are committed together with it
   * @throws {StorageError} nothing of it is in memory then
   */
  change(peerId: string, change: RecordChange, beside: readonly Change[] = []): Promise<void> {
    return this.#turns.run(peerId, async () => {
      await this.#settle(peerId);
      const before = this.get(peerId);
      const next =
        change(before ?? this.parts.draft(peerId)) ?? (before === null ? this.parts.draft(peerId) : null);
      if (next === null && beside.length === 0) return;
      await this.#commit(next === null ? [...beside] : [...beside, { type: 'peer', record: next }], next);
    });
  }

  async #settle(peerId: string): Promise<void> {
    const record = this.#unsettled.get(peerId);
    if (record === undefined) return;
    await this.#commit([{ type: 'peer', record }], record);
    this.#unsettled.delete(peerId);
  }

  async #commit(changes: readonly Change[], record: PeerRecord | null): Promise<void> {
    try {
      await this.parts.store.commit(changes);
    } catch (error) {
      const isUnknown = error instanceof StorageError && error.outcome === 'unknown';
      if (record !== null && isUnknown) this.#unsettled.set(record.peerId, record);
      throw error;
    }
    if (record !== null) this.#saved(record);
  }

  #saved(record: PeerRecord): void {
    this.#records.set(record.peerId, record);
    this.parts.onSaved(record);
  }
}
