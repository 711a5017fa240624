import type { PeerRecord } from '../peer.js';

/** Where what is known of peers is kept. Durability and errors as in MessageRepository. */
export abstract class PeerRepository {
  /** Everyone who was saved, in no order. */
  abstract all(): Promise<PeerRecord[]>;

  /** Saves one, whole, in the place of what was there. */
  abstract save(record: PeerRecord): Promise<void>;

  /** Makes sure that a write becomes durable. Changes nothing. @throws {StorageError} */
  abstract check(): Promise<void>;
}
