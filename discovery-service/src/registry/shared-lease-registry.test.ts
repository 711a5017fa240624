import { REPLICA_OUTAGE_GRACE_MS, REPLICA_RENEWAL_WRITE_MS } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgedRecord, LeaseRecord } from './lease-record.js';
import { leaseRegistryContract } from './lease-registry.contract.js';
import { LeaseStore } from './lease-store.js';
import { SharedLeaseRegistry } from './shared-lease-registry.js';
import {
  annaId,
  CuttableStore,
  LEASE_MS,
  plain,
  type Replica,
  sharedLeaseRegistryContract,
  type SharedPlace,
  signed,
  silent,
  users,
} from './shared-lease-registry.contract.js';

interface Stored {
  record: LeaseRecord;
  by: LeaseStore;
  order: number;
  renewedAt: number;
}

/** What a database would hold. */
class Shelf {
  readonly stored = new Map<string, Stored>();
  order = 0;

  constructor(readonly clock: ManualClock) {}

  aged(which: (stored: Stored) => boolean): AgedRecord[] {
    const now = this.clock.monotonic();
    return [...this.stored.values()]
      .filter(which)
      .map(({ record, renewedAt }) => ({ record, ageMs: now - renewedAt }));
  }
}

/** One replica's way to the shelf. */
class ShelfStore extends LeaseStore {
  #seen = 0;

  constructor(private readonly shelf: Shelf) {
    super();
  }

  open(): Promise<void> {
    this.#seen = this.shelf.order;
    return Promise.resolve();
  }
  all(): Promise<AgedRecord[]> {
    return Promise.resolve(this.shelf.aged(() => true));
  }
  write(records: readonly LeaseRecord[]): Promise<string[]> {
    this.shelf.order += 1;
    const { order } = this.shelf;
    const renewedAt = this.shelf.clock.monotonic();
    const outdated = records.filter((record) => !counts(record, this.shelf.stored.get(record.key)?.record));
    for (const record of records) {
      if (!outdated.includes(record))
        this.shelf.stored.set(record.key, { record, by: this, order, renewedAt });
    }
    return Promise.resolve(outdated.map(({ key }) => key));
  }
  read(keys: readonly string[]): Promise<AgedRecord[]> {
    return Promise.resolve(this.shelf.aged(({ record }) => keys.includes(record.key)));
  }
  changes(): Promise<AgedRecord[]> {
    const changed = this.shelf.aged(({ by, order }) => by !== this && order > this.#seen);
    this.#seen = this.shelf.order;
    return Promise.resolve(changed);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

function counts(record: LeaseRecord, known: LeaseRecord | undefined): boolean {
  if (known === undefined || record.kind === 'plain' || known.kind === 'plain') return true;
  if (record.seq !== known.seq) return record.seq > known.seq;
  if (record.kind === 'withdrawn') return true;
  return known.kind === 'signed' && known.announcement === record.announcement;
}

function createPlace(): SharedPlace & { shelf: Shelf } {
  const clock = new ManualClock();
  const shelf = new Shelf(clock);
  return {
    clock,
    shelf,
    replica: (leaseMs) => {
      const line = new CuttableStore(new ShelfStore(shelf));
      const options = { leaseMs, store: line, logger: silent, random: () => 0.5 };
      return { registry: new SharedLeaseRegistry(clock, options), line };
    },
    until: async (condition) => {
      // What happens at one is known at the other within a second.
      for (let waited = 0; !condition(); waited += 50) {
        if (waited > 5_000) throw new Error('it did not come to that');
        await clock.advance(50);
      }
    },
    dispose: () => Promise.resolve(),
  };
}

describe('SharedLeaseRegistry', () => {
  leaseRegistryContract(async (clock, options) => {
    const store = new ShelfStore(new Shelf(clock));
    const registry = new SharedLeaseRegistry(clock, { ...options, store, logger: silent, random: () => 0 });
    await clock.advance(0);
    return registry;
  });
  sharedLeaseRegistryContract(createPlace);

  describe('over time', () => {
    let place: ReturnType<typeof createPlace>;
    let one: Replica;
    let other: Replica;

    beforeEach(async () => {
      place = createPlace();
      one = place.replica(LEASE_MS);
      other = place.replica(LEASE_MS);
      await place.clock.advance(1_000);
    });
    afterEach(() => Promise.all([one.registry.close(), other.registry.close()]));

    it('lists at one within a second what was registered at the other', async () => {
      one.registry.register(plain('Ben'));
      await place.clock.advance(1_000);
      expect(users(other)).toBe('Ben');
    });

    it('keeps at both what is renewed at one every 20 s, and no longer', async () => {
      one.registry.register(plain('Ben'));
      for (let renewals = 0; renewals < 5; renewals += 1) {
        await place.clock.advance(20_000);
        expect(one.registry.renew('Ben')).toBe(true);
        expect([users(one), users(other)]).toEqual(['Ben', 'Ben']);
      }
      await place.clock.advance(LEASE_MS + 1_000);
      expect([users(one), users(other)]).toEqual(['', '']);
    });

    it('keeps what moves from a killed one to the other', async () => {
      one.registry.register(plain('Ben'));
      await place.clock.advance(20_000);
      one.registry.renew('Ben');
      await place.clock.advance(1_000);
      one.line.cut = true;
      await one.registry.close();
      await place.clock.advance(19_000);
      expect(users(other)).toBe('Ben');
      expect(other.registry.register(plain('Ben'))).toBe('renewed');
    });

    it('writes a lease that is renewed often only now and then', async () => {
      one.registry.register(plain('Ben'));
      const seconds = 60;
      for (let second = 0; second < seconds; second += 1) {
        await place.clock.advance(1_000);
        one.registry.renew('Ben');
        other.registry.register(plain('Ben'));
      }
      const written = one.line.written + other.line.written;
      // At most by both in the same moment.
      expect(written).toBeLessThanOrEqual(2 + (2 * seconds * 1_000) / REPLICA_RENEWAL_WRITE_MS);
      expect([users(one), users(other)]).toEqual(['Ben', 'Ben']);
    });

    it('holds leases back for a store that is away, and not for ever', async () => {
      one.registry.register(signed(place.clock, 1));
      await place.clock.advance(1_000);
      other.line.cut = true;
      await place.clock.advance(2 * LEASE_MS);
      expect([users(one), users(other)]).toEqual(['', 'Anna']);
      // From its last exchange, less than a second after the announcement.
      await place.clock.advance(REPLICA_OUTAGE_GRACE_MS - 2 * LEASE_MS - 1_000);
      expect(users(other)).toBe('Anna');
      await place.clock.advance(2_000 + LEASE_MS);
      expect(users(other)).toBe('');
      expect(other.registry.storeHealth()).toMatchObject({ kind: 'shared', state: 'away' });
    });

    it('holds leases back for a store that hangs, and goes on when it answers', async () => {
      one.registry.register(plain('Ben'));
      await place.clock.advance(1_000);
      const { promise, resolve } = Promise.withResolvers<void>();
      one.line.hold = other.line.hold = promise;
      // Renewed at one of them, of which the other hears nothing.
      for (let renewals = 0; renewals < 4; renewals += 1) {
        await place.clock.advance(LEASE_MS / 3);
        expect(one.registry.renew('Ben')).toBe(true);
        expect([users(one), users(other)]).toEqual(['Ben', 'Ben']);
        expect(other.registry.storeHealth().state).toBe('away');
      }
      resolve();
      await place.clock.advance(1_000);
      expect([one, other].map(({ registry }) => registry.storeHealth())).toMatchObject([
        { state: 'ok', unsaved: 0 },
        { state: 'ok', unsaved: 0 },
      ]);
      await place.clock.advance(LEASE_MS + 1_000);
      expect([users(one), users(other)]).toEqual(['', '']);
    });

    it('brings back nothing from the store whose lease is over', async () => {
      one.registry.register(signed(place.clock, 3));
      one.registry.register(plain('Ben'));
      await place.clock.advance(LEASE_MS + 1_000);
      const third = place.replica(LEASE_MS);
      await place.clock.advance(1_000);
      expect(users(third)).toBe('');
      expect(() => third.registry.register(signed(place.clock, 2))).toThrow(/SEQ 3/);
      expect(third.registry.isListed(annaId)).toBe(false);
      await third.registry.close();
    });

    it('starts without the store, and takes what is there when it comes', async () => {
      one.registry.register(plain('Ben'));
      await place.clock.advance(1_000);
      const third = place.replica(LEASE_MS);
      third.line.cut = true;
      await place.clock.advance(1_000);
      third.registry.register(plain('Cleo', { PORT: 7001 }));
      expect(third.registry.storeHealth()).toMatchObject({ state: 'away', unsaved: 1 });
      third.line.cut = false;
      await place.clock.advance(3_000);
      expect([users(one), users(other), users(third)]).toEqual(['Ben Cleo', 'Ben Cleo', 'Ben Cleo']);
      await third.registry.close();
    });
  });
});
