import { ANNOUNCEMENT_VALIDITY_MS, type PeerEntry, peerIdOfKey, signAnnouncement } from '@p2p-chat/shared';
import type { Interfaces } from '@p2p-chat/shared';
import type { OpenMulticastPort } from '@p2p-chat/shared/dns-sd';
import { ManualClock, MemoryMulticast, testKeys } from '@p2p-chat/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DiscoverySink, Sighting } from '../core/ports/peer-discovery.js';
import { AnnouncementSequence } from './announcement-sequence.js';
import { announcementTxt } from './announcement-txt.js';
import { MdnsDiscovery, type MdnsOptions } from './mdns.discovery.js';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const on = (...addresses: string[]): Interfaces => {
  const info = { family: 'IPv4', internal: false, netmask: '', mac: '' } as const;
  return () => ({ eth0: addresses.map((address) => ({ ...info, address, cidr: `${address}/24` })) });
};

describe('MdnsDiscovery', () => {
  let clock: ManualClock;
  let network: MemoryMulticast;
  const running: MdnsDiscovery[] = [];
  beforeEach(() => {
    clock = new ManualClock();
    network = new MemoryMulticast();
  });
  afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

  it('says whose packets it ignores because of the netmask', async () => {
    const node = new Node('Alice');
    new Node('Bob', { address: '198.51.100.1' });
    await clock.advance(1_000);
    expect(node.discovery.health()[0]?.detail).toBe(
      'nobody else is heard, and 198.51.100.1 ignored, which is in none of the networks here: compare the netmasks on eth0',
    );
    expect(node.discovery.ignored).toBe('198.51.100.1');
    // With somebody else heard, the network is not all wrong.
    new Node('Carol', { address: '192.0.2.3' });
    await clock.advance(2_000);
    expect(node.discovery.ignored).toBeNull();
    expect(node.discovery.found).toContain('1 other heard, and 198.51.100.1 ignored');
  });

  it('says nothing of what it hears over loopback from the nodes of its own machine', async () => {
    const node = new Node('Alice');
    new Node('Bob', { address: '127.0.0.1' });
    await clock.advance(1_000);
    expect(node.discovery.health()[0]?.detail).toBe('nobody else is heard on eth0');
  });

  it('takes for no neighbour who is on a network of this machine that is not used', async () => {
    const interfaces = { ...on('192.0.2.1')(), ...{ docker0: on('198.51.100.254')()['eth0'] } };
    const node = new Node('Alice', { interfaces: () => interfaces });
    new Node('Bob', { address: '198.51.100.1' });
    await clock.advance(1_000);
    expect(node.discovery.ignored).toBeNull();
    expect(node.discovery.found).toBe('nobody else is heard on eth0');
  });

  class Node implements DiscoverySink {
    seen: readonly Sighting[] = [];
    readonly discovery: MdnsDiscovery;
    constructor(
      readonly user: string,
      options: Partial<MdnsOptions> & { host?: string; address?: string } = {},
    ) {
      this.discovery = new MdnsDiscovery({
        scope: 'lan',
        keys: testKeys(user),
        clock,
        random: () => 0.5,
        logger: silent,
        sequence: new AnnouncementSequence(clock),
        interfaces: on(options.address ?? '192.0.2.1'),
        open: network.open,
        ...options,
      });
      running.push(this.discovery);
      const self = { user, port: 7780, host: options.host ?? '', instance: `${user}-instance` };
      this.discovery.start(self, this);
    }
    replace(_source: string, sightings: readonly Sighting[]): void {
      this.seen = sightings;
    }
    get shown(): string[] {
      return this.seen.map(
        ({ user, addresses }) => `${user} ${addresses.map(({ host, port }) => `${host}:${port}`).join(' ')}`,
      );
    }
    get health(): string {
      return this.discovery.health().map(({ source, state, detail }) => `${source} ${state}: ${detail}`)[0]!;
    }
  }

  it('passes on who announces itself, at the address that it came from first', async () => {
    const anna = new Node('Anna');
    const ben = new Node('Ben', { address: '192.0.2.2' });
    await clock.advance(200);
    expect([anna.shown, ben.shown]).toEqual([['Ben 192.0.2.2:7780'], ['Anna 192.0.2.1:7780']]);
    expect(anna.seen[0]).toMatchObject({ source: 'mdns', instance: 'Ben-instance' });
    expect(anna.health).toBe('mdns ok: 1 other heard on eth0');
    await ben.discovery.stop();
    await clock.advance(1);
    expect([anna.shown, ben.health]).toEqual([[], 'mdns off: not running']);
    expect(anna.health).toBe('mdns ok: nobody else is heard on eth0');
  });

  it('passes on nobody whose announcement is forged, old or of another form', async () => {
    const anna = new Node('Anna');
    await clock.advance(10);
    const keys = testKeys('Mallory');
    const entry = signAnnouncement(
      {
        host: '192.0.2.9',
        port: 7780,
        user: 'Ben',
        addresses: [],
        instance: 'i',
        seq: 5,
        expires: clock.now() + ANNOUNCEMENT_VALIDITY_MS,
      },
      keys,
    );
    const tell = async (change: Partial<PeerEntry>, label = 'x', port = 7780): Promise<string[]> => {
      const name = `${label}._p2p-chat._tcp.local`;
      network.respond('192.0.2.9', [
        { type: 'PTR', name: '_p2p-chat._tcp.local', ttl: 30, data: name },
        { type: 'SRV', name, ttl: 30, data: { port, target: 'x.local' } },
        { type: 'TXT', name, ttl: 30, data: announcementTxt({ ...entry, ...change }) },
      ]);
      await clock.advance(200);
      return anna.shown;
    };
    expect(await tell({ USER: 'Bert' })).toEqual([]);
    expect(await tell({ HOST: '192.0.2.66' })).toEqual([]);
    expect(await tell({ PEER_ID: peerIdOfKey(testKeys('Ben').publicKey) })).toEqual([]);
    expect(await tell({ SEQ: NaN })).toEqual([]);
    expect(await tell({}, 'x', 7781)).toEqual([]);
    expect(await tell({})).toEqual(['Ben 192.0.2.9:7780']);
  });

  it('does not take loopback hosts from the network', async () => {
    const anna = new Node('Anna');
    new Node('Ben', { host: '127.0.0.1', address: '192.0.2.2' });
    await clock.advance(200);
    expect(anna.shown).toEqual([]);
  });

  it('is heard within one machine, over loopback, whatever the network', async () => {
    const lone: Partial<MdnsOptions> = { scope: 'machine', interfaces: () => ({}) };
    const anna = new Node('Anna', lone);
    const ben = new Node('Ben', { ...lone, host: '127.0.0.1' });
    await clock.advance(200);
    expect([anna.shown, ben.shown]).toEqual([['Ben 127.0.0.1:7780'], ['Anna 127.0.0.1:7780']]);
    expect(anna.health).toBe('same-machine ok: 1 other heard');
  });

  it('stays through the years: announcements are signed anew before they expire', async () => {
    const anna = new Node('Anna');
    const ben = new Node('Ben', { address: '192.0.2.2' });
    await clock.advance(200);
    const first = anna.seen[0]!.seq;
    await clock.advance(ANNOUNCEMENT_VALIDITY_MS);
    expect(ben.shown).toHaveLength(1);
    expect(anna.seen[0]!.seq).toBeGreaterThan(first);
  });

  it('shows which interface does not work, and fails where none does', async () => {
    const broken = new Set(['192.0.2.1']);
    const open: OpenMulticastPort = (lan, listener) => {
      const port = network.open(lan, listener);
      const send = port.respond.bind(port);
      port.respond = (...packet) => {
        if (broken.has(lan.address)) listener.onError(new Error(`send ENETUNREACH from ${lan.address}`));
        else send(...packet);
      };
      return port;
    };
    const interfaces: Interfaces = () => ({ ...on('192.0.2.1')(), wlan0: on('198.51.100.1')()['eth0']! });
    const anna = new Node('Anna', { interfaces, open });
    await clock.advance(200);
    expect(anna.health).toBe('mdns ok: nobody else is heard; eth0: send ENETUNREACH from 192.0.2.1');
    broken.add('198.51.100.1');
    await clock.advance(10_000);
    expect(anna.health).toMatch(/^mdns failing: .*eth0: .*; wlan0: /);
    broken.clear();
    await clock.advance(20_000);
    expect(anna.health).toBe('mdns ok: nobody else is heard on eth0, wlan0');
  });

  it('says that there is no interface, and starts when there is one', async () => {
    let interfaces: Interfaces = () => ({});
    const anna = new Node('Anna', { interfaces: () => interfaces() });
    const ben = new Node('Ben', { address: '192.0.2.2' });
    await clock.advance(10_000);
    expect(anna.health).toMatch(/^mdns failing: no network interface to use/);
    interfaces = on('192.0.2.1');
    await clock.advance(2_000);
    expect([anna.shown, ben.shown]).toEqual([['Ben 192.0.2.2:7780'], ['Anna 192.0.2.1:7780']]);
  });
});
