import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { peerIdOfKey } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { StorageError } from '../errors.js';
import type { PeerRecord } from '../peer.js';
import type { OpenStorage, StoragePlace } from './message.repository.contract.js';

const NOW = Date.UTC(2026, 0, 1);

/** A contact of that name, with a key of its own. */
export function peerRecord(name: string, changes: Partial<PeerRecord> = {}): PeerRecord {
  return {
    peerId: peerIdOfKey(testKeys(name).publicKey),
    user: name,
    blocked: false,
    verified: false,
    accepted: true,
    knownAs: name,
    addresses: [
      { host: '192.0.2.7', port: 7780 },
      { host: '2001:db8::1', port: 65_535 },
    ],
    firstSeenAt: NOW,
    lastSeenAt: NOW + 1_000,
    announcedSeq: Number.MAX_SAFE_INTEGER,
    ...changes,
  };
}

function sorted(records: readonly PeerRecord[]): PeerRecord[] {
  return records.toSorted((a, b) => (a.peerId < b.peerId ? -1 : 1));
}

/** What every PeerRepository does. `createPlace` gives an empty one for each test. */
export function peerRepositoryContract(name: string, createPlace: () => Promise<StoragePlace>): void {
  describe(`PeerRepository: ${name}`, () => {
    let place: StoragePlace;
    let storage: OpenStorage;

    beforeEach(async () => {
      place = await createPlace();
      storage = await place.open();
    });

    afterEach(async () => {
      await storage.close();
      await place.dispose();
    });

    it('knows nobody at first', async () => {
      expect(await storage.peers.all()).toEqual([]);
    });

    it('gives back everyone as saved, also after a close', async () => {
      const records = [
        peerRecord('alice'),
        peerRecord('bob', { blocked: true, accepted: false, knownAs: null, addresses: [], announcedSeq: 0 }),
        peerRecord('carol', {
          verified: true,
          user: '  Çağ \u0000 👩‍💻 ',
          addresses: [{ host: 'h', port: 1 }],
        }),
      ];
      for (const one of records) await storage.peers.save(one);
      expect(sorted(await storage.peers.all())).toEqual(sorted(records));
      await storage.close();
      storage = await place.open();
      expect(sorted(await storage.peers.all())).toEqual(sorted(records));
    });

    it('replaces a record whole', async () => {
      await storage.peers.save(peerRecord('alice', { blocked: true, verified: true }));
      const later = peerRecord('alice', {
        user: 'Alice',
        addresses: [],
        lastSeenAt: NOW + 5,
        announcedSeq: 9,
      });
      await storage.peers.save(later);
      expect(await storage.peers.all()).toEqual([later]);
    });

    it('keeps the last of many that are saved at once', async () => {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          storage.peers.save(peerRecord(n % 2 === 0 ? 'alice' : 'bob', { announcedSeq: n })),
        ),
      );
      expect(sorted(await storage.peers.all())).toEqual(
        sorted([peerRecord('alice', { announcedSeq: 98 }), peerRecord('bob', { announcedSeq: 99 })]),
      );
    });

    it('sees a save that was asked before', async () => {
      const saved = storage.peers.save(peerRecord('alice'));
      expect(await storage.peers.all()).toEqual([peerRecord('alice')]);
      await saved;
    });

    it('checks that it can write, and changes nothing', async () => {
      await storage.peers.save(peerRecord('alice'));
      await storage.peers.check();
      await storage.close();
      storage = await place.open();
      await storage.peers.check();
      expect(await storage.peers.all()).toEqual([peerRecord('alice')]);
    });

    it('rejects after a close', async () => {
      await storage.close();
      for (const call of [
        storage.peers.all(),
        storage.peers.save(peerRecord('alice')),
        storage.peers.check(),
      ]) {
        const error: unknown = await call.catch((e: unknown) => e);
        expect(error).toBeInstanceOf(StorageError);
      }
    });
  });
}
