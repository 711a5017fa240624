import { BlockList } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** One IPv4 address of a network interface: multicast is sent and heard for each. */
export interface LanInterface {
  name: string;
  address: string;
  /** Bits of the network's prefix. */
  prefix: number;
}

/** The network interfaces of the machine, as `os.networkInterfaces` gives them. */
export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

/** Where this machine reaches itself, also without any network. */
export const LOOPBACK_INTERFACE: LanInterface = { name: 'loopback', address: '127.0.0.1', prefix: 8 };

// Bridges of container engines and virtual machines, and tunnels: who is there
// is no neighbour, and whole companies are behind some of them.
const NOT_A_LAN =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|lxc|cni|flannel|cali|tun|tap|wg|utun|ppp|zt|tailscale)/;

/**
 * The interfaces that face a local network, looked up anew at every call.
 * @param chosen names, where `*` stands for any characters; empty for all but those of containers and tunnels
 */
export function lanInterfaces(
  chosen: readonly string[] = [],
  interfaces: Interfaces = networkInterfaces,
): LanInterface[] {
  const patterns = chosen.map(patternOf);
  const found: LanInterface[] = [];
  for (const [name, infos = []] of Object.entries(interfaces())) {
    const wanted = patterns.length > 0 ? patterns.some((one) => one.test(name)) : !NOT_A_LAN.test(name);
    if (!wanted) continue;
    for (const { family, internal, address, cidr } of infos) {
      const prefix = Number(cidr?.split('/')[1]);
      if (family === 'IPv4' && !internal && prefix > 0) found.push({ name, address, prefix });
    }
  }
  return found;
}

/** Whether an IPv4 address is in the interface's own network, so that its packets came over this interface. */
export function isOnLink(address: string, { address: own, prefix }: LanInterface): boolean {
  const network = new BlockList();
  network.addSubnet(own, prefix, 'ipv4');
  return network.check(address, 'ipv4');
}

function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
