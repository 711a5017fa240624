import { BlockList, isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { isLinkLocal } from '../discovery/address.js';
import { type Interfaces, systemInterfaces } from '../node/network-interfaces.js';

/**
 * One IPv4 address of a network interface, or, of an interface that has none,
 * its link-local IPv6 address: multicast is sent and heard for each.
 */
export interface LanInterface {
  name: string;
  /** An IPv6 one with its zone, the interface's name. */
  address: string;
  /** Bits of the network's prefix. */
  prefix: number;
  /** IPv6 addresses of the interface, without zones. */
  ipv6?: readonly string[];
}

/** Where this machine reaches itself, also without any network. */
export const LOOPBACK_INTERFACE: LanInterface = { name: 'loopback', address: '127.0.0.1', prefix: 8 };

/** IPv6 addresses of one interface that are told: more than a network gives out. */
const MAX_IPV6 = 4;

// Docker, Podman, libvirt, VMware, VirtualBox, Multipass, LXC, LXD, Incus, Kubernetes and
// Proxmox (its vmbr0 is a real network); OpenWrt calls its network br-lan.
const VIRTUAL_BRIDGE =
  /^(docker|br-(?!lan)|veth|podman|virbr|vmnet|vboxnet|mpqemubr|lxc|lxdbr|incusbr|cni|flannel|cali|cilium|weave|kube|fw(br|ln|pr)\d)/;
// Whole companies are behind some of them.
const TUNNEL =
  /^(tun|tap|wg|utun|ppp|zt|tailscale|nordlynx|proton|cscotun|nebula|ipsec|xfrm|vti|l2tp|gre|sit|ip6(gre|tnl))/;

/**
 * Whether an interface leads to containers or virtual machines of this machine
 * alone: who is there is no neighbour, and its address is the same on many machines.
 */
export function isVirtualBridge(name: string): boolean {
  return VIRTUAL_BRIDGE.test(name);
}

/**
 * The interfaces that face a local network, looked up anew at every call.
 * @param chosen names, where `*` stands for any characters; empty for all but those of containers and tunnels
 */
export function lanInterfaces(
  chosen: readonly string[] = [],
  interfaces: Interfaces = systemInterfaces.read,
): LanInterface[] {
  const patterns = chosen.map(patternOf);
  const found: LanInterface[] = [];
  for (const [name, infos = []] of Object.entries(interfaces())) {
    const wanted =
      patterns.length > 0
        ? patterns.some((one) => one.test(name))
        : !isVirtualBridge(name) && !TUNNEL.test(name);
    if (!wanted) continue;
    found.push(...networksOf(name, infos));
  }
  return found;
}

// What is multicast over IPv4 carries the IPv6 addresses too, so that everything
// is said twice only where there is no IPv4.
function networksOf(name: string, infos: readonly NetworkInterfaceInfo[]): LanInterface[] {
  const networks = infos
    .filter(({ internal }) => !internal)
    .map(({ family, address, cidr }) => ({ family, address, prefix: Number(cidr?.split('/')[1]) }))
    .filter(({ prefix }) => prefix > 0);
  const six = networks.filter(({ family }) => family === 'IPv6');
  const ipv6 = six.map(({ address }) => address).slice(0, MAX_IPV6);
  const four = networks.filter(({ family }) => family === 'IPv4');
  if (four.length > 0) return four.map(({ address, prefix }) => ({ name, address, prefix, ipv6 }));
  const linkLocal = six.find(({ address }) => isLinkLocal(address));
  if (linkLocal === undefined) return [];
  return [{ name, address: `${linkLocal.address}%${name}`, prefix: linkLocal.prefix, ipv6 }];
}

/** Whether an address is in the interface's own network, so that its packets came over this interface. */
export function isOnLink(address: string, { address: own, prefix }: LanInterface): boolean {
  // Of link-local addresses the zone says which network it is.
  if (isIPv6(own)) return isLinkLocal(address) && address.endsWith(own.slice(own.indexOf('%')));
  const network = new BlockList();
  network.addSubnet(own, prefix, 'ipv4');
  return network.check(address, 'ipv4');
}

function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}
