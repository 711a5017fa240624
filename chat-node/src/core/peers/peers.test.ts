import { peerIdOfKey, shortPeerId } from '@p2p-chat/shared';
import { ManualClock, testKeys } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryDisk, MemoryStore } from '../../storage/memory/memory-store.js';
import { ChatError } from '../errors.js';
import { ChatEvents } from '../events.js';
import type { Sighting } from '../ports/peer-discovery.js';
import type { LinkPeer } from '../ports/peer-link.js';
import { MAX_DIALLED_ADDRESSES, MAX_REMEMBERED_ADDRESSES } from './peer.js';
import { Peers } from './peers.js';

const anna = peerIdOfKey(testKeys('anna').publicKey);
const ben = peerIdOfKey(testKeys('ben').publicKey);

describe('the people who are known', () => {
  let disk: MemoryDisk;
  let peers: Peers;
  let changes: string[];

  async function start(): Promise<void> {
    changes = [];
    const events = new ChatEvents((error) => {
      throw error;
    });
    events.subscribe((event) => {
      if (event.type === 'peer') changes.push(event.peerId);
    });
    peers = new Peers({
      self: anna,
      ownName: () => 'Anna',
      store: new MemoryStore(disk),
      events,
      clock: new ManualClock(),
      onNews: () => undefined,
    });
    await peers.load();
  }
  beforeEach(async () => {
    disk = new MemoryDisk();
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
    for (const one of sightings) peers.replace(one.source, [one]);
  };
  const link = (instance: string, host = '192.0.2.2'): LinkPeer => ({
    peerId: ben,
    user: 'Ben',
    instance,
    agent: 'test/1',
    address: { host, port: 7780 },
  });
  const shown = (): string[] =>
    peers
      .list(true)
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
    peers.replace('mdns', []);
    peers.replace('http://a', []);
    expect(shown()).toEqual(['Ben online http://b 192.0.2.2']);
    peers.replace('http://b', []);
    expect(shown()).toEqual([]);
    expect(changes).toEqual([ben, ben]);
  });

  it(`gives ${MAX_DIALLED_ADDRESSES} addresses to dial and no more, whatever the sources say together`, () => {
    const addresses = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({ host: `192.0.2.${from + n}`, port: 7780 }));
    const dialled = (): string[] => peers.get(ben)!.addresses.map(({ host }) => host);
    see(sighting('mdns', { addresses: addresses(1, 9) }));
    see(sighting('http://a', { addresses: addresses(10, MAX_DIALLED_ADDRESSES - 9) }));
    expect(dialled()).toHaveLength(MAX_DIALLED_ADDRESSES);
    see(sighting('http://b', { addresses: addresses(100, 1) }));
    expect(dialled()).toHaveLength(MAX_DIALLED_ADDRESSES);
    expect(dialled()[0]).toBe('192.0.2.1');
  });

  it(`remembers the last ${MAX_REMEMBERED_ADDRESSES} addresses at which a peer was linked`, async () => {
    await peers.accept(ben);
    for (let n = 1; n <= MAX_REMEMBERED_ADDRESSES + 1; n += 1) {
      const peer = link('first', `192.0.2.${n}`);
      peers.linkOpened(peer);
      await peers.rememberAddress(peer);
      peers.linkClosed(peer);
    }
    const stored = disk.peers.get(ben);
    const hosts = Array.from({ length: MAX_REMEMBERED_ADDRESSES }, (_, n) => `192.0.2.${5 - n}`);
    expect(stored?.addresses.map(({ host }) => host)).toEqual(hosts);
  });

  it('takes who left for gone although a source is late to say so, until he starts anew', async () => {
    await peers.accept(ben);
    see(sighting('mdns'), sighting('http://a', { seq: 101 }));
    const peer = link('first');
    peers.linkOpened(peer);
    peers.linkClosed(peer);
    expect(shown()).toEqual(['Ben offline  192.0.2.2']);
    see(sighting('mdns', { instance: 'second', seq: 200 }));
    expect(shown()).toEqual(['Ben online mdns 192.0.2.2']);
  });

  it('does not take what an earlier start announced, also after a restart of its own', async () => {
    await peers.accept(ben);
    see(
      sighting('mdns', { instance: 'second', seq: 201 }),
      sighting('http://a', { instance: 'second', seq: 200 }),
    );
    peers.linkOpened(link('second'));
    await peers.rememberAddress(link('second'));
    await start();
    const replay = sighting('http://rogue', { addresses: [{ host: '192.0.2.66', port: 1 }] });
    see(replay);
    expect(shown()).toEqual(['Ben offline  192.0.2.2']);
    see(sighting('http://a', { instance: 'second', seq: 200 }));
    expect(shown()).toEqual(['Ben online http://a 192.0.2.2']);
    // Another number of the start that is linked is another source's.
    peers.linkOpened(link('second'));
    see(sighting('static', { instance: 'second', seq: 150 }));
    expect(peers.get(ben)?.sources).toEqual(['link', 'http://a', 'static']);
  });

  it('keeps what was announced to dial after the link has ended, wherever it came from', async () => {
    await peers.accept(ben);
    see(sighting('mdns', { addresses: [{ host: '198.51.100.2', port: 7780 }] }));
    const peer = link('first', '192.0.2.99');
    peers.linkOpened(peer);
    await peers.rememberAddress(peer);
    expect(shown()).toEqual(['Ben online link+mdns 192.0.2.99+198.51.100.2']);
    peers.linkClosed(peer);
    expect(shown()).toEqual(['Ben offline  198.51.100.2+192.0.2.99']);
    see(sighting('mdns', { seq: 101, addresses: [{ host: '203.0.113.2', port: 7780 }] }));
    expect(shown()).toEqual(['Ben online mdns 203.0.113.2+192.0.2.99']);
  });

  describe('a name that looks like something else', () => {
    const eve = peerIdOfKey(testKeys('eve').publicKey);
    const appears = (peerId: string, user: string): void =>
      peers.replace(peerId, [sighting(peerId, { peerId, user })]);
    const asked = (reference: string): string | string[] => {
      try {
        return peers.resolve(reference).peerId;
      } catch (error) {
        if (!(error instanceof ChatError)) throw error;
        return error.code === 'peer-ambiguous'
          ? error.choices.map(({ peerId }) => peerId).sort()
          : error.code;
      }
    };

    it.each([
      ['a short id', shortPeerId(ben)],
      ['a short id in capitals', shortPeerId(ben).toUpperCase()],
      ['more of an id', ben.slice(0, 20)],
      ['a label', `Ben (${shortPeerId(ben)})`],
      ['a label of another name', `Benjamin (${shortPeerId(ben)})`],
    ])('like %s of somebody is marked, and never wins over them', (_, name) => {
      appears(ben, 'Ben');
      expect(asked(name)).toBe(ben);
      appears(eve, name);
      expect(asked(name)).toEqual([ben, eve].sort());
      expect(peers.get(eve)?.ambiguous).toBe(true);
      expect(asked('Ben')).toBe(ben);
      expect(asked(eve)).toBe(eve);
      expect(asked(shortPeerId(eve))).toBe(eve);
    });

    it('like a short id is marked no more when that has gone', () => {
      appears(ben, 'Ben');
      appears(eve, shortPeerId(ben));
      peers.replace(ben, []);
      expect(peers.get(eve)?.ambiguous).toBe(false);
      expect(asked(shortPeerId(ben))).toBe(eve);
    });

    it('like the whole id of somebody leaves them their id', () => {
      appears(ben, 'Ben');
      appears(eve, ben);
      expect(peers.get(eve)?.ambiguous).toBe(true);
      expect(asked(ben)).toBe(ben);
    });

    it('like the own short id is nobody alone', () => {
      appears(eve, shortPeerId(anna));
      expect(peers.get(eve)?.ambiguous).toBe(true);
      expect(asked(shortPeerId(anna))).toEqual([anna, eve].sort());
      expect(asked(anna)).toBe('peer-unknown');
    });

    it.each([
      'Anna',
      'anna',
      'Аnna',
      'You',
      'you',
      'YOU',
      'Yоu',
      'Ben (ﬁx23456)',
      'Ben （abcdefgh）',
      'You:',
      'Yоu :',
      'You to Ben',
      'Cancel',
      'Back',
      'P2P-Chat',
      'Ben [verified]',
      'Ben ［BLOCKED］',
    ])('like mine, or like a word of the screen, is marked: %s', (name) => {
      appears(eve, name);
      expect(peers.get(eve)?.ambiguous).toBe(true);
    });

    it.each(['Ben', 'Annabel', 'Youssef', 'You Li', 'jonathan', 'Ben (Berlin)', '[Ben] Berlin'])(
      'is not %s',
      (name) => {
        appears(eve, name);
        expect(peers.get(eve)?.ambiguous).toBe(false);
        expect(asked(name)).toBe(eve);
      },
    );
  });
});
