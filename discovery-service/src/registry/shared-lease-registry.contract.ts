import { ANNOUNCEMENT_VALIDITY_MS, type PeerEntry, peerIdOfKey, signAnnouncement } from '@p2p-chat/shared';
import { type ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from '../logger.js';
import type { AgedRecord, LeaseRecord } from './lease-record.js';
import { type LeaseRegistry, type Registration, RegistryError } from './lease-registry.js';
import { LeaseStore } from './lease-store.js';

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A store whose line can be cut. */
export class CuttableStore extends LeaseStore {
  cut = false;
  /** Settles when calls may go on; by default at once. */
  hold = Promise.resolve();
  /** Records that were written. */
  written = 0;

  constructor(private readonly store: LeaseStore) {
    super();
  }

  open(): Promise<void> {
    return this.#over(() => this.store.open());
  }
  all(): Promise<AgedRecord[]> {
    return this.#over(() => this.store.all());
  }
  write(records: readonly LeaseRecord[]): Promise<string[]> {
    return this.#over(() => {
      this.written += records.length;
      return this.store.write(records);
    });
  }
  read(keys: readonly string[]): Promise<AgedRecord[]> {
    return this.#over(() => this.store.read(keys));
  }
  changes(): Promise<AgedRecord[]> {
    return this.#over(() => this.store.changes());
  }
  close(): Promise<void> {
    return this.store.close();
  }

  async #over<T>(call: () => Promise<T>): Promise<T> {
    await this.hold;
    if (this.cut) throw new Error('the line is cut');
    return call();
  }
}

/** One replica and its line. */
export interface Replica {
  registry: LeaseRegistry;
  line: CuttableStore;
}

/** A place where replicas meet. */
export interface SharedPlace {
  /** The clock of the leases; that of the stores may be another. */
  clock: ManualClock;
  replica: (leaseMs: number) => Replica;
  /** Waits until the condition holds, while the stores go on. */
  until: (condition: () => boolean) => Promise<void>;
  dispose: () => Promise<void>;
}

export const LEASE_MS = 30_000;
export const anna = testKeys('anna');
export const annaId = peerIdOfKey(anna.publicKey);

export function plain(user: string, changes: Partial<PeerEntry> = {}): Registration {
  const entry = { HOST: '192.0.2.1', PORT: 7000, USER: user, ...changes };
  return { entry, signed: null, request: user };
}

export function signed(clock: ManualClock, seq: number, user = 'Anna', host = '192.0.2.9'): Registration {
  const expires = clock.now() + ANNOUNCEMENT_VALIDITY_MS;
  const fields = { host, port: 7780, user, addresses: [], instance: 'i', seq, expires };
  const entry = signAnnouncement(fields, anna);
  return { entry, signed: entry, request: `${user} ${seq} ${host}` };
}

export function users({ registry }: Replica): string {
  const list = JSON.parse(registry.list().body.toString()) as PeerEntry[];
  return list
    .map(({ USER }) => USER)
    .sort()
    .join(' ');
}

export function refusedSeq(run: () => unknown): number | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'announcement-stale') return error.seq;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** What registries that share their entries do, over any store. */
export function sharedLeaseRegistryContract(createPlace: () => SharedPlace): void {
  let place: SharedPlace;
  let one: Replica;
  let other: Replica;

  beforeEach(async () => {
    place = createPlace();
    one = place.replica(LEASE_MS);
    other = place.replica(LEASE_MS);
    await both(({ registry }) => registry.storeHealth().state === 'ok');
  });
  afterEach(async () => {
    await Promise.all([one.registry.close(), other.registry.close()]);
    await place.dispose();
  });

  const both = (holds: (replica: Replica) => boolean): Promise<void> =>
    place.until(() => holds(one) && holds(other));

  describe('two registries', () => {
    it('list what was registered at either', async () => {
      one.registry.register(plain('Ben'));
      other.registry.register(signed(place.clock, 1));
      await both((replica) => users(replica) === 'Anna Ben');
      expect(one.registry.size()).toEqual({ signed: 1, plain: 1 });
      expect(other.registry.size()).toEqual({ signed: 1, plain: 1 });
    });

    it('follow changes and withdrawals, each with a delta of its own', async () => {
      const start = other.registry.cursor;
      one.registry.register(signed(place.clock, 1));
      await place.until(() => users(other) === 'Anna');
      one.registry.register(signed(place.clock, 2, 'Anne'));
      await place.until(() => users(other) === 'Anne');
      one.registry.withdraw(annaId, 2);
      await place.until(() => users(other) === '');
      expect(other.registry.changesSince(start)?.map(({ kind }) => kind)).toEqual([
        'join',
        'change',
        'leave',
      ]);
      expect(other.registry.changesSince(one.registry.cursor)).toBeNull();
      expect(other.registry.list().etag).not.toBe(one.registry.list().etag);
    });

    it('refuse at one what was superseded or withdrawn at the other', async () => {
      one.registry.register(signed(place.clock, 5));
      one.registry.register(signed(place.clock, 6, 'Anne'));
      await place.until(() => users(other) === 'Anne');
      expect(refusedSeq(() => other.registry.register(signed(place.clock, 5)))).toBe(6);
      other.registry.withdraw(annaId, 8);
      await place.until(() => users(one) === '');
      expect(refusedSeq(() => one.registry.register(signed(place.clock, 8)))).toBe(8);
      expect(one.registry.register(signed(place.clock, 9))).toBe('joined');
      await place.until(() => users(other) === 'Anna');
    });

    it('come to the higher SEQ where they took two at once', async () => {
      one.registry.register(signed(place.clock, 6, 'Newer'));
      other.registry.register(signed(place.clock, 5, 'Older'));
      await both((replica) => users(replica) === 'Newer');
      expect(other.registry.renew('Older 5 192.0.2.9')).toBe(false);
    });

    it('come to a withdrawal where it was renewed elsewhere at the same time', async () => {
      const announcement = signed(place.clock, 5);
      one.registry.register(announcement);
      await place.until(() => users(other) === 'Anna');
      one.registry.withdraw(annaId, 5);
      other.registry.register(announcement);
      await both((replica) => users(replica) === '' && replica.registry.storeHealth().unsaved === 0);
      expect(refusedSeq(() => other.registry.register(announcement))).toBe(5);
    });

    it('come to one of two addresses under the same signature', async () => {
      const fields = signed(place.clock, 5).signed!;
      const listedAt = (HOST: string): Registration => {
        const entry = { ...fields, HOST, SIGNED_HOST: '' };
        return { entry, signed: entry, request: HOST };
      };
      const hosts = ({ registry }: Replica): string => String(registry.list().body);
      one.registry.register(listedAt('192.0.2.1'));
      other.registry.register(listedAt('192.0.2.2'));
      await place.until(() => hosts(one) === hosts(other));
      expect(one.registry.size()).toEqual({ signed: 1, plain: 0 });
    });

    it('let no plain entry stand before a signed one of elsewhere', async () => {
      one.registry.register(plain('Mallory', { HOST: '192.0.2.9', PORT: 7780 }));
      await place.until(() => users(other) === 'Mallory');
      other.registry.register(signed(place.clock, 1));
      await both((replica) => users(replica) === 'Anna');
      one.registry.register(plain('Mallory Two', { HOST: '192.0.2.9', PORT: 7780 }));
      await place.until(() => one.registry.storeHealth().unsaved === 0);
      expect([users(one), users(other)]).toEqual(['Anna', 'Anna']);
    });

    it('go on with what they know while the store is away, and meet again after it', async () => {
      one.registry.register(signed(place.clock, 5));
      other.registry.register(plain('Ben'));
      await both((replica) => users(replica) === 'Anna Ben');
      one.line.cut = other.line.cut = true;
      await both(({ registry }) => registry.storeHealth().state === 'away');
      // Each is renewed at one of them alone, as clients do.
      for (let renewals = 0; renewals < 4; renewals += 1) {
        await place.clock.advance(LEASE_MS / 3);
        expect(one.registry.renew('Anna 5 192.0.2.9')).toBe(true);
        expect(other.registry.renew('Ben')).toBe(true);
        expect([users(one), users(other)]).toEqual(['Anna Ben', 'Anna Ben']);
      }
      one.registry.register(plain('Cleo', { PORT: 7001 }));
      other.registry.withdraw(annaId, 6);
      expect(one.registry.storeHealth().unsaved).toBeGreaterThan(0);
      one.line.cut = other.line.cut = false;
      await both((replica) => users(replica) === 'Ben Cleo' && replica.registry.storeHealth().state === 'ok');
      expect(refusedSeq(() => one.registry.register(signed(place.clock, 6)))).toBe(6);
    });

    it('are found whole by a third one, with what was withdrawn', async () => {
      one.registry.register(plain('Ben'));
      one.registry.register(signed(place.clock, 5));
      await place.until(() => users(other) === 'Anna Ben');
      other.registry.withdraw(annaId, 7);
      await place.until(() => users(one) === 'Ben');
      await one.registry.close();
      const third = place.replica(LEASE_MS);
      await place.until(() => users(third) === 'Ben');
      expect(refusedSeq(() => third.registry.register(signed(place.clock, 7)))).toBe(7);
      await third.registry.close();
    });

    it('save at their end what changed last', async () => {
      one.registry.register(plain('Ben'));
      await one.registry.close();
      await place.until(() => users(other) === 'Ben');
    });
  });
}
