import type { Answer } from 'dns-packet';
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, MemoryMulticast } from '../testing/index.js';
import {
  DnsSd,
  type FoundService,
  MAX_RECORDS_PER_PACKET,
  MAX_SERVICES,
  MAX_SERVICES_PER_SENDER,
  MAX_TXT_BYTES,
  type OfferedService,
} from './dns-sd.js';
import type { LanInterface } from './lan-interfaces.js';
import type { OpenMulticastPort } from './multicast-port.js';
import { encodeTxt } from './txt.js';

const TYPE = '_test._tcp';
const eth0 = (n: number): LanInterface => ({ name: 'eth0', address: `192.0.2.${n}`, prefix: 24 });

describe('DnsSd', () => {
  let clock: ManualClock;
  let network: MemoryMulticast;
  beforeEach(() => {
    clock = new ManualClock();
    network = new MemoryMulticast();
  });

  class Machine {
    found = new Map<string, FoundService>();
    gone: string[] = [];
    lans: LanInterface[];
    offer: OfferedService | null;
    readonly dnsSd: DnsSd;
    constructor(label: string, ...lans: LanInterface[]) {
      this.lans = lans;
      this.offer = { type: TYPE, label, port: 7000, txt: encodeTxt({ name: label }) };
      this.dnsSd = new DnsSd(
        {
          browse: [TYPE],
          offer: () => this.offer,
          interfaces: () => this.lans,
          clock,
          random: () => 0.5,
          open: network.open,
        },
        {
          onFound: (service) => this.found.set(service.label, service),
          onGone: ({ label: left }) => {
            this.gone.push(left);
            this.found.delete(left);
          },
        },
      );
      this.dnsSd.start();
    }
    get labels(): string[] {
      return [...this.found.keys()].sort();
    }
  }

  it('finds who was there before and who comes after', async () => {
    const a = new Machine('a', eth0(1));
    await clock.advance(60_000);
    const b = new Machine('b', eth0(2));
    await clock.advance(200);
    expect([a.labels, b.labels]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect(b.found.get('a')).toEqual({
      type: TYPE,
      label: 'a',
      port: 7000,
      txt: [Buffer.from('name=a')],
      address: '192.0.2.1',
    });
  });

  it('tells the IPv6 addresses of its interface beside the one that it speaks from', async () => {
    const records: Answer[] = [];
    network.open(eth0(9), {
      onQuery: () => undefined,
      onResponse: (heard) => records.push(...heard),
      onError: () => undefined,
    });
    new Machine('a', { ...eth0(1), ipv6: ['2001:db8::1'] });
    new Machine('b', { name: 'eth1', address: 'fe80::1%eth1', prefix: 64, ipv6: ['fe80::1'] });
    await clock.advance(100);
    const told = (label: string): unknown[] =>
      records
        .filter((record) => /^A/.test(record.type) && record.name === `${label}.local`)
        .map((record) => ('data' in record ? record.data : undefined));
    expect(told('a')).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(told('b')).toEqual(['fe80::1']);
  });

  it('opens an interface that fails anew, waits longer each time, and delays no other one', async () => {
    let opened: number[] = [];
    let broken = true;
    const open: OpenMulticastPort = (lan, listener) => {
      const port = network.open(lan, listener);
      if (lan.name === 'eth0') return port;
      opened.push(clock.monotonic());
      const fail = (): void => (broken ? listener.onError(new Error('EADDRINUSE')) : undefined);
      return { ...port, query: fail, respond: fail };
    };
    const lans = [eth0(1), { name: 'eth1', address: '198.51.100.1', prefix: 24 }];
    const offer = { type: TYPE, label: 'a', port: 7000, txt: [] };
    const options = {
      browse: [TYPE],
      offer: () => offer,
      interfaces: () => lans,
      clock,
      random: () => 0,
      open,
    };
    const dnsSd = new DnsSd(options, { onFound: () => undefined, onGone: () => undefined });
    const b = new Machine('b', eth0(2));
    dnsSd.start();
    await clock.advance(200);
    expect(b.labels).toContain('a');
    expect(dnsSd.health().map(({ error }) => error)).toEqual([null, 'EADDRINUSE']);
    await clock.advance(15_000);
    const waits = opened.slice(1).map((at, n) => at - opened[n]!);
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000]);

    broken = false;
    opened = [];
    await clock.advance(60_000);
    expect(opened).toHaveLength(1);
    expect(dnsSd.health().map(({ error }) => error)).toEqual([null, null]);
    await dnsSd.stop();
    expect(b.labels).not.toContain('a');
  });

  it('finds each other although half of the packets are lost', async () => {
    // A linear congruential generator: the same losses in every run.
    let seed = 42;
    network.loses = () => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) < 2 ** 30;
    const a = new Machine('a', eth0(1));
    const b = new Machine('b', eth0(2));
    await clock.advance(5_000);
    expect([a.labels, b.labels]).toEqual([expect.arrayContaining(['b']), expect.arrayContaining(['a'])]);
  });

  it('keeps who renews, and forgets who is silent for three announcements', async () => {
    const a = new Machine('a', eth0(1));
    new Machine('b', eth0(2));
    await clock.advance(120_000);
    expect(a.labels).toContain('b');
    network.loses = ({ from }) => from === '192.0.2.2';
    await clock.advance(10_000);
    expect(a.labels).toContain('b');
    await clock.advance(30_000);
    expect(a.gone).toEqual(['b']);
  });

  it('searches for who fell silent, so that a network that was cut is soon whole again', async () => {
    const a = new Machine('a', eth0(1));
    const b = new Machine('b', eth0(2));
    await clock.advance(20_000);
    let cut = true;
    network.loses = () => cut;
    await clock.advance(60_000);
    expect([a.gone, b.gone]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    cut = false;
    await clock.advance(3_700);
    expect([a.labels, b.labels]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('learns at once of who leaves in order, and does not believe it of another sender', async () => {
    const a = new Machine('a', eth0(1));
    const b = new Machine('b', eth0(2));
    await clock.advance(100);
    const name = `b.${TYPE}.local`;
    network.respond('192.0.2.9', [{ type: 'PTR', name: `${TYPE}.local`, ttl: 0, data: name }]);
    expect(a.labels).toContain('b');
    await b.dnsSd.stop();
    expect(a.gone).toEqual(['b']);
    expect(network.addresses).toEqual(['192.0.2.1']);
    await clock.advance(60_000);
    expect(a.labels).toEqual(['a']);
  });

  it('uses every interface, and each only for its own network', async () => {
    const far: LanInterface = { name: 'eth1', address: '198.51.100.1', prefix: 24 };
    const router = new Machine('router', eth0(1), far);
    const near = new Machine('near', eth0(2));
    const other = new Machine('other', { ...far, address: '198.51.100.2' });
    await clock.advance(200);
    expect(router.labels).toEqual(['near', 'other', 'router']);
    expect(near.labels).toEqual(['near', 'router']);
    expect(other.labels).toEqual(['other', 'router']);
    expect(near.found.get('router')?.address).toBe('192.0.2.1');
    expect(near.dnsSd.outsider).toBe('198.51.100.2');
    expect(router.dnsSd.outsider).toBeNull();
  });

  it('announces itself anew when an address comes or goes', async () => {
    const a = new Machine('a', eth0(1));
    const b = new Machine('b');
    expect(b.dnsSd.health()).toEqual([]);
    await clock.advance(60_000);
    b.lans = [eth0(2)];
    await clock.advance(1_100);
    expect(a.found.get('b')?.address).toBe('192.0.2.2');
    b.lans = [eth0(3)];
    await clock.advance(1_100);
    expect(a.found.get('b')?.address).toBe('192.0.2.3');
    expect(network.addresses).toEqual(['192.0.2.1', '192.0.2.3']);
    expect(b.dnsSd.health()).toEqual([{ name: 'eth0', address: '192.0.2.3', error: null }]);
  });

  it('tells what has changed when it is refreshed', async () => {
    const a = new Machine('a', eth0(1));
    const b = new Machine('b', eth0(2));
    await clock.advance(60_000);
    b.offer = { ...b.offer!, txt: encodeTxt({ name: 'new' }) };
    b.dnsSd.refresh();
    await clock.advance(1);
    expect(a.found.get('b')?.txt).toEqual([Buffer.from('name=new')]);
  });

  it('answers a flood of questions once a second', async () => {
    new Machine('a', eth0(1));
    await clock.advance(60_000);
    const before = network.sent.length;
    for (let n = 0; n < 500; n += 1) {
      network.query('192.0.2.9', [{ name: `${TYPE}.local`, type: 'PTR' }]);
      await clock.advance(10);
    }
    const answers = network.sent.slice(before).filter(({ kind }) => kind === 'response');
    expect(answers.length).toBeGreaterThanOrEqual(4);
    expect(answers.length).toBeLessThanOrEqual(7);
  });

  it('answers a flood of plain resolvers ten times a second, whoever they say they are', async () => {
    new Machine('a', eth0(1));
    await clock.advance(60_000);
    const before = network.sent.length;
    for (let n = 0; n < 500; n += 1) {
      network.query(`192.0.2.${1 + (n % 250)}`, [{ name: `${TYPE}.local`, type: 'PTR' }], 9_999);
      await clock.advance(2);
    }
    const answers = network.sent.slice(before).filter(({ kind }) => kind === 'response');
    expect(answers).toHaveLength(10);
  });

  describe('against a flood', () => {
    const type = `${TYPE}.local`;
    const service = (label: string, ttl = 30, txt: (string | Buffer)[] = ['v=1']): Answer[] => [
      { type: 'PTR', name: type, ttl, data: `${label}.${type}` },
      { type: 'SRV', name: `${label}.${type}`, ttl, data: { port: 1, target: 'x.local' } },
      { type: 'TXT', name: `${label}.${type}`, ttl, data: txt },
    ];

    it(`keeps ${MAX_SERVICES_PER_SENDER} services of one sender and no more, and takes those of others`, async () => {
      const a = new Machine('a', eth0(1));
      await clock.advance(100);
      for (let n = 0; n < 10_000; n += 1) network.respond('192.0.2.9', service(`flood-${n}`));
      expect(a.found.size).toBe(1 + MAX_SERVICES_PER_SENDER);
      new Machine('b', eth0(2));
      await clock.advance(100);
      expect(a.labels).toContain('b');
      // Who leaves gives the place back.
      network.respond('192.0.2.9', service('flood-0', 0));
      network.respond('192.0.2.9', service('late'));
      network.respond('192.0.2.9', service('too-late'));
      expect([a.found.has('late'), a.found.has('too-late')]).toEqual([true, false]);
      // It is not renewed, and they are.
      await clock.advance(120_000);
      expect(a.labels).toEqual(['a', 'b']);
    });

    it(`keeps ${MAX_SERVICES} services in all and no more`, async () => {
      const a = new Machine('a', eth0(1));
      await clock.advance(100);
      for (let n = 0; n < MAX_SERVICES; n += 1) network.respond(`192.0.2.${10 + (n % 100)}`, service(`${n}`));
      expect(a.found.size).toBe(MAX_SERVICES);
      expect(a.labels).toContain('a');
    });

    it(`reads ${MAX_RECORDS_PER_PACKET} records of one packet and no more`, async () => {
      const a = new Machine('a', eth0(1));
      await clock.advance(100);
      const other: Answer = { type: 'A', name: 'x.local', ttl: 30, data: '192.0.2.66' };
      const last = service('x');
      const before = Array<Answer>(MAX_RECORDS_PER_PACKET - last.length + 1).fill(other);
      network.respond('192.0.2.9', [...before, ...last]);
      expect(a.labels).toEqual(['a']);
      network.respond('192.0.2.9', [...before.slice(1), ...last]);
      expect(a.labels).toEqual(['a', 'x']);
    });

    it(`takes a record of ${MAX_TXT_BYTES} bytes and none of one more`, async () => {
      const a = new Machine('a', eth0(1));
      await clock.advance(100);
      const strings = Array.from({ length: 16 }, () => Buffer.alloc(MAX_TXT_BYTES / 16));
      network.respond('192.0.2.9', service('large', 30, [...strings, Buffer.alloc(1)]));
      expect(a.labels).toEqual(['a']);
      network.respond('192.0.2.9', service('large', 30, strings));
      expect(a.labels).toEqual(['a', 'large']);
    });
  });

  it('is silent where it offers nothing, and after its end', async () => {
    const a = new Machine('a', eth0(1));
    a.offer = null;
    await clock.advance(30_000);
    expect(network.sent.every(({ kind }) => kind === 'query')).toBe(true);
    await a.dnsSd.stop();
    const { length } = network.sent;
    a.dnsSd.refresh();
    await clock.advance(60_000);
    expect([network.sent.length, clock.timers]).toEqual([length, 0]);
  });

  it('ignores records that name no service in full', async () => {
    const a = new Machine('a', eth0(1));
    await clock.advance(100);
    const type = `${TYPE}.local`;
    network.respond('192.0.2.9', [{ type: 'PTR', name: type, ttl: 30, data: `x.${type}` }]);
    network.respond('192.0.2.9', [
      { type: 'PTR', name: type, ttl: 30, data: `y.${type}` },
      { type: 'TXT', name: `y.${type}`, ttl: 30, data: ['v=1'] },
    ]);
    network.respond('192.0.2.9', [{ type: 'PTR', name: type, ttl: 30, data: 'elsewhere.example' }]);
    expect(a.labels).toEqual(['a']);
  });
});
