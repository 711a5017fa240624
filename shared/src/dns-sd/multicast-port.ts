import { createSocket, type RemoteInfo } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Answer, Packet, Question } from 'dns-packet';
import multicastDns from 'multicast-dns';
import type { LanInterface } from './lan-interfaces.js';

/** Everyone on the link who speaks mDNS (RFC 6762, 3). */
const IPV6_GROUP = 'ff02::fb';

/** What a {@link MulticastPort} tells. */
export interface MulticastListener {
  onQuery(questions: readonly Question[], from: MulticastSender, id: number): void;
  onResponse(records: readonly Answer[], from: MulticastSender): void;
  /** The port does not work, or not now. */
  onError(error: Error): void;
}

export interface MulticastSender {
  address: string;
  port: number;
}

/** Multicast DNS (RFC 6762) on one interface. Sending never throws. */
export interface MulticastPort {
  query(questions: Question[]): void;
  /** @param to one asker, with the id of its query; without it, everyone */
  respond(answers: Answer[], additionals: Answer[], to?: MulticastSender & { id: number }): void;
  /** Resolves when what was sent has left. */
  close(): Promise<void>;
}

export type OpenMulticastPort = (lan: LanInterface, listener: MulticastListener) => MulticastPort;

/** A port over UDP. The machine's other mDNS programs keep theirs. */
export function openMulticastPort(lan: LanInterface, listener: MulticastListener): MulticastPort {
  const mdns = isIPv6(lan.address) ? overIpv6(lan) : overIpv4(lan);
  let pending = Promise.resolve();
  const sending = (send: (done: (error: Error | null) => void) => void): void => {
    const sent = new Promise<void>((resolve) => {
      send((error) => {
        if (error !== null && error !== undefined) listener.onError(error);
        resolve();
      });
    });
    pending = Promise.all([pending, sent]).then(() => undefined);
  };
  mdns.on('query', ({ questions, id }, from: RemoteInfo) => listener.onQuery(questions, from, id));
  mdns.on('response', ({ answers, additionals }, from: RemoteInfo) =>
    listener.onResponse([...answers, ...additionals], from),
  );
  mdns.on('error', (error: Error) => listener.onError(error));
  mdns.on('warning', (warning: Error) => {
    // What others send malformed is theirs.
    if ('syscall' in warning) listener.onError(warning);
  });
  return {
    query: (questions) => sending((done) => mdns.query({ questions }, done)),
    respond: (answers, additionals, to) => {
      const packet: Packet & { answers: Answer[] } = {
        answers,
        additionals,
        ...(to === undefined ? {} : { id: to.id }),
      };
      sending((done) => (to === undefined ? mdns.respond(packet, done) : mdns.respond(packet, to, done)));
    },
    close: async () => {
      await pending;
      await new Promise<void>((resolve) => mdns.destroy(resolve));
    },
  };
}

// Bound to every address: a socket bound to one hears no multicast.
function overIpv4({ address }: LanInterface): multicastDns.MulticastDNS {
  return multicastDns({ interface: address, bind: '0.0.0.0' });
}

function overIpv6({ name }: LanInterface): multicastDns.MulticastDNS {
  // Without the other family, whose port others have.
  const socket = createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true });
  return multicastDns({ type: 'udp6', ip: IPV6_GROUP, interface: `::%${name}`, bind: '::', socket });
}
