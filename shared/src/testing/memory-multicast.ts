import type { Answer, Question } from 'dns-packet';
import type { LanInterface } from '../dns-sd/lan-interfaces.js';
import type { MulticastListener, MulticastPort, OpenMulticastPort } from '../dns-sd/multicast-port.js';

interface Plugged {
  lan: LanInterface;
  listener: MulticastListener;
}

/** What went over a {@link MemoryMulticast}. */
export interface SentPacket {
  from: string;
  kind: 'query' | 'response';
  /** The first name asked for or answered. */
  name: string;
  /** Of the first answer. */
  ttl: number;
}

/** Multicast without a network: every open port hears what any port sends, itself included. */
export class MemoryMulticast {
  readonly sent: SentPacket[] = [];
  readonly #ports = new Set<Plugged>();
  /** Whether a packet is lost; nothing is by default. */
  loses: (packet: SentPacket) => boolean = () => false;

  /** Addresses of the ports that are open. */
  get addresses(): string[] {
    return [...this.#ports].map(({ lan }) => lan.address);
  }

  readonly open: OpenMulticastPort = (lan, listener): MulticastPort => {
    const plugged = { lan, listener };
    this.#ports.add(plugged);
    const from = { address: lan.address, port: 5353 };
    return {
      query: (questions) => {
        this.#send({ from: lan.address, kind: 'query', name: questions[0]?.name ?? '', ttl: 0 }, (one) =>
          one.onQuery(questions, from, 0),
        );
      },
      respond: (answers, additionals) => this.respond(lan.address, [...answers, ...additionals]),
      close: () => {
        this.#ports.delete(plugged);
        return Promise.resolve();
      },
    };
  };

  /** Sends records as anybody on the network can. */
  respond(address: string, records: Answer[]): void {
    const [first] = records;
    const ttl = first !== undefined && 'ttl' in first ? (first.ttl ?? 0) : 0;
    this.#send({ from: address, kind: 'response', name: first?.name ?? '', ttl }, (one) =>
      one.onResponse(records, { address, port: 5353 }),
    );
  }

  /** Asks as anybody on the network can. */
  query(address: string, questions: Question[], port = 5353): void {
    for (const { listener } of this.#ports) listener.onQuery(questions, { address, port }, 0);
  }

  #send(packet: SentPacket, deliver: (listener: MulticastListener) => void): void {
    this.sent.push(packet);
    if (this.loses(packet)) return;
    for (const { listener } of this.#ports) deliver(listener);
  }
}
