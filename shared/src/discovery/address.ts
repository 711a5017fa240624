import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

// Never the address of one peer on a LAN, so never announced nor dialled.
const unusable = new BlockList();
unusable.addSubnet('0.0.0.0', 8, 'ipv4'); // "this network", RFC 791
unusable.addSubnet('224.0.0.0', 4, 'ipv4'); // multicast, RFC 5771
unusable.addSubnet('240.0.0.0', 4, 'ipv4'); // reserved, and the limited broadcast
unusable.addAddress('169.254.169.254', 'ipv4'); // metadata services of clouds
unusable.addAddress('169.254.170.2', 'ipv4'); // the same, for containers
unusable.addAddress('fd00:ec2::254', 'ipv6'); // the same
unusable.addSubnet('::', 96, 'ipv6'); // unspecified, and IPv4 in disguise (RFC 4291, 2.5.5.1)
unusable.addSubnet('64:ff9b::', 96, 'ipv6'); // the same, for translators (RFC 6052)
unusable.addSubnet('2002::', 16, 'ipv6'); // the same, for tunnels (RFC 3056)
unusable.addSubnet('ff00::', 8, 'ipv6'); // multicast, RFC 4291
// IPv4 addresses in disguise, past the rules for those. `::ffff:` is judged as what it carries.
unusable.addSubnet('::', 96, 'ipv6'); // "compatible", RFC 4291
unusable.addSubnet('64:ff9b::', 96, 'ipv6'); // translated, RFC 6052
unusable.addSubnet('2002::', 16, 'ipv6'); // 6to4, RFC 3056

const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4'); // RFC 3927
linkLocal.addSubnet('fe80::', 10, 'ipv6'); // RFC 4291

export type HostKind = 'usable' | 'loopback' | 'unusable' | 'name';

// Letters, digits, hyphens and underscores in labels of 1 to 63 (RFC 1123, and
// what people call their machines).
const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?$/i;
// `127.1`, `2130706433` and `0x7f.1` are no names: resolvers read them as IPv4
// addresses, past every check of addresses.
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i;

/** `::ffff:192.0.2.1` (an IPv4 caller of an IPv6 socket) as `192.0.2.1`; others unchanged. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

/**
 * What a host that somebody announced is good for: an address to dial, one of
 * this machine alone, one that is never a peer (or no host at all), or a name.
 * A link-local IPv6 address is nothing without its zone (`fe80::1%eth0`).
 */
export function hostKind(host: string): HostKind {
  if (isIP(host) === 0) return nameKind(host);
  const address = plainAddress(host.replace(/%.*$/, ''));
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  if (loopback.check(address, family)) return 'loopback';
  if (family === 'ipv6' && !host.includes('%') && linkLocal.check(address, family)) return 'unusable';
  return unusable.check(address, family) ? 'unusable' : 'usable';
}

/** Whether the host is an address that means something on one cable alone. */
export function isLinkLocal(host: string): boolean {
  const address = plainAddress(host.replace(/%.*$/, ''));
  const version = isIP(address);
  return version !== 0 && linkLocal.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

function nameKind(host: string): HostKind {
  if (isLocalName(host)) return 'loopback';
  return HOST_NAME.test(host) && !ENDS_IN_NUMBER.test(host) ? 'name' : 'unusable';
}

function isLocalName(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost');
}
