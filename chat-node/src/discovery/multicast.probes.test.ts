import type { LanInterface, MulticastListener, OpenMulticastPort } from '@p2p-chat/shared/dns-sd';
import { ManualClock, MemoryMulticast } from '@p2p-chat/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Probe } from '../core/ports/probe.js';
import { walkProbe } from '../testing/walk-probes.js';
import { MulticastProbes } from './multicast.probes.js';

const self = 'a'.repeat(52);
const eth0: LanInterface = { name: 'eth0', address: '192.0.2.1', prefix: 24 };
const wlan0: LanInterface = { name: 'wlan0', address: '198.51.100.1', prefix: 24 };

describe('the way of multicast', () => {
  let clock: ManualClock;
  let network: MemoryMulticast;
  beforeEach(() => {
    clock = new ManualClock();
    network = new MemoryMulticast();
  });

  /** The own node on an interface: answers every question. */
  function answer(lan: LanInterface, peerId = self, from = lan.address): void {
    const type = '_p2p-chat._tcp.local';
    const listener: MulticastListener = {
      onQuery: () =>
        network.respond(from, [{ type: 'PTR', name: type, ttl: 30, data: `${peerId}-1.${type}` }]),
      onResponse: () => undefined,
      onError: () => undefined,
    };
    network.open(lan, listener);
  }
  const probes = (
    interfaces: LanInterface[],
    {
      off = null,
      open = network.open,
      ignored = null,
    }: { off?: string | null; open?: OpenMulticastPort; ignored?: string | null } = {},
  ): readonly Probe[] =>
    new MulticastProbes({
      off,
      interfaces: () => interfaces,
      peerId: self,
      found: () => '2 others',
      ignored: () => ignored,
      clock,
      open,
    }).list();
  const walk = async (probe: Probe): Promise<string[]> =>
    (await walkProbe(probe)).map(({ hop, subject, state, detail, advice = '' }) =>
      `${hop} ${subject} ${state}: ${detail} ${advice}`.trim(),
    );

  it('is well where the own announcement comes back, on each interface', async () => {
    answer(eth0);
    answer(wlan0);
    const walks = await Promise.all(probes([eth0, wlan0]).map(walk));
    expect(walks).toEqual([
      [
        'interface eth0 ok: 192.0.2.1/24',
        'multicast-sent eth0 ok: sent',
        'multicast-heard eth0 ok: the own announcement came back; 2 others',
      ],
      [
        'interface wlan0 ok: 198.51.100.1/24',
        'multicast-sent wlan0 ok: sent',
        'multicast-heard wlan0 ok: the own announcement came back; 2 others',
      ],
    ]);
  });

  it.each([
    ['nobody answers', () => undefined],
    ['somebody else answers', () => answer(eth0, 'b'.repeat(52))],
    ['the own announcement comes from elsewhere', () => answer(eth0, self, '192.0.2.77')],
  ])('fails where %s', async (_what, prepare) => {
    prepare();
    const walked = walk(probes([eth0])[0]!);
    for (let second = 0; second < 6; second += 1) await clock.advance(1_000);
    expect((await walked).at(-1)).toMatch(
      /^multicast-heard eth0 failed: Multicast is not heard on eth0: .* DISCOVERY_URLS\.$/,
    );
  });

  it('fails where a neighbour is ignored because of a netmask, and nobody else is heard', async () => {
    answer(eth0);
    expect((await walk(probes([eth0], { ignored: '192.0.3.9' })[0]!)).at(-1)).toMatch(
      /^multicast-heard eth0 failed: 192\.0\.3\.9 is heard and ignored: .* netmask: it is 192\.0\.2\.1\/24 on eth0/,
    );
  });

  it('fails where nothing can be sent', async () => {
    const open: OpenMulticastPort = (_lan, listener) => ({
      query: () => listener.onError(Object.assign(new Error('send EPERM'), { code: 'EPERM' })),
      respond: () => undefined,
      close: () => Promise.resolve(),
    });
    expect((await walk(probes([eth0], { open })[0]!)).at(-1)).toMatch(
      /^multicast-sent eth0 failed: Multicast cannot be sent on eth0 \(EPERM\)\. Let UDP port 5353/,
    );
  });

  it('fails without an interface, and says how to choose one', async () => {
    expect(await walk(probes([])[0]!)).toEqual([
      expect.stringMatching(/^interface {2}failed: .*no network interface.*P2P_CHAT_INTERFACES/),
    ]);
  });

  it('is passed over where it is turned off', async () => {
    expect(await walk(probes([eth0], { off: 'turned off' })[0]!)).toEqual(['interface  skipped: turned off']);
  });
});
