import {
  ANNOUNCEMENT_VALIDITY_MS,
  type AnnouncementFields,
  CLOCK_TOLERANCE_MS,
  type PeerEntry,
  peerIdOfKey,
  signAnnouncement,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ReadContext, SightingReader } from './sighting-reader.js';

const NOW = Date.UTC(2026, 0, 1);
const self = testKeys('self');
const anna = testKeys('anna');

function entry(changes: Partial<AnnouncementFields> = {}, keys = anna): PeerEntry {
  const fields = { host: '192.0.2.1', port: 7780, user: 'Anna', addresses: [], instance: 'i', seq: 5 };
  return signAnnouncement({ ...fields, expires: NOW + ANNOUNCEMENT_VALIDITY_MS, ...changes }, keys);
}

describe('SightingReader', () => {
  let reader: SightingReader;
  beforeEach(() => {
    reader = new SightingReader('http://x', peerIdOfKey(self.publicKey));
  });
  const read = async (entries: unknown[], context: Partial<ReadContext> = {}): Promise<string[]> => {
    const all = { now: NOW, overLoopback: false, localAddresses: [], ...context };
    const sightings = await reader.read(entries, all);
    return sightings.map(({ user, addresses }) => [user, ...addresses.map(({ host }) => host)].join(' '));
  };

  it('passes on who is signed', async () => {
    const sightings = await reader.read([entry({ addresses: ['198.51.100.1'] })], {
      now: NOW,
      overLoopback: false,
      localAddresses: [],
    });
    expect(sightings).toEqual([
      {
        source: 'http://x',
        peerId: peerIdOfKey(anna.publicKey),
        user: 'Anna',
        instance: 'i',
        seq: 5,
        addresses: [
          { host: '192.0.2.1', port: 7780 },
          { host: '198.51.100.1', port: 7780 },
        ],
      },
    ]);
  });

  it.each<[string, unknown]>([
    ['plain entries', { HOST: '192.0.2.1', PORT: 1, USER: 'Plain' }],
    ['itself', entry({}, self)],
    ['another USER under the signature', { ...entry(), USER: 'Mallory' }],
    ['another HOST under the signature', { ...entry(), HOST: '192.0.2.66' }],
    ['another HOST beside the signed one', { ...entry(), HOST: '192.0.2.66', SIGNED_HOST: '192.0.2.1' }],
    ['the key of another', { ...entry(), PEER_ID: peerIdOfKey(testKeys('ben').publicKey) }],
    ['an expired one', entry({ expires: NOW - CLOCK_TOLERANCE_MS - 1 })],
    ['half of one', { ...entry(), SIGNATURE: undefined }],
    ['null', null],
    ['a text', 'x'],
    ['a list', []],
    ['fields of other types', { PEER_ID: 5, KEY: {}, SIGNATURE: [], HOST: {}, PORT: 'x', USER: 1 }],
    ['an operator', { ...entry(), HOST: { $gt: '' } }],
    ['a host that is no host', entry({ host: 'a b' })],
    ['a multicast host', entry({ host: '224.0.0.1' })],
    ['a metadata service', entry({ host: '169.254.169.254' })],
    ['a loopback host from elsewhere', entry({ host: '127.0.0.1' })],
    ['a loopback host in disguise', entry({ host: '127.1', addresses: ['localhost', '::ffff:7f00:1'] })],
  ])('ignores %s', async (_name, foreign) => {
    expect(await read([foreign])).toEqual([]);
  });

  it('leaves out only the hosts that must not be dialled', async () => {
    const mixed = entry({ addresses: ['127.0.0.1', 'anna.local', '255.255.255.255', '2001:db8::1'] });
    expect(await read([mixed])).toEqual(['Anna 192.0.2.1 anna.local 2001:db8::1']);
  });

  it('takes loopback hosts over loopback alone, also of who claims an address of this machine', async () => {
    const here = entry({ host: '127.0.0.1', addresses: ['192.0.2.1'] });
    expect(await read([here])).toEqual(['Anna 192.0.2.1']);
    expect(await read([here], { overLoopback: true })).toEqual(['Anna 127.0.0.1 192.0.2.1']);
    expect(await read([here], { localAddresses: ['192.0.2.1'] })).toEqual(['Anna 192.0.2.1']);
  });

  it('takes link-local hosts only where that is the network of this machine, and never metadata', async () => {
    const hosts = ['169.254.7.7', '169.254.169.254', '169.254.170.2', 'fe80::1', 'fe80::1%eth0'];
    const linkLocal = entry({ host: '192.0.2.1', addresses: hosts });
    expect(await read([linkLocal])).toEqual(['Anna 192.0.2.1']);
    expect(await read([linkLocal], { localAddresses: ['192.0.2.9'] })).toEqual(['Anna 192.0.2.1']);
    expect(await read([linkLocal], { localAddresses: ['169.254.1.1'] })).toEqual([
      'Anna 192.0.2.1 169.254.7.7 fe80::1%eth0',
    ]);
  });

  it('takes the address that the service put in place of an open host', async () => {
    const open = { ...entry({ host: '' }), HOST: '192.0.2.7', SIGNED_HOST: '' };
    expect(await read([open])).toEqual(['Anna 192.0.2.7']);
  });

  it('ignores an announcement that is older than one it has seen', async () => {
    expect(await read([entry({ seq: 6, user: 'New' })])).toEqual(['New 192.0.2.1']);
    expect(await read([entry({ seq: 5, user: 'Old' })])).toEqual([]);
    expect(await read([entry({ seq: 6, user: 'New' })])).toEqual(['New 192.0.2.1']);
    expect(await read([entry({ seq: 7, user: 'Newer' }), entry({ seq: 6 })])).toEqual(['Newer 192.0.2.1']);
  });

  it('lists a peer once, with its latest announcement', async () => {
    expect(await read([entry({ seq: 5, user: 'Old' }), entry({ seq: 6, user: 'New' })])).toEqual([
      'New 192.0.2.1',
    ]);
  });

  it('does not take a list that it knows without a look at the time and at every field', async () => {
    expect(await read([entry()])).toEqual(['Anna 192.0.2.1']);
    expect(await read([{ ...entry(), USER: 'Mallory' }])).toEqual([]);
    expect(await read([entry()])).toEqual(['Anna 192.0.2.1']);
    const later = NOW + ANNOUNCEMENT_VALIDITY_MS + CLOCK_TOLERANCE_MS;
    expect(await read([entry()], { now: later })).toEqual(['Anna 192.0.2.1']);
    expect(await read([entry()], { now: later + 1 })).toEqual([]);
  });

  it('checks a forged entry once, and one whose time is wrong again', async () => {
    let looks = 0;
    const watched = (one: PeerEntry): PeerEntry => {
      const { EXPIRES } = one;
      return Object.defineProperty(one, 'EXPIRES', { enumerable: true, get: () => ((looks += 1), EXPIRES) });
    };
    const forged = watched({ ...entry(), USER: 'Mallory' });
    expect(await read([forged])).toEqual([]);
    const once = looks;
    for (let n = 0; n < 3; n += 1) expect(await read([forged])).toEqual([]);
    expect(once).toBeGreaterThan(0);
    expect(looks).toBe(once);

    const early = watched(entry({ expires: NOW + ANNOUNCEMENT_VALIDITY_MS + CLOCK_TOLERANCE_MS + 1 }));
    expect(await read([early])).toEqual([]);
    expect(await read([early], { now: NOW + 1 })).toEqual(['Anna 192.0.2.1']);
  });

  it('lets others run while it reads a long list', async () => {
    const many = Array.from({ length: 300 }, (_, i) => entry({ user: `User ${i}` }, testKeys(`many ${i}`)));
    let turns = 0;
    let reading = true;
    const count = (): void => {
      turns += 1;
      if (reading) setImmediate(count);
    };
    setImmediate(count);
    expect(await read(many)).toHaveLength(300);
    reading = false;
    expect(turns).toBeGreaterThan(3);
  });
});
