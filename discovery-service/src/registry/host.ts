import { SocketAddress, isIPv6 } from 'node:net';
import { hostKind, isUnspecifiedHost, plainAddress } from '@p2p-chat/shared';
import { invalidRequest } from '../problem.js';

/**
 * The host to list for what was announced: the caller's own address where the
 * host was left open, else what was announced, in one spelling.
 *
 * @param caller address of the request, as {@link callerAddress} gives it
 * @throws {HttpProblem} where nobody else could reach the host, or nobody should try
 */
export function hostToList(announced: string | undefined, caller: string): string {
  if (announced === undefined || isUnspecifiedHost(announced)) return caller;
  checkHost('HOST', announced, caller);
  return oneSpelling(announced);
}

/**
 * Refuses a host that is never a peer, and one of the service's own machine
 * where the caller is on another.
 * @throws {HttpProblem} naming the field
 */
export function checkHost(field: string, host: string, caller: string): void {
  const kind = hostKind(host);
  if (kind === 'unusable') {
    throw invalidRequest([
      { field, reason: 'must be a host name or an address that one peer can be reached at' },
    ]);
  }
  if (kind === 'loopback' && hostKind(caller) !== 'loopback') {
    throw invalidRequest([{ field, reason: 'must not be a loopback address: others cannot reach it' }]);
  }
}

/** The address of a socket's far end as it is listed: IPv4 plain, IPv6 without a zone, which means nothing elsewhere. */
export function callerAddress(remoteAddress: string | undefined): string {
  return plainAddress((remoteAddress ?? '').replace(/%.*$/, ''));
}

function oneSpelling(host: string): string {
  const plain = plainAddress(host);
  if (isIPv6(plain) && !plain.includes('%'))
    return new SocketAddress({ address: plain, family: 'ipv6' }).address;
  return plain.toLowerCase();
}
