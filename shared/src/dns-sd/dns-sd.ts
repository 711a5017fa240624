import { isIPv4, isIPv6 } from 'node:net';
import type { Answer, Question, StringAnswer } from 'dns-packet';
import { Backoff, type BackoffPolicy } from '../backoff.js';
import type { Clock, Timer } from '../clock.js';
import { hostKind } from '../discovery/address.js';
import { isOnLink, type LanInterface } from './lan-interfaces.js';
import {
  type MulticastPort,
  type MulticastSender,
  openMulticastPort,
  type OpenMulticastPort,
} from './multicast-port.js';

/** A service as this machine offers it (RFC 6763). */
export interface OfferedService {
  /** Such as `_p2p-chat._tcp`. */
  type: string;
  /** Its label, unique on the network; at most 63 bytes. */
  label: string;
  port: number;
  /** Strings of its TXT record. */
  txt: readonly Buffer[];
}

/** A service as another machine offers it. Nothing in it was checked. */
export interface FoundService {
  type: string;
  label: string;
  port: number;
  txt: readonly Uint8Array[];
  /** Where the packet came from. */
  address: string;
}

export interface DnsSdListener {
  /** The service is there, or there still. */
  onFound(service: FoundService): void;
  /** It said that it leaves, or was not heard of for as long as it had said it would last. */
  onGone(service: Pick<FoundService, 'type' | 'label' | 'address'>): void;
  /** The interfaces that are used are other ones than before. */
  onInterfaces?(): void;
}

export interface DnsSdOptions {
  /** Types to look for. */
  browse: readonly string[];
  /** What to offer now, asked each time; null for nothing. */
  offer: () => OfferedService | null;
  /** The interfaces to use, asked each time. */
  interfaces: () => readonly LanInterface[];
  /** Networks of this machine that are not used: what comes from there is of no neighbour. */
  unused?: () => readonly LanInterface[];
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  open?: OpenMulticastPort;
}

/** How one interface does. */
export interface InterfaceHealth {
  name: string;
  address: string;
  /** What is wrong with it; null where it works. */
  error: string | null;
}

/** How often the interfaces are looked at: the system tells nobody here. */
const INTERFACE_POLL_MS = 1_000;
/** A newcomer speaks up often at first, since packets get lost (RFC 6762, 8.3: at least a second apart). */
const FIRST_ANNOUNCEMENTS_MS = [0, 1_000, 2_000, 4_000] as const;
/** Afterwards as often as a lease is renewed. */
const ANNOUNCE_INTERVAL_MS = 10_000;
/** Somebody who fell silent without a goodbye is searched for this often, and so long: the network may have been cut. */
const SEARCH_INTERVAL_MS = 3_000;
const SEARCH_MS = 10 * 60_000;
/** Where many are about each speaks up less often: so much time for each that is heard. */
const INTERVAL_PER_SERVICE_MS = 20;
/** A record lasts for three announcements: two may be lost. */
const ANNOUNCEMENTS_PER_TTL = 3;
/** The same answer is multicast no more often than this (RFC 6762, 6). */
const MIN_ANSWER_GAP_MS = 1_000;
/** A plain resolver is answered no more often than this, so that nobody is flooded with answers that he did not ask for. */
const MIN_PLAIN_ANSWER_GAP_MS = 100;
/** Answers wait for so long at random, so that not all speak at once (RFC 6762, 6). */
const ANSWER_DELAY_MS = { least: 20, most: 120 } as const;
const ANNOUNCE_JITTER = 0.2;
/** Waits before an interface that failed is opened anew. */
export const INTERFACE_BACKOFF: BackoffPolicy = { initialMs: 1_000, maxMs: 60_000, factor: 2, jitter: 0.5 };
/** Services that are kept: more than one LAN has; bounds what a flood can fill. */
export const MAX_SERVICES = 20_000;
/** The same of one sender: more people than one machine serves, so that a flood of one host leaves room for others. */
export const MAX_SERVICES_PER_SENDER = 1_000;
/** Records that are read of one packet: a service has four; bounds what one packet costs. */
export const MAX_RECORDS_PER_PACKET = 128;
/** Bytes of a TXT record: an announcement has about 1 KiB at most. */
export const MAX_TXT_BYTES = 2_048;
const MDNS_PORT = 5353;

interface OpenInterface {
  lan: LanInterface;
  port: MulticastPort;
  error: string | null;
  lastAnswerAt: number;
  lastPlainAnswerAt: number;
  answer: Timer | null;
  backoff: Backoff;
  retry: Timer | null;
  /** Whether it is used no more. */
  closed: boolean;
}

interface HeardService {
  type: string;
  label: string;
  address: string;
  endsAt: number;
}

/**
 * Offers a service and finds others by DNS-based service discovery over
 * multicast DNS, on several interfaces at once, whichever the machine has at
 * the time.
 */
export class DnsSd {
  readonly #options: DnsSdOptions;
  readonly #listener: DnsSdListener;
  readonly #interfaces = new Map<string, OpenInterface>();
  #outsider: string | null = null;
  readonly #heard = new Map<string, HeardService>();
  /** How many of those come from each address. */
  readonly #heardFrom = new Map<string, number>();
  #announcements = 0;
  /** Monotonic time until which somebody is searched for. */
  #searchUntil = -Infinity;
  #announce: Timer | undefined;
  #poll: Timer | undefined;

  constructor(options: DnsSdOptions, listener: DnsSdListener) {
    this.#options = options;
    this.#listener = listener;
  }

  start(): void {
    this.#pollInterfaces();
    this.#startAnnouncing();
  }

  /** Says goodbye and closes every port. Never rejects. */
  async stop(): Promise<void> {
    this.#poll?.clear();
    this.#poll = undefined;
    this.#announce?.clear();
    const offer = this.#options.offer();
    const open = [...this.#interfaces.values()];
    this.#interfaces.clear();
    this.#heard.clear();
    this.#heardFrom.clear();
    for (const { port, lan, answer, retry } of open) {
      answer?.clear();
      retry?.clear();
      // A time to live of 0 is the goodbye (RFC 6762, 10.1).
      if (offer !== null) port.respond(...recordsOf(offer, lan, 0));
    }
    await Promise.all(open.map(({ port }) => port.close()));
  }

  /** Announces and asks anew, as a newcomer does: what is offered has changed, or somebody is missed. */
  refresh(): void {
    if (this.#poll === undefined) return;
    this.#startAnnouncing();
  }

  /** A node that was heard, whose packets are ignored, because its address is in none of the networks here. */
  get outsider(): string | null {
    return this.#outsider;
  }

  health(): InterfaceHealth[] {
    return [...this.#interfaces.values()].map(({ lan: { name, address }, error }) => ({
      name,
      address,
      error,
    }));
  }

  #startAnnouncing(): void {
    this.#announcements = 0;
    this.#announce?.clear();
    this.#announceSoon();
  }

  #announceSoon(): void {
    const { clock, random } = this.#options;
    const first = FIRST_ANNOUNCEMENTS_MS[this.#announcements];
    const before = FIRST_ANNOUNCEMENTS_MS[this.#announcements - 1] ?? 0;
    const searching = clock.monotonic() < this.#searchUntil;
    const interval = this.#scaled(searching ? SEARCH_INTERVAL_MS : ANNOUNCE_INTERVAL_MS);
    const wait = first === undefined ? interval * (1 + ANNOUNCE_JITTER * (2 * random() - 1)) : first - before;
    this.#announcements += 1;
    this.#announce = clock.setTimeout(() => {
      this.#announceAll(searching || first !== undefined);
      this.#announceSoon();
    }, wait);
  }

  #scaled(intervalMs: number): number {
    return Math.max(intervalMs, this.#heard.size * INTERVAL_PER_SERVICE_MS);
  }

  get #ttlSeconds(): number {
    return Math.ceil((ANNOUNCEMENTS_PER_TTL * this.#scaled(ANNOUNCE_INTERVAL_MS)) / 1_000);
  }

  #announceAll(asking: boolean): void {
    this.#forgetEnded();
    for (const open of this.#interfaces.values()) this.#announceOn(open, asking);
  }

  #announceOn(open: OpenInterface, asking: boolean): void {
    const offer = this.#options.offer();
    // Nothing went wrong since the one before.
    if (open.error === null) open.backoff.reset();
    open.error = null;
    if (offer !== null) {
      open.lastAnswerAt = this.#options.clock.monotonic();
      open.port.respond(...recordsOf(offer, open.lan, this.#ttlSeconds));
    }
    if (asking && this.#options.browse.length > 0) {
      open.port.query(this.#options.browse.map((type) => ({ name: `${type}.local`, type: 'PTR' })));
    }
  }

  #pollInterfaces(): void {
    this.#poll = this.#options.clock.setTimeout(() => this.#pollInterfaces(), INTERFACE_POLL_MS);
    const wanted = new Map(this.#options.interfaces().map((lan) => [JSON.stringify(lan), lan]));
    let changed = false;
    for (const [key, open] of this.#interfaces) {
      if (wanted.has(key)) continue;
      open.closed = true;
      open.answer?.clear();
      open.retry?.clear();
      void open.port.close();
      this.#interfaces.delete(key);
      changed = true;
    }
    for (const [key, lan] of wanted) {
      if (this.#interfaces.has(key)) continue;
      this.#interfaces.set(key, this.#openInterface(lan));
      changed = true;
    }
    this.#forgetEnded();
    if (!changed) return;
    this.#listener.onInterfaces?.();
    this.#startAnnouncing();
  }

  #openInterface(lan: LanInterface): OpenInterface {
    const open: Omit<OpenInterface, 'port'> = {
      lan,
      error: null,
      lastAnswerAt: -Infinity,
      lastPlainAnswerAt: -Infinity,
      answer: null,
      backoff: new Backoff(INTERFACE_BACKOFF, this.#options.random),
      retry: null,
      closed: false,
    };
    return Object.assign(open, { port: this.#openPort(open as OpenInterface) });
  }

  #openPort(open: OpenInterface): MulticastPort {
    const { lan } = open;
    // A packet is heard on every port of the machine: it belongs to the one whose network it came from.
    const isMine = ({ address }: MulticastSender): boolean => isOnLink(address, lan);
    return (this.#options.open ?? openMulticastPort)(lan, {
      onQuery: (questions, from, id) => {
        if (isMine(from)) this.#asked(open, questions, from, id);
      },
      onResponse: (records, from) => {
        if (isMine(from)) this.#told(records, from);
        else this.#ignored(records, from);
      },
      onError: (error) => this.#failed(open, error),
    });
  }

  // Another program may have had the port, or the network was not ready: the
  // same socket would never work.
  #failed(open: OpenInterface, error: Error): void {
    open.error = error.message;
    if (this.#poll === undefined || open.closed || open.retry !== null) return;
    open.retry = this.#options.clock.setTimeout(() => {
      open.retry = null;
      void open.port.close();
      open.port = this.#openPort(open);
      this.#announceOn(open, true);
    }, open.backoff.next());
  }

  #asked(open: OpenInterface, questions: readonly Question[], from: MulticastSender, id: number): void {
    const offer = this.#options.offer();
    if (offer === null || !questions.some((question) => concerns(question, offer))) return;
    const { clock, random } = this.#options;
    if (from.port !== MDNS_PORT) {
      // A plain resolver, which listens for one answer at its own port (RFC 6762, 6.7).
      if (clock.monotonic() - open.lastPlainAnswerAt < MIN_PLAIN_ANSWER_GAP_MS) return;
      open.lastPlainAnswerAt = clock.monotonic();
      open.port.respond(...recordsOf(offer, open.lan, this.#ttlSeconds), { ...from, id });
      return;
    }
    if (open.answer !== null) return;
    const { least, most } = ANSWER_DELAY_MS;
    const sinceLast = clock.monotonic() - open.lastAnswerAt;
    const wait = Math.max(least + random() * (most - least), MIN_ANSWER_GAP_MS - sinceLast);
    open.answer = clock.setTimeout(() => {
      open.answer = null;
      this.#announceOn(open, false);
    }, wait);
  }

  // A neighbour of another network's address is heard and cannot be placed: one of the two has a wrong netmask.
  // The system also hands over what comes in on interfaces that are not used.
  #ignored(records: readonly Answer[], { address }: MulticastSender): void {
    // What nodes of this machine say to each other over loopback is heard on every port.
    if (hostKind(address) === 'loopback') return;
    const used = [...this.#interfaces.values()].map(({ lan }) => lan);
    const networks = [...used, ...(this.#options.unused?.() ?? [])];
    const isForeign = networks.every((lan) => !isOnLink(address, lan));
    const isOurs = records
      .slice(0, MAX_RECORDS_PER_PACKET)
      .some(
        ({ name, type }) =>
          type === 'PTR' && this.#options.browse.some((one) => isName(name, `${one}.local`)),
      );
    if (isForeign && isOurs && isIPv4(address)) this.#outsider = address;
  }

  #told(records: readonly Answer[], from: MulticastSender): void {
    if (this.#poll === undefined) return;
    const packet = records.slice(0, MAX_RECORDS_PER_PACKET);
    const described = descriptions(packet);
    for (const type of this.#options.browse) {
      for (const record of packet) {
        if (record.type !== 'PTR' || !isName(record.name, `${type}.local`)) continue;
        this.#toldOf(type, record, described, from);
      }
    }
  }

  #toldOf(
    type: string,
    pointer: StringAnswer,
    described: ReadonlyMap<string, Description>,
    from: MulticastSender,
  ): void {
    const suffix = `.${type}.local`;
    const name = pointer.data;
    if (!name.toLowerCase().endsWith(suffix)) return;
    const label = name.slice(0, -suffix.length);
    // By sender, so that nobody takes the place of another or takes back what he announced.
    const { address } = from;
    const key = `${label} ${type} ${address}`;
    if ((pointer.ttl ?? 0) === 0) {
      if (this.#forget(key)) this.#listener.onGone({ type, label, address });
      return;
    }
    const { port, txt } = described.get(name.toLowerCase()) ?? {};
    if (port === undefined || txt === undefined || bytesOf(txt) > MAX_TXT_BYTES) return;
    if (!this.#heard.has(key) && !this.#hasRoomFor(address)) return;
    const endsAt = this.#options.clock.monotonic() + (pointer.ttl ?? 0) * 1_000;
    this.#remember(key, { type, label, address, endsAt });
    this.#listener.onFound({ type, label, port, txt, address });
  }

  #hasRoomFor(address: string): boolean {
    const ofSender = this.#heardFrom.get(address) ?? 0;
    return this.#heard.size < MAX_SERVICES && ofSender < MAX_SERVICES_PER_SENDER;
  }

  #remember(key: string, service: HeardService): void {
    const { address } = service;
    if (!this.#heard.has(key)) this.#heardFrom.set(address, (this.#heardFrom.get(address) ?? 0) + 1);
    this.#heard.set(key, service);
  }

  /** @returns whether it was there */
  #forget(key: string): boolean {
    const known = this.#heard.get(key);
    if (known === undefined) return false;
    this.#heard.delete(key);
    const left = (this.#heardFrom.get(known.address) ?? 1) - 1;
    if (left > 0) this.#heardFrom.set(known.address, left);
    else this.#heardFrom.delete(known.address);
    return true;
  }

  #forgetEnded(): void {
    const now = this.#options.clock.monotonic();
    for (const [key, { endsAt, ...service }] of this.#heard) {
      if (endsAt > now) continue;
      this.#forget(key);
      this.#searchUntil = now + SEARCH_MS;
      this.#listener.onGone(service);
    }
  }
}

/** What a packet says of one name. */
interface Description {
  port?: number;
  txt?: readonly Uint8Array[];
}

function descriptions(records: readonly Answer[]): Map<string, Description> {
  const described = new Map<string, Description>();
  const of = (name: string): Description => {
    const key = name.toLowerCase();
    let description = described.get(key);
    if (description === undefined) described.set(key, (description = {}));
    return description;
  };
  for (const record of records) {
    if (record.type === 'SRV') of(record.name).port = record.data.port;
    else if (record.type === 'TXT') of(record.name).txt = stringsOf(record.data);
  }
  return described;
}

function bytesOf(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, { length }) => sum + length, 0);
}

/** Answers and additional records of a service on one interface. */
function recordsOf(offer: OfferedService, lan: LanInterface, ttl: number): [Answer[], Answer[]] {
  const type = `${offer.type}.local`;
  const name = `${offer.label}.${type}`;
  const host = `${offer.label}.local`;
  return [
    [{ type: 'PTR', name: type, ttl, data: name }],
    [
      { type: 'SRV', name, ttl, flush: true, data: { port: offer.port, target: host } },
      { type: 'TXT', name, ttl, flush: true, data: [...offer.txt] },
      ...addressesOf(lan).map((record) => ({ ...record, name: host, ttl, flush: true })),
    ],
  ];
}

function addressesOf({ address, ipv6 = [] }: LanInterface): { type: 'A' | 'AAAA'; data: string }[] {
  const four = isIPv6(address) ? [] : [{ type: 'A' as const, data: address }];
  return [...four, ...ipv6.map((data) => ({ type: 'AAAA' as const, data }))];
}

function concerns({ name }: Question, offer: OfferedService): boolean {
  const service = `${offer.type}.local`;
  return (
    isName(name, service) || isName(name, `${offer.label}.${service}`) || isName(name, `${offer.label}.local`)
  );
}

function isName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function stringsOf(data: string | Buffer | (string | Buffer)[]): Buffer[] {
  return [data].flat().map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
}
