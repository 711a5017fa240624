import { isIPv6 } from 'node:net';
import { type Clock, errorCode, errorMessage, NODE_SERVICE_TYPE, P2pChatError } from '@p2p-chat/shared';
import { type LanInterface, type MulticastPort, openMulticastPort } from '@p2p-chat/shared/dns-sd';
import type { OpenMulticastPort } from '@p2p-chat/shared/dns-sd';
import { NotTried, type Probe, Probes } from '../core/ports/probe.js';

export interface MulticastProbesOptions {
  /** Why multicast is not used; null where it is. */
  off: string | null;
  /** The interfaces that are used now. */
  interfaces: () => readonly LanInterface[];
  /** Own peer id, by which the own announcement is known. */
  peerId: string;
  /** What multicast has found, in words. */
  found: () => string;
  /** Whose packets are ignored while nobody else is heard; null where nobody's are. */
  ignored: () => string | null;
  clock: Clock;
  open?: OpenMulticastPort;
}

/** How long the own node has to answer a question: it answers at most once a second. */
const PATIENCE_MS = 5_000;

const QUESTION = { name: `${NODE_SERVICE_TYPE}.local`, type: 'PTR' } as const;

/** Whether multicast goes out and comes in on each interface: asks, and waits to hear the own node's answer. */
export class MulticastProbes extends Probes {
  constructor(private readonly options: MulticastProbesOptions) {
    super();
  }

  override list(): Probe[] {
    const { off, interfaces } = this.options;
    if (off !== null) {
      const run = (): never => {
        throw new NotTried(off);
      };
      return [{ hop: 'interface', subject: '', run }];
    }
    const found = interfaces();
    if (found.length === 0) return [{ hop: 'interface', subject: '', run: noInterface }];
    return found.map((lan) => this.#through(lan));
  }

  #through(lan: LanInterface): Probe {
    const subject = lan.name;
    const heard: Probe = { hop: 'multicast-heard', subject, run: (signal) => this.#hears(lan, signal) };
    const sent: Probe = { hop: 'multicast-sent', subject, run: () => this.#sends(lan), next: [heard] };
    return { hop: 'interface', subject, run: () => `${lan.address}/${lan.prefix}`, next: [sent] };
  }

  async #sends(lan: LanInterface): Promise<string> {
    const errors: Error[] = [];
    const port = this.#open(lan, () => undefined, errors);
    port.query([QUESTION]);
    await port.close();
    const [error] = errors;
    if (error === undefined) return 'sent';
    if (errorCode(error) === 'EADDRINUSE') throw portHeld(lan, error);
    throw new P2pChatError(
      'multicast-not-sent',
      `Multicast cannot be sent on ${lan.name} (${errorCode(error) ?? errorMessage(error)}).`,
      {
        hint: `Let UDP port 5353 to ${groupOf(lan)} pass the firewall of this machine; without multicast, name a discovery service in DISCOVERY_URLS.`,
        cause: error,
      },
    );
  }

  async #hears(lan: LanInterface, signal: AbortSignal): Promise<string> {
    const own = new AbortController();
    const port = this.#open(lan, () => own.abort(), []);
    port.query([QUESTION]);
    await this.options.clock.sleep(PATIENCE_MS, AbortSignal.any([signal, own.signal]));
    await port.close();
    if (own.signal.aborted) {
      const ignored = this.options.ignored();
      if (ignored !== null) throw wrongNetmask(ignored, lan);
      return `the own announcement came back; ${this.options.found()}`;
    }
    throw new P2pChatError(
      'multicast-not-heard',
      `Multicast is not heard on ${lan.name}: the own announcement did not come back.`,
      {
        hint: `Let UDP port 5353 to ${groupOf(lan)} pass the firewall of this machine; without multicast, name a discovery service in DISCOVERY_URLS.`,
      },
    );
  }

  #open(lan: LanInterface, onOwn: () => void, errors: Error[]): MulticastPort {
    const label = `${this.options.peerId}-`;
    return (this.options.open ?? openMulticastPort)(lan, {
      onQuery: () => undefined,
      onResponse: (records, from) => {
        if (from.address !== lan.address) return;
        const isOwn = records.some((one) => one.type === 'PTR' && one.data.startsWith(label));
        if (isOwn) onOwn();
      },
      onError: (error) => errors.push(error),
    });
  }
}

function portHeld(lan: LanInterface, cause: Error): P2pChatError {
  return new P2pChatError(
    'multicast-port-held',
    `Another program holds UDP port 5353 and does not share it, so there is no multicast on ${lan.name}.`,
    {
      hint: 'Have that program share the port, or end it ("sudo ss -ulpn sport = :5353" names it; Avahi shares it with disallow-other-stacks=no); without multicast, name a discovery service in DISCOVERY_URLS.',
      cause,
    },
  );
}

function wrongNetmask(neighbour: string, { name, address, prefix }: LanInterface): P2pChatError {
  return new P2pChatError(
    'neighbour-ignored',
    `${neighbour} is heard and ignored: it is in none of the networks of this machine, and nobody else is heard.`,
    {
      hint: `Give both machines the same netmask: it is ${address}/${prefix} on ${name} here. Or name a discovery service in DISCOVERY_URLS.`,
    },
  );
}

// RFC 6762, section 3.
function groupOf({ address }: LanInterface): string {
  return isIPv6(address) ? 'ff02::fb' : '224.0.0.251';
}

function noInterface(): never {
  throw new P2pChatError('no-interface', 'This machine has no network interface to look for people on.', {
    hint: 'Connect it to a network, or name an interface in P2P_CHAT_INTERFACES (those of containers and tunnels are left out by default).',
  });
}
