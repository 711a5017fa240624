import { Module } from '@nestjs/common';
import type { PeerDiscovery } from './core/ports/peer-discovery.js';
import { AnnouncementSequence } from './discovery/announcement-sequence.js';
import { FoundRegistries, type RegistrySource } from './discovery/found-registries.js';
import { HttpRegistryDiscovery } from './discovery/http-registry.discovery.js';
import { KeyWatch } from './discovery/key-watch.js';
import { MdnsDiscovery } from './discovery/mdns.discovery.js';
import type { ProbedRegistry } from './discovery/registry.probes.js';
import { NodeEnvironment } from './runtime/environment.js';

/** Every way to find peers that the settings allow, side by side. Also the DI token. */
export abstract class Discovery {
  abstract readonly sources: readonly PeerDiscovery[];
  /** Discovery services that are used, to be looked at. */
  abstract registries(): ProbedRegistry[];
  /** Hosts at which others use the own key. */
  abstract copies(): string[];
  /** What multicast has found; null where it is not used. */
  abstract readonly multicast: Pick<MdnsDiscovery, 'found' | 'ignored'> | null;
}

@Module({
  providers: [{ provide: Discovery, inject: [NodeEnvironment], useFactory: createDiscovery }],
  exports: [Discovery],
})
export class DiscoveryModule {}

function createDiscovery({ config, profile, clock, random, logger }: NodeEnvironment): Discovery {
  const sequence = new AnnouncementSequence(clock);
  const keyWatch = new KeyWatch(clock, logger);
  const common = { keys: profile.identity, clock, random, logger, sequence, keyWatch };
  const isOptional = !config.discoveryUrlsSet;
  const make = (url: string, optional = false): HttpRegistryDiscovery =>
    new HttpRegistryDiscovery({ ...common, url, optional });
  const configured = config.discoveryUrls.map((url) => ({ url, source: make(url, isOptional) }));
  const sources: PeerDiscovery[] = [keyWatch, ...configured.map(({ source }) => source)];
  if (config.sameMachine) sources.push(new MdnsDiscovery({ ...common, scope: 'machine' }));
  const copies = (): string[] => keyWatch.others;
  const given = (): ProbedRegistry[] => configured.map((one) => probed(one, isOptional));
  if (!config.mdns) return { sources, registries: given, copies, multicast: null };
  const found = new FoundRegistries({ configured, make, clock });
  const mdns = new MdnsDiscovery({
    ...common,
    scope: 'lan',
    interfaceNames: config.interfaces,
    onRegistry: (service) => found.heard(service),
    onRegistryGone: (service) => found.gone(service),
  });
  return {
    sources: [...sources, found, mdns],
    registries: () => [...given(), ...found.used.map((one) => probed(one, false))],
    copies,
    multicast: mdns,
  };
}

function probed({ url, source }: { url: string; source: RegistrySource }, optional: boolean): ProbedRegistry {
  return { url, optional, announce: (signal) => source.announce(signal) };
}
