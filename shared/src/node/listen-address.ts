import { isIP, isIPv6 } from 'node:net';
import { hostKind } from '../discovery/address.js';
import type { Settings } from './settings.js';

/** What a setting takes that is read by {@link listenAddress}. */
export const ADDRESS_TAKES =
  'an address of this machine, like 192.0.2.7 or fe80::1%eth0, without brackets and without a port';

/**
 * Reads an address to listen on; 0.0.0.0 and :: stand for all.
 * @throws {SettingError} where it is none, a name for example
 */
export function listenAddress(settings: Settings, variable: string): string | undefined {
  const text = settings.text(variable);
  if (text === undefined || text === '0.0.0.0' || text === '::') return text;
  if (isIP(text) !== 0 && hostKind(text) !== 'unusable') return text;
  return settings.refuse(variable, { takes: ADDRESS_TAKES, because: zoneMissing(text) });
}

/** What is wrong with a link-local IPv6 address that does not say on which link; undefined for any other text. */
export function zoneMissing(host: string): string | undefined {
  const isUnzoned = isIPv6(host) && !host.includes('%') && hostKind(`${host}%0`) !== hostKind(host);
  return isUnzoned ? 'which means nothing without its zone' : undefined;
}
