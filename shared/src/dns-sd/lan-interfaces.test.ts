import { describe, expect, it } from 'vitest';
import type { Interfaces } from '../node/network-interfaces.js';
import { isOnLink, lanInterfaces } from './lan-interfaces.js';

const info = { mac: '', netmask: '' };
const ipv4 = (cidr: string, internal = false) =>
  ({ ...info, family: 'IPv4', internal, cidr, address: cidr.split('/')[0]! }) as const;

const machine: Interfaces = () => ({
  lo: [ipv4('127.0.0.1/8', true)],
  eth0: [
    ipv4('192.0.2.5/24'),
    { ...info, family: 'IPv6', internal: false, cidr: 'fe80::1/64', address: 'fe80::1', scopeid: 2 },
  ],
  'wlan0.5': [ipv4('198.51.100.5/25'), ipv4('203.0.113.5/28')],
  docker0: [ipv4('172.17.0.1/16')],
  'br-1234': [ipv4('172.18.0.1/16')],
  veth12: [ipv4('169.254.1.1/16')],
  tun0: [ipv4('10.8.0.2/24')],
  wg0: [ipv4('10.9.0.2/24')],
  podman0: [ipv4('10.88.0.1/16')],
  lxdbr0: [ipv4('10.97.0.1/24')],
  incusbr0: [ipv4('10.98.0.1/24')],
  fwbr100i0: [ipv4('10.99.0.1/24')],
  mpqemubr0: [ipv4('10.100.0.1/24')],
  cilium_host: [ipv4('10.101.0.1/24')],
  ipsec0: [ipv4('10.102.0.1/24')],
  ip6gre1: [ipv4('10.103.0.1/24')],
});
const names = (...chosen: string[]): string[] =>
  lanInterfaces(chosen, machine).map(({ name, address, prefix }) => `${name} ${address}/${prefix}`);

describe('lanInterfaces', () => {
  it('are those that face a local network, by each IPv4 address', () => {
    expect(names()).toEqual(['eth0 192.0.2.5/24', 'wlan0.5 198.51.100.5/25', 'wlan0.5 203.0.113.5/28']);
  });

  it('have a link-local IPv6 address where there is no IPv4, and tell the other ones', () => {
    const ipv6 = (cidr: string) =>
      ({ ...info, family: 'IPv6', internal: false, cidr, address: cidr.split('/')[0]!, scopeid: 2 }) as const;
    const lans = lanInterfaces([], () => ({
      eth0: [ipv6('2001:db8::5/64'), ipv6('fe80::5/64')],
      eth1: [ipv4('192.0.2.5/24'), ipv6('2001:db8:1::5/64')],
      eth2: [ipv6('2001:db8:2::5/64')],
    }));
    expect(lans).toEqual([
      { name: 'eth0', address: 'fe80::5%eth0', prefix: 64, ipv6: ['2001:db8::5', 'fe80::5'] },
      { name: 'eth1', address: '192.0.2.5', prefix: 24, ipv6: ['2001:db8:1::5'] },
    ]);
  });

  it('are those that were chosen, also of containers and tunnels', () => {
    expect(names('eth0', 'wg*')).toEqual(['eth0 192.0.2.5/24', 'wg0 10.9.0.2/24']);
    expect(names('wlan0x5', 'eth')).toEqual([]);
  });
});

describe('isOnLink', () => {
  const [, wlan] = lanInterfaces([], machine);
  it.each([
    ['198.51.100.127', true],
    ['198.51.100.128', false],
    ['127.0.0.1', false],
  ])('of %s is %s', (address, expected) => {
    expect(isOnLink(address, wlan!)).toBe(expected);
  });

  it.each([
    ['fe80::9%eth0', true],
    ['fe80::9%eth1', false],
    ['fe80::9', false],
    ['2001:db8::9', false],
    ['192.0.2.9', false],
  ])('of %s on an interface without IPv4 is %s', (address, expected) => {
    expect(isOnLink(address, { name: 'eth0', address: 'fe80::5%eth0', prefix: 64 })).toBe(expected);
  });
});
