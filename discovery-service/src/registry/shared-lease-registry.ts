import {
  Backoff,
  type Clock,
  type DiscoveryStoreHealth,
  errorMessage,
  REPLICA_BACKOFF,
  REPLICA_BATCH,
  REPLICA_FRESH_MS,
  REPLICA_OUTAGE_GRACE_MS,
  REPLICA_RENEWAL_WRITE_MS,
  REPLICA_SYNC_MS,
} from '@p2p-chat/shared';
import type { Logger } from '../logger.js';
import type { LeaseStore } from './lease-store.js';
import { MemoryLeaseRegistry, type MemoryLeaseRegistryOptions } from './memory-lease-registry.js';

export interface SharedLeaseRegistryOptions extends MemoryLeaseRegistryOptions {
  store: LeaseStore;
  logger: Logger;
  /** 0 to 1, as Math.random. */
  random: () => number;
  /** Of the exchange with the store; without it, the one of the leases. */
  storeClock?: Clock;
}

/** A lease is written at least this often in its length, and held back after this part of it without an exchange. */
const LEASE_SHARE = 6;
/** An exchange may be as late as this, however short the leases are, in milliseconds. */
const MIN_FRESH_MS = 4 * REPLICA_SYNC_MS;
/** How long the last exchange may take at the end, in milliseconds. */
const LAST_EXCHANGE_MS = 2_000;

/**
 * The registry of one of several services that share their entries: it
 * answers from memory, and behind that writes to a store what changed and reads
 * what others wrote. Of leases that are only renewed, few renewals are written.
 *
 * While the store is away no lease runs out, because it may have been renewed
 * at another service. That is bounded: see {@link REPLICA_OUTAGE_GRACE_MS}.
 */
export class SharedLeaseRegistry extends MemoryLeaseRegistry {
  /** Keys of which the store may not have what is known here. */
  readonly #unsaved = new Set<string>();
  /** When the store last had the lease of a key, monotonic. */
  readonly #savedAt = new Map<string, number>();
  readonly #store: LeaseStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #backoff: Backoff;
  readonly #renewalWriteMs: number;
  readonly #freshMs: number;
  readonly #ended = new AbortController();
  readonly #exchanging: Promise<void>;
  #exchangedAt: number;
  #opened = false;
  #away = false;
  /** Whether a lease would have run out since the last exchange. */
  #heldBack = false;

  constructor(clock: Clock, options: SharedLeaseRegistryOptions) {
    super(clock, options);
    this.#store = options.store;
    this.#clock = options.storeClock ?? clock;
    this.#logger = options.logger;
    this.#backoff = new Backoff(REPLICA_BACKOFF, options.random);
    this.#renewalWriteMs = Math.min(REPLICA_RENEWAL_WRITE_MS, options.leaseMs / LEASE_SHARE);
    this.#freshMs = Math.min(REPLICA_FRESH_MS, Math.max(MIN_FRESH_MS, options.leaseMs / LEASE_SHARE));
    this.#exchangedAt = this.#clock.monotonic();
    this.#exchanging = this.#keepExchanging();
  }

  override storeHealth(): DiscoveryStoreHealth {
    return {
      kind: 'shared',
      state: this.#opened && this.#isHeard() ? 'ok' : 'away',
      unsaved: this.#unsaved.size,
    };
  }

  override async close(): Promise<void> {
    void super.close();
    this.#ended.abort();
    const late = new AbortController();
    await Promise.race([
      this.#exchanging.then(() => this.#saveLast()),
      this.#clock.sleep(LAST_EXCHANGE_MS, late.signal),
    ]);
    late.abort();
    await this.#store.close();
  }

  protected override leased(key: string, changed: boolean): void {
    if (!changed) {
      const savedAt = this.#savedAt.get(key);
      if (savedAt !== undefined && this.#clock.monotonic() - savedAt < this.#renewalWriteMs) return;
    }
    this.#unsaved.add(key);
  }

  protected override mayEnd(): boolean {
    const silentMs = this.#clock.monotonic() - this.#exchangedAt;
    const may = this.#isHeard() || silentMs > REPLICA_OUTAGE_GRACE_MS;
    this.#heldBack ||= !may;
    return may;
  }

  #isFresh(): boolean {
    return this.#clock.monotonic() - this.#exchangedAt <= this.#freshMs;
  }

  #isHeard(): boolean {
    return !this.#away && this.#isFresh();
  }

  async #keepExchanging(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await this.#exchange();
        this.#succeeded();
        await this.#clock.sleep(REPLICA_SYNC_MS, signal);
      } catch (error) {
        this.#failed(error);
        await this.#clock.sleep(this.#backoff.next(), signal);
      }
    }
  }

  async #exchange(): Promise<void> {
    if (!this.#opened) {
      await this.#store.open();
      this.#adoptAll(await this.#store.all());
      this.#opened = true;
    }
    await this.#save();
    this.#adoptAll(await this.#store.changes());
  }

  // What changes while a batch is on its way is marked again, and goes with the next.
  async #save(): Promise<void> {
    while (this.#unsaved.size > 0) {
      const keys = [...this.#unsaved].slice(0, REPLICA_BATCH);
      for (const key of keys) this.#unsaved.delete(key);
      const records = keys.map((key) => this.recordOf(key)).filter((record) => record !== undefined);
      if (records.length === 0) continue;
      try {
        const outdated = await this.#store.write(records);
        const now = this.#clock.monotonic();
        for (const { key } of records) this.#savedAt.set(key, now);
        if (outdated.length > 0) this.#adoptAll(await this.#store.read(outdated));
      } catch (error) {
        for (const key of keys) this.#unsaved.add(key);
        throw error;
      }
    }
  }

  #adoptAll(records: Awaited<ReturnType<LeaseStore['all']>>): void {
    const now = this.#clock.monotonic();
    for (const { record, ageMs } of records) {
      if (this.adopt(record, ageMs)) this.#savedAt.set(record.key, now - ageMs);
      else this.#unsaved.add(record.key);
    }
    this.#forgetOld(now);
  }

  // A time that is too old to save a write says nothing, so those of entries that left go as well.
  #forgetOld(now: number): void {
    if (this.#savedAt.size <= 2 * (this.size().signed + this.size().plain) + REPLICA_BATCH) return;
    for (const [key, at] of this.#savedAt) {
      if (now - at >= this.#renewalWriteMs) this.#savedAt.delete(key);
    }
  }

  #succeeded(): void {
    // Others may reach the store later than this one, and what they renewed comes after that.
    if (this.#heldBack || !this.#isFresh()) this.renewAll();
    this.#heldBack = false;
    this.#exchangedAt = this.#clock.monotonic();
    this.#backoff.reset();
    if (!this.#away) return;
    this.#away = false;
    this.#logger.info({}, 'the shared registry is back');
  }

  #failed(error: unknown): void {
    if (!this.#away && !this.#ended.signal.aborted) {
      this.#logger.warn(
        { reason: errorMessage(error) },
        'the shared registry is away; the service goes on with what it knows',
      );
    }
    this.#away = true;
  }

  async #saveLast(): Promise<void> {
    try {
      if (this.#opened && !this.#away) await this.#save();
    } catch (error) {
      this.#logger.warn({ reason: errorMessage(error) }, 'what changed last was not saved');
    }
  }
}
