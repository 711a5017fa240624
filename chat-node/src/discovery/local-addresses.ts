import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { hostKind } from '@p2p-chat/shared';

/** The network interfaces of the machine, as `os.networkInterfaces` gives them. */
export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

// Bridges of container engines: every machine has the same addresses there, and
// nobody outside reaches them.
const CONTAINER_INTERFACE = /^(docker|veth|br-)/;

/** The addresses at which others reach this machine, IPv4 first; looked up anew at every call. */
export function localAddresses(interfaces: Interfaces = networkInterfaces): string[] {
  const found: NetworkInterfaceInfo[] = [];
  for (const [name, infos = []] of Object.entries(interfaces())) {
    if (CONTAINER_INTERFACE.test(name)) continue;
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
