import { describe, expect, it } from 'vitest';
import type { Interfaces } from '@p2p-chat/shared';
import { dialOrder } from './dial-order.js';

const at = (host: string, port = 7780) => ({ host, port });
const hosts = (addresses: readonly { host: string }[]): string[] => addresses.map(({ host }) => host);

function info(cidr: string): NonNullable<ReturnType<Interfaces>['eth0']>[number] {
  const [address = ''] = cidr.split('/');
  const common = { address, netmask: '', mac: '', internal: false, cidr };
  return address.includes(':') ? { ...common, family: 'IPv6', scopeid: 0 } : { ...common, family: 'IPv4' };
}

const interfaces: Interfaces = () => ({ eth0: [info('192.0.2.5/24'), info('2001:db8:1::5/64')] });

describe('dialOrder', () => {
  it('gives IPv6 and IPv4 in turns, each in the order in which they came', () => {
    const addresses = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '2001:db8:9::1', '2001:db8:9::2'];
    expect(
      hosts(
        dialOrder(
          addresses.map((host) => at(host)),
          undefined,
          interfaces,
        ),
      ),
    ).toEqual(['2001:db8:9::1', '198.51.100.1', '2001:db8:9::2', '198.51.100.2', '198.51.100.3']);
  });

  it('puts networks of this machine before others', () => {
    const addresses = ['2001:db8:9::1', '198.51.100.1', '192.0.2.9', '2001:db8:1::9', 'anna.lan'];
    expect(
      hosts(
        dialOrder(
          addresses.map((host) => at(host)),
          undefined,
          interfaces,
        ),
      ),
    ).toEqual(['2001:db8:1::9', '192.0.2.9', '2001:db8:9::1', '198.51.100.1', 'anna.lan']);
  });

  it('puts the one that was good last before all, with its port', () => {
    const addresses = [at('192.0.2.9'), at('198.51.100.1', 7781), at('198.51.100.1')];
    expect(dialOrder(addresses, at('198.51.100.1', 7781), interfaces)).toEqual([
      at('198.51.100.1', 7781),
      at('192.0.2.9'),
      at('198.51.100.1'),
    ]);
    expect(dialOrder(addresses, at('203.0.113.1'), interfaces)).toHaveLength(3);
  });

  it('knows the network of an address with a zone', () => {
    const local: Interfaces = () => ({ eth0: [info('fe80::5/64')] });
    const addresses = [at('2001:db8:9::1'), at('fe80::9%eth0')];
    expect(hosts(dialOrder(addresses, undefined, local))).toEqual(['fe80::9%eth0', '2001:db8:9::1']);
  });
});
