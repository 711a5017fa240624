import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ANNOUNCEMENT_VALIDITY_MS, type SignedEntry, signAnnouncement } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import type { Answer, Packet } from 'dns-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { announcementTxt } from '../chat-node/dist/discovery/announcement-txt.js';
import { SeededRandom } from './chaos/seeded-random.js';
import { mutate } from './fuzz/case.js';
import { HEAP_PROBE, settledHeap } from './support/heap.js';
import { allSeeAll, Lan, type LanDaemon, type LanHost, sees } from './support/lan.js';
import { waitFor } from './support/processes.js';

/** What the flood may leave: a thousand services of the flooding host, as long as they say they last. */
const MAX_LEFT_BYTES = 16 * 1024 * 1024;
/** The port that is announced; nobody listens there. */
const PORT = 9_999;
/** Never dialled on a stranger's word. */
const FORBIDDEN = [
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '10.77.0.255/32',
  '0.0.0.0/8',
];
/** What Anna's machine knows of names. */
const NAMES = { 'inward.example': '127.0.0.1', 'metadata.example': '169.254.169.254' };

const ROGUE = fileURLToPath(new URL('support/rogue-multicast.ts', import.meta.url));
const TYPE = '_p2p-chat._tcp.local';
// The one that the product uses.
const { encode } = createRequire(fileURLToPath(import.meta.resolve('multicast-dns')))('dns-packet') as {
  encode: (packet: Packet) => Buffer;
};

/** Lets a host multicast these packets. */
async function multicast(from: LanHost, packets: Iterable<Uint8Array>): Promise<void> {
  const [command = '', ...args] = [...from.launcher, process.execPath, ROGUE, from.address];
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  for (const packet of packets) {
    if (!child.stdin.write(`${Buffer.from(packet).toString('base64')}\n`)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  expect(await exited).toEqual([0, null]);
}

function packetOf(label: string, port: number, txt: (string | Buffer)[], ttl = 120): Buffer {
  const name = `${label}.${TYPE}`;
  const answers: Answer[] = [
    { type: 'PTR', name: TYPE, ttl, data: name },
    { type: 'SRV', name, ttl, data: { port, target: `${label}.local` } },
    { type: 'TXT', name, ttl, data: txt },
  ];
  return encode({ type: 'response', flags: 1 << 10, answers });
}

function announce(name: string, fields: { host?: string; addresses?: string[]; user?: string }): SignedEntry {
  const { host = '', addresses = [], user = name } = fields;
  const expires = Date.now() + ANNOUNCEMENT_VALIDITY_MS;
  return signAnnouncement(
    { host, port: PORT, user, addresses, instance: 'i', seq: 1, expires },
    testKeys(name),
  );
}

const packetOfEntry = (entry: SignedEntry, label = `${entry.PEER_ID}-i`): Buffer =>
  packetOf(label, entry.PORT, announcementTxt(entry));

describe('a rogue neighbour', () => {
  let lan: Lan;
  let anna: LanDaemon;
  let ben: LanDaemon;
  let mallory: LanHost;

  beforeAll(async () => {
    lan = await Lan.open(4);
    mallory = lan.hosts[2]!;
    const [host] = lan.hosts;
    // `ip netns exec` puts it in the place of /etc/hosts.
    await mkdir(`/etc/netns/${host!.namespace}`, { recursive: true });
    const lines = Object.entries({ localhost: '127.0.0.1', ...NAMES }).map(([name, at]) => `${at} ${name}\n`);
    await writeFile(`/etc/netns/${host!.namespace}/hosts`, lines.join(''));
    // Rules without a target count. Where the packet came from is what may be dialled.
    for (const network of [...FORBIDDEN, `${mallory.address}/32`]) {
      await host!.exec('iptables', '-A', 'OUTPUT', '-p', 'tcp', '--dport', String(PORT), '-d', network);
    }
    const env = { ...HEAP_PROBE, LOG_LEVEL: 'debug' };
    anna = await lan.hosts[0]!.daemon({ user: 'Anna', env });
    ben = await lan.hosts[1]!.daemon({ user: 'Ben', env });
    await allSeeAll([anna, ben]);
    // From within their hosts: the control API is on loopback.
    await anna.daemon.json(['accept', ben.daemon.peerId]);
    await ben.daemon.json(['accept', anna.daemon.peerId]);
  });
  afterAll(async () => {
    const { namespace } = lan.hosts[0]!;
    await lan.close();
    await rm(`/etc/netns/${namespace}`, { recursive: true, force: true });
  });
  afterEach(async () => {
    const { stderr } = await ben.daemon.cli([
      'send',
      anna.daemon.peerId,
      'still here',
      '--wait',
      'delivered',
    ]);
    expect(stderr).toBe('');
  });

  /** Packets that left Anna's machine, or went round within it, to each of the networks that are counted. */
  async function dialledPackets(): Promise<Record<string, number>> {
    const counts = await anna.host.exec('iptables', '-nvxL', 'OUTPUT');
    const rows = [...counts.matchAll(/^\s*(\d+)\s.*\s(\S+)\s+tcp dpt:9999/gm)];
    return Object.fromEntries(
      rows.map(([, packets, network]) => [String(network), Number(packets)] as const),
    );
  }

  it('who announces himself at every address that must not be dialled, and by names that lead there, is dialled at none', async () => {
    const addresses = [
      '127.0.0.1',
      '169.254.169.254',
      '169.254.7.7',
      '224.0.0.251',
      '255.255.255.255',
      '10.77.0.255',
      '::1',
      'fe80::1',
    ];
    const rogues = [
      announce('mallory', { addresses }),
      ...Object.keys(NAMES).map((host) => announce(host, { host, user: host.split('.')[0]! })),
    ];
    await multicast(
      mallory,
      rogues.map((entry) => packetOfEntry(entry)),
    );
    await sees(anna, ['Ben', ...rogues.map(({ USER }) => USER)]);
    for (const { PEER_ID } of rogues) {
      await anna.daemon.json(['send', PEER_ID, 'hello']);
      const failed = (line: string): boolean =>
        line.includes('dial failed') && line.includes(PEER_ID.slice(0, 8));
      await waitFor(`a dial of ${PEER_ID}`, () => anna.daemon.stderr.split('\n').some(failed));
    }
    const { [mallory.address]: allowed, ...forbidden } = await dialledPackets();
    expect(allowed).toBeGreaterThan(0);
    expect(Object.values(forbidden)).toEqual(FORBIDDEN.map(() => 0));
  });

  it('who announces others with his own key, or changed, is not believed', async () => {
    const before = anna.sights.at(-1)?.online;
    const real = announce('carl', { user: 'Carl' });
    const { KEY, SIGNATURE } = announce('mallory', { user: 'Carl' });
    await multicast(mallory, [
      packetOfEntry({ ...real, PEER_ID: ben.daemon.peerId }),
      packetOfEntry({ ...real, KEY }),
      packetOfEntry({ ...real, SIGNATURE }),
      packetOfEntry({ ...real, HOST: '10.77.0.66' }),
      packetOfEntry({ ...real, USER: 'Ben' }),
      packetOfEntry({ ...real, SEQ: 99 }),
      packetOf(`${real.PEER_ID}-i`, 1, announcementTxt(real)),
      packetOfEntry({ ...announce('mallory', { user: 'Ben' }), PEER_ID: ben.daemon.peerId }),
      // The last one is in order, so all were heard when it shows.
      packetOfEntry(announce('dora', { user: 'Dora' })),
    ]);
    await sees(anna, [...(before ?? []), 'Dora']);
    const known = await anna.daemon.json<{ user: string }>(['peers', '--all']);
    expect(known.map(({ user }) => user)).not.toContain('Carl');
  });

  it('who floods the network with 10,000 names and with packets that are none harms nobody, also no newcomer', async () => {
    const before = await settledHeap(anna.daemon);
    const random = new SeededRandom(7);
    const good = packetOfEntry(announce('eve', { user: 'Eve' }));
    function* flood(): Generator<Buffer> {
      for (let n = 0; n < 10_000; n += 1) {
        yield packetOf(`flood-${n}`, PORT, [Buffer.from(`v=1`), Buffer.from(`user=flood ${n}`)]);
        if (n % 3 === 0) yield mutate(good, random).subarray(0, 60_000);
        if (n % 100 === 0) yield large(n);
      }
    }
    const flooding = multicast(mallory, flood());
    const said = await anna.daemon.cli(['send', ben.daemon.peerId, 'in the flood', '--wait', 'delivered']);
    expect(said).toMatchObject({ status: 0 });
    await flooding;
    const cleo = await lan.hosts[3]!.daemon({ user: 'Cleo' });
    const shown = (one: LanDaemon): readonly string[] => one.sights.at(-1)?.online ?? [];
    await waitFor(
      'Cleo for Anna, and Anna for Cleo',
      () => shown(anna).includes('Cleo') && shown(cleo).includes('Anna'),
    );
    expect(shown(anna)).toContain('Ben');
    for (const { daemon } of [anna, ben, cleo]) expect(daemon.running).toBe(true);
    await waitFor('the memory', async () => (await settledHeap(anna.daemon)) - before < MAX_LEFT_BYTES);
  });
});

/** As much as a packet holds: thousands of pointers, or one record of 60 KiB. */
function large(n: number): Buffer {
  if (n % 200 === 0) return packetOf(`large-${n}`, PORT, Array<Buffer>(240).fill(Buffer.alloc(250, 'x')));
  const pointers = Array.from({ length: 1_500 }, (_, i): Answer => ({
    type: 'PTR',
    name: TYPE,
    ttl: 120,
    data: `${i}.${TYPE}`,
  }));
  return encode({ type: 'response', answers: pointers }).subarray(0, 65_000);
}
