import {
  type Clock,
  type DiscoverySourceView,
  hostKind,
  type Interfaces,
  isUnspecifiedHost,
  MAX_ANNOUNCED_ADDRESSES,
  NODE_SERVICE_TYPE,
  type PeerEntry,
  peerIdOfKey,
  REGISTRY_SERVICE_TYPE,
  systemInterfaces,
} from '@p2p-chat/shared';
import {
  DnsSd,
  type FoundService,
  lanInterfaces,
  LOOPBACK_INTERFACE,
  type OfferedService,
  type OpenMulticastPort,
} from '@p2p-chat/shared/dns-sd';
import { type DiscoverySink, PeerDiscovery, type SelfAnnouncement } from '../core/ports/peer-discovery.js';
import type { Logger } from '../runtime/logger.js';
import type { AnnouncementSequence } from './announcement-sequence.js';
import { announcementTxt, entryOfTxt } from './announcement-txt.js';
import type { KeyWatch } from './key-watch.js';
import { localAddresses } from './local-addresses.js';
import { type AnnouncedHosts, SelfAnnouncer, type SigningKeys } from './self-announcer.js';
import { SightingReader } from './sighting-reader.js';

/** Characters of the instance in the label, which tell two starts of one node apart. */
const INSTANCE_CHARACTERS = 8;
/** Between two readings of what was heard: one announcement is read at once, a flood of them together. */
const READ_INTERVAL_MS = 100;

export interface MdnsOptions {
  /** `lan`: on the interfaces of the local networks. `machine`: within this machine, over loopback. */
  scope: 'lan' | 'machine';
  keys: SigningKeys;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  logger: Logger;
  /** One for all sources of a node. */
  sequence: AnnouncementSequence;
  /** Names of the interfaces to use; empty for all that face a local network. Of `lan` alone. */
  interfaceNames?: readonly string[];
  interfaces?: Interfaces;
  /** A discovery service was heard of, or is still there. Of `lan` alone. */
  onRegistry?: (service: FoundService) => void;
  /** A discovery service announces itself no more. */
  onRegistryGone?: (service: Pick<FoundService, 'address'>) => void;
  /** Told of others that use the own key. */
  keyWatch?: KeyWatch;
  open?: OpenMulticastPort;
}

interface Run {
  self: SelfAnnouncement;
  sink: DiscoverySink;
  announcer: SelfAnnouncer;
  reader: SightingReader;
  dnsSd: DnsSd;
  /** By label and sender. */
  entries: Map<string, PeerEntry>;
  reading: boolean;
  readAgain: boolean;
  sighted: number;
}

/**
 * Peers by multicast DNS, without any server: each node announces what it
 * would register, signed, and hears the others. Over loopback it is the way of
 * the nodes of one machine to each other, also of several users and with no
 * network at all.
 */
export class MdnsDiscovery extends PeerDiscovery {
  readonly #options: MdnsOptions;
  readonly #source: string;
  readonly #peerId: string;
  #run: Run | null = null;

  constructor(options: MdnsOptions) {
    super();
    this.#options = options;
    this.#source = options.scope === 'lan' ? 'mdns' : 'same-machine';
    this.#peerId = peerIdOfKey(options.keys.publicKey);
  }

  start(self: SelfAnnouncement, sink: DiscoverySink): void {
    if (this.#run !== null) return;
    const { scope, keys, clock, random, sequence, open } = this.#options;
    const run: Run = {
      self,
      sink,
      announcer: new SelfAnnouncer(self, keys, clock, sequence),
      reader: new SightingReader(this.#source, this.#peerId, (entry) => this.#heardOwn(run, entry)),
      dnsSd: new DnsSd(
        {
          browse: scope === 'lan' ? [NODE_SERVICE_TYPE, REGISTRY_SERVICE_TYPE] : [NODE_SERVICE_TYPE],
          offer: () => this.#offer(run),
          interfaces: () => this.#lanInterfaces(),
          unused: () => lanInterfaces(['*'], this.#options.interfaces),
          clock,
          random,
          ...(open === undefined ? {} : { open }),
        },
        {
          onFound: (service) => this.#found(run, service),
          onGone: (service) => {
            if (service.type === REGISTRY_SERVICE_TYPE) this.#options.onRegistryGone?.(service);
            else this.#gone(run, service);
          },
        },
      ),
      entries: new Map(),
      reading: false,
      readAgain: false,
      sighted: 0,
    };
    this.#run = run;
    run.dnsSd.start();
  }

  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = null;
    await run?.dnsSd.stop();
  }

  health(): DiscoverySourceView[] {
    return [{ source: this.#source, ...this.#health() }];
  }

  /** What was found, in words. */
  get found(): string {
    return this.#health().detail;
  }

  /** Whose packets are ignored, by their address, while nobody else is heard; null where nobody's are. */
  get ignored(): string | null {
    return this.#run === null || this.#run.sighted > 0 ? null : this.#run.dnsSd.outsider;
  }

  refresh(): void {
    this.#run?.dnsSd.refresh();
  }

  #health(): Omit<DiscoverySourceView, 'source'> {
    if (this.#run === null) return { state: 'off', detail: 'not running' };
    const { scope } = this.#options;
    const interfaces = this.#run.dnsSd.health();
    if (interfaces.length === 0) {
      const detail =
        'no network interface to use: connect to a network, or choose one with P2P_CHAT_INTERFACES';
      return { state: 'failing', detail };
    }
    const { sighted, dnsSd } = this.#run;
    const heard =
      sighted === 0 ? 'nobody else is heard' : `${sighted} other${sighted === 1 ? '' : 's'} heard`;
    const others =
      scope === 'machine' || dnsSd.outsider === null
        ? heard
        : `${heard}, and ${dnsSd.outsider} ignored, which is in none of the networks here: compare the netmasks`;
    const broken = interfaces.filter(({ error }) => error !== null);
    const where = scope === 'lan' ? ` on ${interfaces.map(({ name }) => name).join(', ')}` : '';
    if (broken.length === 0) return { state: 'ok', detail: `${others}${where}` };
    const faults = broken.map(({ name, error }) => `${name}: ${error}`).join('; ');
    return { state: broken.length === interfaces.length ? 'failing' : 'ok', detail: `${others}; ${faults}` };
  }

  #lanInterfaces(): ReturnType<typeof lanInterfaces> {
    const { scope, interfaceNames, interfaces } = this.#options;
    return scope === 'machine' ? [LOOPBACK_INTERFACE] : lanInterfaces(interfaceNames, interfaces);
  }

  #offer(run: Run): OfferedService | null {
    const hosts = this.#hosts(run.self.host);
    if (hosts === null) return null;
    const entry = run.announcer.announce(hosts);
    const label = `${this.#peerId}-${run.self.instance.replace(/[^a-z0-9]/gi, '').slice(0, INSTANCE_CHARACTERS)}`;
    return { type: NODE_SERVICE_TYPE, label, port: entry.PORT, txt: announcementTxt(entry) };
  }

  // Toward a network the host is left open: whoever hears it puts the address
  // that it came from there, which is the right one on each network.
  #hosts(configured: string): AnnouncedHosts | null {
    const { scope, interfaces = systemInterfaces.read } = this.#options;
    if (!isUnspecifiedHost(configured)) {
      const reachable = scope === 'machine' || hostKind(configured) !== 'loopback';
      return reachable ? { host: configured, addresses: [] } : null;
    }
    if (scope === 'machine') return { host: LOOPBACK_INTERFACE.address, addresses: [] };
    return { host: '', addresses: localAddresses(interfaces).slice(0, MAX_ANNOUNCED_ADDRESSES) };
  }

  #found(run: Run, service: FoundService): void {
    if (service.type === REGISTRY_SERVICE_TYPE) {
      this.#options.onRegistry?.(service);
      return;
    }
    const entry = entryOfTxt(service.txt, service.port, service.address);
    if (entry === null) return;
    run.entries.set(keyOf(service), entry);
    void this.#read(run);
  }

  #heardOwn({ announcer, dnsSd }: Run, entry: PeerEntry): void {
    if (this.#options.keyWatch?.heard(entry, announcer.now()) !== true) return;
    announcer.supersede(entry.SEQ ?? 0);
    dnsSd.refresh();
  }

  #gone(run: Run, service: Pick<FoundService, 'label' | 'address'>): void {
    if (run.entries.delete(keyOf(service))) void this.#read(run);
  }

  // One reading at a time: what is heard meanwhile and shortly after is read after it, together.
  async #read(run: Run): Promise<void> {
    run.readAgain = true;
    if (run.reading) return;
    run.reading = true;
    while (run.readAgain) {
      run.readAgain = false;
      const { interfaces = systemInterfaces.read, scope } = this.#options;
      const sightings = await run.reader.read([...run.entries.values()], {
        now: run.announcer.now(),
        overLoopback: scope === 'machine',
        // Also where a network has no other addresses than these.
        localAddresses: [
          ...localAddresses(interfaces),
          ...this.#lanInterfaces().map(({ address }) => address),
        ],
      });
      if (this.#run !== run) break;
      run.sighted = sightings.length;
      run.sink.replace(this.#source, sightings);
      await this.#options.clock.sleep(READ_INTERVAL_MS);
    }
    run.reading = false;
  }
}

function keyOf({ label, address }: Pick<FoundService, 'label' | 'address'>): string {
  return `${label} ${address}`;
}
