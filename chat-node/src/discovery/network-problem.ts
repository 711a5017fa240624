import { hostKind, type InterfaceReader, type ProblemView } from '@p2p-chat/shared';
import { localAddresses } from './local-addresses.js';

/**
 * What keeps this machine from being reached, as far as its own interfaces tell.
 * @param host the address that the peer gateway listens on; '' for all
 * @returns null where nothing does
 */
export function networkProblem(
  host: string,
  interfaces: Pick<InterfaceReader, 'read' | 'problem'>,
): ProblemView | null {
  const found = Object.values(interfaces.read()).flatMap((infos = []) => infos.map(({ address }) => address));
  if (interfaces.problem !== null) {
    return {
      code: 'network-unreadable',
      detail: `The system does not name its network interfaces (${interfaces.problem}).`,
      hint:
        found.length === 0
          ? 'Nobody is found by multicast: name a discovery service with DISCOVERY_URLS.'
          : 'The addresses that were known last are used.',
    };
  }
  if (host === '') return localAddresses(interfaces.read).length > 0 ? null : ABSENT;
  if (hostKind(host) === 'loopback' || found.includes(host.replace(/%.*$/, ''))) return null;
  return {
    code: 'address-gone',
    detail: `P2P_CHAT_HOST is ${host}, which is no address of this machine any more.`,
    hint: 'Nobody reaches this node: give the machine that address again, or unset P2P_CHAT_HOST and start the node anew.',
  };
}

const ABSENT: ProblemView = {
  code: 'network-absent',
  detail: 'This machine has no network.',
  hint: 'Connect it; until then only people on this machine are reached, and what you write waits.',
};
