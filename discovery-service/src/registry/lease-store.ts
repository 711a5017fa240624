import type { AgedRecord, LeaseRecord } from './lease-record.js';

/**
 * Where the registries of several services meet. Ages go by the store's own
 * clock, so that those of the services need not agree. Every method rejects
 * when the store is away, soon, and then has done nothing or a part, which
 * doing it again completes.
 */
export abstract class LeaseStore {
  /** Prepares the store. Again after it failed, too. */
  abstract open(): Promise<void>;

  /** All that is kept, also of leases that are over. */
  abstract all(): Promise<AgedRecord[]>;

  /**
   * Stores each record that counts more than what is there, see {@link LeaseRecord}.
   * @returns the keys of which the store has something else that counts more
   */
  abstract write(records: readonly LeaseRecord[]): Promise<string[]>;

  abstract read(keys: readonly string[]): Promise<AgedRecord[]>;

  /** What others wrote since the last call, or since the store was opened. Some of it may come twice. */
  abstract changes(): Promise<AgedRecord[]>;

  /** Never rejects. */
  abstract close(): Promise<void>;
}
