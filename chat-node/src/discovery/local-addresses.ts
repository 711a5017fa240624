import type { NetworkInterfaceInfo } from 'node:os';
import { hostKind, type Interfaces, systemInterfaces } from '@p2p-chat/shared';
import { isVirtualBridge } from '@p2p-chat/shared/dns-sd';

/** The addresses at which others reach this machine, IPv4 first; looked up anew at every call. */
export function localAddresses(interfaces: Interfaces = systemInterfaces.read): string[] {
  const found: NetworkInterfaceInfo[] = [];
  for (const [name, infos = []] of Object.entries(interfaces())) {
    if (isVirtualBridge(name)) continue;
    found.push(...infos.filter(isReachable));
  }
  const addresses = (family: string): string[] =>
    found.filter((info) => info.family === family).map(({ address }) => address);
  return [...new Set([...addresses('IPv4'), ...addresses('IPv6')])];
}

// An IPv6 link-local address means nothing without the name of an interface,
// which differs from machine to machine.
function isReachable({ internal, address, family }: NetworkInterfaceInfo): boolean {
  const linkLocal = family === 'IPv6' && /^fe[89ab]/i.test(address);
  return !internal && !linkLocal && hostKind(address) === 'usable';
}
