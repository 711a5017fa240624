import { isIPv6 } from 'node:net';
import { type Clock, type DiscoverySourceView, hostKind, type Timer } from '@p2p-chat/shared';
import { decodeTxt, type FoundService } from '@p2p-chat/shared/dns-sd';
import { type DiscoverySink, PeerDiscovery, type SelfAnnouncement } from '../core/ports/peer-discovery.js';

/** A client of one discovery service. */
export type RegistrySource = PeerDiscovery & {
  readonly registryId: string | null;
  /** Renews at once. @throws {RegistryFailure} */
  announce(signal: AbortSignal): Promise<void>;
};

export interface FoundRegistriesOptions {
  /** Those that the settings name. */
  configured: readonly { url: string; source: RegistrySource }[];
  make: (url: string) => RegistrySource;
  clock: Clock;
}

/** Services that are used besides those of the settings: bounds what a flood of announcements can start. */
const MAX_FOUND_REGISTRIES = 8;
/** Time for a service of the settings to say which it is, before the same one is used at another address. */
const GRACE_MS = 300;

interface Found {
  id: string;
  source: RegistrySource;
  /** Set until it is used. */
  wait: Timer | null;
  /** Whether it took its announcement back, or let it run out. */
  silent: boolean;
}

/** The discovery services that were heard of on the network, each used as if the settings named it. */
export class FoundRegistries extends PeerDiscovery {
  readonly #options: FoundRegistriesOptions;
  readonly #found = new Map<string, Found>();
  #running: { self: SelfAnnouncement; sink: DiscoverySink } | null = null;

  constructor(options: FoundRegistriesOptions) {
    super();
    this.#options = options;
  }

  start(self: SelfAnnouncement, sink: DiscoverySink): void {
    this.#running = { self, sink };
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#running = null;
    const found = [...this.#found.values()];
    this.#found.clear();
    for (const { wait } of found) wait?.clear();
    await Promise.all(found.map(({ source }) => source.stop(signal)));
  }

  health(): DiscoverySourceView[] {
    this.#dropAll((one) => one.silent && isFailing(one));
    return [...this.#found.values()].flatMap(({ source }) => source.health());
  }

  /** Those that are used now. */
  get used(): { url: string; source: RegistrySource }[] {
    return [...this.#found].map(([url, { source }]) => ({ url, source }));
  }

  refresh(): void {
    for (const { source } of this.#found.values()) source.refresh();
  }

  /** A service announces itself, or still does. */
  heard({ address, port, txt }: FoundService): void {
    const id = decodeTxt(txt).get('id') ?? '';
    if (this.#running === null || id === '' || hostKind(address) !== 'usable' || port === 0) return;
    // No URL can name a link-local IPv6 address (WHATWG URL has no zones).
    if (isIPv6(address)) return;
    const url = `http://${address}:${port}`;
    if (this.#isConfigured(url, id)) return this.#dropAll((one) => one.id === id);
    const known = this.#found.get(url);
    if (known !== undefined) {
      known.id = id;
      known.silent = false;
      return;
    }
    const same = [...this.#found.values()].find((one) => one.id === id);
    if (same !== undefined && !isFailing(same)) return;
    this.#dropAll((one) => one === same);
    if (this.#found.size >= MAX_FOUND_REGISTRIES) this.#dropAll(isFailing);
    if (this.#found.size < MAX_FOUND_REGISTRIES) this.#add(url, id);
  }

  /** A service announces itself no more. It is used as long as it answers. */
  gone({ address }: Pick<FoundService, 'address'>): void {
    for (const [url, found] of this.#found) {
      if (new URL(url).hostname === address) found.silent = true;
    }
  }

  #add(url: string, id: string): void {
    const found: Found = { id, source: this.#options.make(url), wait: null, silent: false };
    found.wait = this.#options.clock.setTimeout(() => {
      found.wait = null;
      if (this.#isConfigured(url, found.id)) this.#dropAll((one) => one === found);
      else if (this.#running !== null) found.source.start(this.#running.self, this.#running.sink);
    }, GRACE_MS);
    this.#found.set(url, found);
  }

  #isConfigured(url: string, id: string): boolean {
    return this.#options.configured.some((one) => one.url === url || one.source.registryId === id);
  }

  #dropAll(which: (found: Found) => boolean): void {
    for (const [url, found] of this.#found) {
      if (!which(found)) continue;
      this.#found.delete(url);
      found.wait?.clear();
      // The announcement stays: the service may have it by another address of its own.
      void found.source.stop(AbortSignal.abort());
      this.#running?.sink.replace(url, []);
    }
  }
}

function isFailing({ source, wait }: Found): boolean {
  return wait === null && source.health().every(({ state }) => state === 'failing');
}
