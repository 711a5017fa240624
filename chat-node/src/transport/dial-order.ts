import { BlockList, isIP } from 'node:net';
import { type Interfaces, systemInterfaces } from '@p2p-chat/shared';
import type { PeerAddress } from '../core/peers/peer.js';

/**
 * The addresses of one peer in the order in which to dial them (RFC 8305,
 * section 4): the one that was good last, then those in networks that this
 * machine is in, then the others; of either, IPv6 and IPv4 in turns, each in
 * the order in which they came.
 * @param lastGood where the peer was reached last
 */
export function dialOrder(
  addresses: readonly PeerAddress[],
  lastGood: PeerAddress | undefined,
  interfaces: Interfaces = systemInterfaces.read,
): PeerAddress[] {
  const own = networksOf(interfaces());
  const best = addresses.filter((one) => isSame(one, lastGood));
  const rest = addresses.filter((one) => !isSame(one, lastGood));
  const near = rest.filter(({ host }) => isIn(own, host));
  const far = rest.filter(({ host }) => !isIn(own, host));
  return [...best, ...interleaved(near), ...interleaved(far)];
}

function isSame({ host, port }: PeerAddress, other: PeerAddress | undefined): boolean {
  return host === other?.host && port === other.port;
}

function interleaved(addresses: readonly PeerAddress[]): PeerAddress[] {
  const six = addresses.filter(({ host }) => isIP(host) === 6);
  const others = addresses.filter(({ host }) => isIP(host) !== 6);
  const turns = Array.from({ length: Math.max(six.length, others.length) }, (_, n) => [six[n], others[n]]);
  return turns.flat().filter((one) => one !== undefined);
}

function networksOf(interfaces: ReturnType<Interfaces>): BlockList {
  const networks = new BlockList();
  for (const { cidr } of Object.values(interfaces).flatMap((infos) => infos ?? [])) {
    const [address = '', prefix = ''] = cidr?.split('/') ?? [];
    if (isIP(address) !== 0) networks.addSubnet(address, Number(prefix), familyOf(address));
  }
  return networks;
}

function isIn(networks: BlockList, host: string): boolean {
  const address = host.replace(/%.*$/, '');
  return isIP(address) !== 0 && networks.check(address, familyOf(address));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
