import {
  ANNOUNCEMENT_VALIDITY_MS,
  CLOCK_TOLERANCE_MS,
  type PeerEntry,
  peerIdOfKey,
  signAnnouncement,
  type SignedEntry,
} from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LeaseRegistry, type Registration, RegistryError } from './lease-registry.js';

const LEASE_MS = 30_000;
const anna = testKeys('anna');
const ben = testKeys('ben');
const annaId = peerIdOfKey(anna.publicKey);

function plain(user: string, changes: Partial<PeerEntry> = {}, request: string | null = null): Registration {
  return { entry: { HOST: '192.0.2.1', PORT: 7000, USER: user, ...changes }, signed: null, request };
}

/** What every registry does. */
export function leaseRegistryContract(
  make: (
    clock: ManualClock,
    options: { leaseMs: number; capacity?: number },
  ) => LeaseRegistry | Promise<LeaseRegistry>,
): void {
  let clock: ManualClock;
  let registry: LeaseRegistry;

  beforeEach(async () => {
    clock = new ManualClock();
    registry = await make(clock, { leaseMs: LEASE_MS });
  });
  afterEach(() => registry.close());

  const list = (): PeerEntry[] => JSON.parse(registry.list().body.toString()) as PeerEntry[];
  const users = (): string[] => list().map(({ USER }) => USER);

  const happened = (cursor: string): string[][] | undefined =>
    registry.changesSince(cursor)?.map(({ kind, json }) => [kind, (JSON.parse(json) as PeerEntry).USER]);

  function announcement(
    keys: typeof anna,
    seq: number,
    changes: Partial<{ user: string; host: string }> = {},
  ): SignedEntry {
    const fields = { host: '192.0.2.9', port: 7780, user: 'Anna', addresses: [], instance: 'i', ...changes };
    return signAnnouncement({ ...fields, seq, expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS }, keys);
  }
  function signed(entry: SignedEntry, request: string | null = null): Registration {
    return { entry, signed: entry, request };
  }
  function refusal(run: () => unknown): { code: string; seq: number | undefined } {
    try {
      run();
    } catch (error) {
      if (error instanceof RegistryError) return { code: error.code, seq: error.seq };
      throw error;
    }
    throw new Error('nothing was refused');
  }

  describe('leases', () => {
    it('lists an entry until its lease is over', async () => {
      expect(registry.register(plain('Anna'))).toBe('joined');
      await clock.advance(LEASE_MS - 1);
      expect(users()).toEqual(['Anna']);
      await clock.advance(1);
      expect(users()).toEqual([]);
      expect(registry.size()).toEqual({ signed: 0, plain: 0 });
    });

    it('keeps an entry that is renewed every 20 s', async () => {
      for (let i = 0; i < 10; i++) {
        registry.register(plain('Anna'));
        await clock.advance(20_000);
        expect(users()).toEqual(['Anna']);
      }
    });

    it('is not moved by a jump of the wall clock', async () => {
      registry.register(plain('Anna'));
      clock.jump(3_600_000);
      await clock.advance(LEASE_MS - 1);
      expect(users()).toEqual(['Anna']);
      clock.jump(-7_200_000);
      await clock.advance(1);
      expect(users()).toEqual([]);
    });

    it('ends nothing after it was closed', async () => {
      registry.register(plain('Anna'));
      const before = clock.timers;
      const closed = registry.close();
      expect(before).toBeGreaterThan(0);
      await closed;
      expect(clock.timers).toBe(0);
    });
  });

  describe('requests', () => {
    it('renews a request that it knows, and no other', async () => {
      registry.register(plain('Anna', {}, 'request'));
      await clock.advance(20_000);
      expect(registry.renew('request')).toBe(true);
      expect(registry.renew('other')).toBe(false);
      await clock.advance(20_000);
      expect(users()).toEqual(['Anna']);
    });

    it('does not know a request whose lease is over, or whose entry was replaced', async () => {
      registry.register(plain('Anna', {}, 'first'));
      registry.register(plain('Ben', {}, 'second'));
      expect(registry.renew('first')).toBe(false);
      await clock.advance(LEASE_MS);
      expect(registry.renew('second')).toBe(false);
    });

    it('knows only the latest request for an entry', () => {
      registry.register(plain('Anna', {}, 'first'));
      registry.register(plain('Anna', {}, 'second'));
      expect([registry.renew('first'), registry.renew('second')]).toEqual([false, true]);
      registry.register(plain('Anna'));
      expect(registry.renew('second')).toBe(false);
    });

    it('does not renew a signed request whose signature has run out', () => {
      registry.register(signed(announcement(anna, 1), 'request'));
      clock.jump(ANNOUNCEMENT_VALIDITY_MS + CLOCK_TOLERANCE_MS);
      expect(registry.renew('request')).toBe(true);
      clock.jump(1);
      expect(registry.renew('request')).toBe(false);
    });
  });

  describe('plain entries', () => {
    it('are keyed by HOST and PORT, whatever the case', () => {
      expect(registry.register(plain('Anna', { HOST: 'box.lan' }))).toBe('joined');
      expect(registry.register(plain('Ben', { HOST: 'BOX.lan' }))).toBe('changed');
      expect(registry.register(plain('Cleo', { HOST: 'box.lan', PORT: 7001 }))).toBe('joined');
      expect(users().sort()).toEqual(['Ben', 'Cleo']);
    });

    it('stand aside while a signed entry has the same HOST and PORT', async () => {
      const place = { HOST: '192.0.2.9', PORT: 7780 };
      registry.register(plain('Mallory', place));
      registry.register(signed(announcement(anna, 1)));
      expect(users()).toEqual(['Anna']);
      await clock.advance(20_000);
      registry.register(plain('Mallory', place));
      expect(users()).toEqual(['Anna']);
      await clock.advance(10_000);
      expect(users()).toEqual(['Mallory']);
    });
  });

  describe('signed entries', () => {
    it('are replaced by a higher SEQ of the same key alone', () => {
      expect(registry.register(signed(announcement(anna, 5)))).toBe('joined');
      expect(registry.register(signed(announcement(anna, 6, { user: 'Anna B.' })))).toBe('changed');
      expect(refusal(() => registry.register(signed(announcement(anna, 5))))).toEqual({
        code: 'announcement-stale',
        seq: 6,
      });
      expect(users()).toEqual(['Anna B.']);
      registry.register(signed(announcement(ben, 1, { user: 'Ben' })));
      expect(users().sort()).toEqual(['Anna B.', 'Ben']);
      expect(registry.size()).toEqual({ signed: 2, plain: 0 });
    });

    it('are renewed by the same announcement, and by no other with its SEQ', async () => {
      const entry = announcement(anna, 5);
      registry.register(signed(entry));
      await clock.advance(20_000);
      expect(registry.register(signed({ ...entry }))).toBe('renewed');
      expect(refusal(() => registry.register(signed(announcement(anna, 5, { user: 'Other' }))))).toEqual({
        code: 'announcement-stale',
        seq: 5,
      });
      await clock.advance(20_000);
      expect(users()).toEqual(['Anna']);
    });

    it('do not move to the address of another sender under the same signature', () => {
      const entry = { ...announcement(anna, 5, { host: '' }), SIGNED_HOST: '' };
      registry.register(signed({ ...entry, HOST: '192.0.2.9' }));
      const replayed = signed({ ...entry, HOST: '192.0.2.66' });
      expect(refusal(() => registry.register(replayed)).code).toBe('announcement-stale');
      expect(list()[0]?.HOST).toBe('192.0.2.9');
    });

    it('come back under the same announcement after their lease ran out, not under an older one', async () => {
      const older = announcement(anna, 4);
      const entry = announcement(anna, 5);
      registry.register(signed(entry));
      await clock.advance(LEASE_MS);
      expect(refusal(() => registry.register(signed(older))).seq).toBe(5);
      expect(refusal(() => registry.register(signed(announcement(anna, 5, { user: 'Other' })))).seq).toBe(5);
      expect(registry.register(signed(entry))).toBe('joined');
    });

    it('tells which announcement it holds', async () => {
      const entry = announcement(anna, 5);
      expect([registry.holds(entry), registry.isListed(annaId)]).toEqual([false, false]);
      registry.register(signed(entry));
      expect([registry.holds({ ...entry }), registry.isListed(annaId)]).toEqual([true, true]);
      expect(registry.holds({ ...entry, USER: 'Other' })).toBe(false);
      expect(registry.holds({ HOST: 'a', PORT: 1, USER: 'b' })).toBe(false);
      await clock.advance(LEASE_MS);
      expect([registry.holds(entry), registry.isListed(annaId)]).toEqual([false, false]);
    });
  });

  describe('withdrawal', () => {
    it('ends the lease, and no announcement up to its SEQ comes back', () => {
      const entry = announcement(anna, 5);
      registry.register(signed(entry, 'request'));
      registry.withdraw(annaId, 7);
      expect(users()).toEqual([]);
      expect(registry.renew('request')).toBe(false);
      for (const seq of [5, 6, 7]) {
        expect(refusal(() => registry.register(signed(announcement(anna, seq))))).toEqual({
          code: 'announcement-stale',
          seq: 7,
        });
      }
      expect(registry.register(signed(announcement(anna, 8)))).toBe('joined');
    });

    it('is refused for an older SEQ, and for who is not there', () => {
      registry.register(signed(announcement(anna, 5)));
      expect(refusal(() => registry.withdraw(annaId, 4))).toEqual({ code: 'announcement-stale', seq: 5 });
      expect(users()).toEqual(['Anna']);
      expect(refusal(() => registry.withdraw(peerIdOfKey(ben.publicKey), 9)).code).toBe('peer-unknown');
    });

    it('does not touch plain entries', () => {
      registry.register(plain('Anna'));
      for (const key of ['192.0.2.1:7000', '192.0.2.1 7000']) {
        expect(refusal(() => registry.withdraw(key, 9)).code).toBe('peer-unknown');
      }
      expect(users()).toEqual(['Anna']);
    });
  });

  describe('the list', () => {
    it('is made once per change', async () => {
      registry.register(plain('Anna', {}, 'request'));
      const first = registry.list();
      expect(registry.list()).toBe(first);
      registry.renew('request');
      registry.register(plain('Anna'));
      expect(registry.list()).toBe(first);
      registry.register(plain('Ben', { PORT: 7001 }));
      const second = registry.list();
      expect(second.etag).not.toBe(first.etag);
      await clock.advance(LEASE_MS);
      expect(registry.list().etag).not.toBe(second.etag);
      expect(registry.list().body.toString()).toBe('[]');
    });

    it('has tags that another run does not have', async () => {
      const other = await make(clock, { leaseMs: LEASE_MS });
      expect(registry.list().etag).toMatch(/^"[\w-]+"$/);
      expect(other.list().etag).not.toBe(registry.list().etag);
      await other.close();
    });

    it('tells what was listed, changed, signed anew and unlisted', async () => {
      const start = registry.cursor;
      let told = 0;
      const end = registry.onChange(() => (told += 1));
      registry.register(signed(announcement(anna, 1)));
      registry.register(signed(announcement(anna, 1)));
      registry.register(signed(announcement(anna, 2)));
      registry.register(signed(announcement(anna, 3, { user: 'Anne' })));
      registry.withdraw(annaId, 4);
      expect(registry.changesSince(start)?.map(({ kind }) => kind)).toEqual([
        'join',
        'refresh',
        'change',
        'leave',
      ]);
      expect(told).toBe(4);
      end();
      const middle = registry.cursor;
      registry.register(plain('Ben'));
      await clock.advance(LEASE_MS);
      expect(happened(middle)).toEqual([
        ['join', 'Ben'],
        ['leave', 'Ben'],
      ]);
      expect(told).toBe(4);
      expect(registry.list().cursor).toBe(registry.cursor);
    });

    it('counts a plain entry as gone while a signed one takes its place', () => {
      registry.register(plain('Ben', { HOST: '192.0.2.9', PORT: 7780 }));
      const before = registry.cursor;
      registry.register(signed(announcement(anna, 1)));
      registry.register(plain('Benno', { HOST: '192.0.2.9', PORT: 7780 }));
      registry.withdraw(annaId, 2);
      expect(happened(before)).toEqual([
        ['join', 'Anna'],
        ['leave', 'Ben'],
        ['leave', 'Anna'],
        ['join', 'Benno'],
      ]);
    });

    it('does not know the changes of another run', async () => {
      const other = await make(clock, { leaseMs: LEASE_MS });
      expect(registry.changesSince(other.cursor)).toBeNull();
      await other.close();
    });

    it('takes as many entries as fit, and renewals beyond', async () => {
      await registry.close();
      registry = await make(clock, { leaseMs: LEASE_MS, capacity: 2 });
      registry.register(plain('Anna'));
      await clock.advance(1_000);
      registry.register(plain('Ben', { PORT: 7001 }));
      expect(refusal(() => registry.register(plain('Cleo', { PORT: 7002 }))).code).toBe('registry-full');
      expect(registry.register(plain('Benno', { PORT: 7001 }))).toBe('changed');
      await clock.advance(LEASE_MS - 1_000);
      expect(registry.register(plain('Cleo', { PORT: 7002 }))).toBe('joined');
    });
  });
}
