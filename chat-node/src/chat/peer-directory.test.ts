import { peerIdOfKey } from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStorage } from '../testing/memory-storage.js';
import { ChatEvents } from './events.js';
import { MAX_DIALLED_ADDRESSES, MAX_REMEMBERED_ADDRESSES } from './peer.js';
import { PeerDirectory } from './peer-directory.js';
import type { Sighting } from './ports/peer-discovery.js';
import type { LinkPeer } from './ports/peer-link.js';

const anna = peerIdOfKey(testKeys('anna').publicKey);
const ben = peerIdOfKey(testKeys('ben').publicKey);

describe('PeerDirectory', () => {
  let storage: MemoryStorage;
  let directory: PeerDirectory;
  let changes: string[];

  async function start(): Promise<void> {
    changes = [];
    const events = new ChatEvents((error) => {
      throw error;
    });
    events.subscribe((event) => {
      if (event.type === 'peer') changes.push(event.peerId);
    });
    directory = new PeerDirectory(anna, storage.peers, events, new ManualClock());
    await directory.load([]);
  }
  beforeEach(async () => {
    storage = new MemoryStorage();
    await start();
  });

  const sighting = (source: string, change: Partial<Sighting> = {}): Sighting => ({
    source,
    peerId: ben,
    user: 'Ben',
    addresses: [{ host: '192.0.2.2', port: 7780 }],
    instance: 'first',
    seq: 100,
    ...change,
  });
  const see = (...sightings: Sighting[]): void => {
    for (const one of sightings) directory.replace(one.source, [one]);
  };
  const link = (instance: string, host = '192.0.2.2'): LinkPeer => ({
    peerId: ben,
    user: 'Ben',
    instance,
    agent: 'test/1',
    features: [],
    address: { host, port: 7780 },
  });
  const shown = (): string[] =>
    directory
      .all()
      .map(({ user, online, sources, addresses }) =>
        [
          user,
          online ? 'online' : 'offline',
          sources.join('+'),
          addresses.map(({ host }) => host).join('+'),
        ].join(' '),
      );

  it('merges what all sources say of a peer', () => {
    see(
      sighting('mdns'),
      sighting('http://a', { seq: 101, addresses: [{ host: '198.51.100.2', port: 7780 }] }),
      sighting('http://b', { seq: 102 }),
    );
    expect(shown()).toEqual(['Ben online mdns+http://a+http://b 192.0.2.2+198.51.100.2']);
    expect(changes).toEqual([ben]);
    directory.replace('mdns', []);
    directory.replace('http://a', []);
    expect(shown()).toEqual(['Ben online http://b 192.0.2.2']);
    directory.replace('http://b', []);
    expect(shown()).toEqual([]);
    expect(changes).toEqual([ben, ben]);
  });

  it(`gives ${MAX_DIALLED_ADDRESSES} addresses to dial and no more, whatever the sources say together`, () => {
    const addresses = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({ host: `192.0.2.${from + n}`, port: 7780 }));
    const dialled = (): string[] => directory.get(ben)!.addresses.map(({ host }) => host);
    see(sighting('mdns', { addresses: addresses(1, 9) }));
    see(sighting('http://a', { addresses: addresses(10, MAX_DIALLED_ADDRESSES - 9) }));
    expect(dialled()).toHaveLength(MAX_DIALLED_ADDRESSES);
    see(sighting('http://b', { addresses: addresses(100, 1) }));
    expect(dialled()).toHaveLength(MAX_DIALLED_ADDRESSES);
    expect(dialled()[0]).toBe('192.0.2.1');
  });

  it(`remembers the last ${MAX_REMEMBERED_ADDRESSES} addresses at which a peer was linked`, async () => {
    await directory.accept(ben);
    for (let n = 1; n <= MAX_REMEMBERED_ADDRESSES + 1; n += 1) {
      const peer = link('first', `192.0.2.${n}`);
      directory.linkOpened(peer);
      await directory.rememberAddress(peer);
      directory.linkClosed(peer);
    }
    const [stored] = await storage.peers.all();
    const hosts = Array.from({ length: MAX_REMEMBERED_ADDRESSES }, (_, n) => `192.0.2.${5 - n}`);
    expect(stored?.addresses.map(({ host }) => host)).toEqual(hosts);
  });

  it('takes who left for gone although a source is late to say so, until he starts anew', () => {
    see(sighting('mdns'), sighting('http://a', { seq: 101 }));
    const peer = link('first');
    directory.linkOpened(peer);
    directory.linkClosed(peer);
    expect(shown()).toEqual(['Ben offline  ']);
    see(sighting('mdns', { instance: 'second', seq: 200 }));
    expect(shown()).toEqual(['Ben online mdns 192.0.2.2']);
  });

  it('does not take what an earlier start announced, also after a restart of its own', async () => {
    await directory.accept(ben);
    see(
      sighting('mdns', { instance: 'second', seq: 201 }),
      sighting('http://a', { instance: 'second', seq: 200 }),
    );
    directory.linkOpened(link('second'));
    await directory.rememberAddress(link('second'));
    await start();
    const replay = sighting('http://rogue', { addresses: [{ host: '192.0.2.66', port: 1 }] });
    see(replay);
    expect(shown()).toEqual(['Ben offline  192.0.2.2']);
    see(sighting('http://a', { instance: 'second', seq: 200 }));
    expect(shown()).toEqual(['Ben online http://a 192.0.2.2']);
    // Another number of the start that is linked is another source's.
    directory.linkOpened(link('second'));
    see(sighting('static', { instance: 'second', seq: 150 }));
    expect(directory.get(ben)?.sources).toEqual(['link', 'http://a', 'static']);
  });
});
