import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { localAddresses } from './local-addresses.js';

function info(address: string, internal = false): NetworkInterfaceInfo {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  return { address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 };
}

describe('localAddresses', () => {
  it('gives what others can reach, IPv4 first', () => {
    const addresses = localAddresses(() => ({
      lo: [info('127.0.0.1', true), info('::1', true)],
      eth0: [info('2001:db8::5'), info('192.0.2.5'), info('fe80::5')],
      wlan0: [info('198.51.100.5'), info('192.0.2.5')],
      docker0: [info('172.17.0.1')],
      'br-5f3a': [info('172.18.0.1')],
      veth12: [info('169.254.9.9')],
      podman0: [info('10.88.0.1')],
      lxdbr0: [info('10.97.0.1')],
      incusbr0: [info('10.98.0.1')],
      virbr0: [info('192.168.122.1')],
      vmbr0: [info('203.0.113.5')],
    }));
    expect(addresses).toEqual(['192.0.2.5', '198.51.100.5', '203.0.113.5', '2001:db8::5']);
  });

  it('gives nothing without a network', () => {
    expect(localAddresses(() => ({ lo: [info('127.0.0.1', true)] }))).toEqual([]);
  });
});
