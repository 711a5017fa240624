import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Clock, hostKind, VERSION } from '@p2p-chat/shared';
import { lanInterfaces } from '@p2p-chat/shared/dns-sd';
import { Chat } from './chat/chat.js';
import { Diagnosis } from './chat/diagnosis/diagnosis.js';
import { ChatEvents } from './chat/events.js';
import { OwnProfile } from './chat/own-profile.js';
import type { MessageRepository } from './chat/ports/message.repository.js';
import type { MessageSearch } from './chat/ports/message-search.js';
import type { PeerDiscovery } from './chat/ports/peer-discovery.js';
import type { PeerTransport } from './chat/ports/peer-link.js';
import type { PeerRepository } from './chat/ports/peer.repository.js';
import type { ProfileSettings, ProfileStore } from './chat/ports/profile.store.js';
import type { NodeConfig } from './runtime/config.js';
import { DiagnosisController } from './control-api/diagnosis.controller.js';
import { EventLog } from './control-api/event-log.js';
import { EventsController } from './control-api/events.controller.js';
import { ImportController } from './control-api/import.controller.js';
import { MessagesController } from './control-api/messages.controller.js';
import { NodeInfo } from './control-api/node-info.js';
import { PeersController } from './control-api/peers.controller.js';
import { ProfileController } from './control-api/profile.controller.js';
import { Presenter } from './control-api/presenter.js';
import { LOGGER, ProblemFilter } from './control-api/problem.filter.js';
import { SearchController } from './control-api/search.controller.js';
import { StatusController } from './control-api/status.controller.js';
import { AnnouncementSequence } from './discovery/announcement-sequence.js';
import { FoundRegistries, type RegistrySource } from './discovery/found-registries.js';
import { HttpRegistryDiscovery } from './discovery/http-registry.discovery.js';
import { KeyProbes } from './discovery/key.probes.js';
import { KeyWatch } from './discovery/key-watch.js';
import { localAddresses } from './discovery/local-addresses.js';
import { MdnsDiscovery } from './discovery/mdns.discovery.js';
import { MulticastProbes } from './discovery/multicast.probes.js';
import { type ProbedRegistry, RegistryProbes } from './discovery/registry.probes.js';
import { holdOldGeneration } from './heap-growth.js';
import type { Identity } from './profile/keystore.js';
import type { Logger } from './runtime/logger.js';
import { ProfileProbes } from './profile/profile.probes.js';
import { SqliteStorage } from './storage/old/sqlite/sqlite-storage.js';
import { TlsAddressProbes } from './transport/address.probes.js';
import { GatewayProbes } from './transport/gateway.probes.js';
import { PeerGateway } from './transport/peer-gateway.js';

/** Either storage, open. */
export interface Storage {
  readonly messages: MessageRepository;
  readonly search: MessageSearch;
  readonly peers: PeerRepository;
  close(): Promise<void>;
}

/**
 * Opens the storage that the settings choose.
 * @param onDiskFailure is called when the disk of the profile keeps it from working
 * @throws {StorageError}
 */
export async function openStorage(config: NodeConfig, onDiskFailure: () => void): Promise<Storage> {
  if (config.mongodbUri === null) {
    return SqliteStorage.open({ file: join(config.home, 'messages.sqlite'), onDiskFailure });
  }
  holdOldGeneration();
  // Loaded only where it is chosen: Mongoose is most of what a node would load.
  const { MongoStorage } = await import('./storage/old/mongo/mongo-storage.js');
  return MongoStorage.open({ uri: config.mongodbUri, folder: config.home });
}

/** What a node is put together from. */
export interface NodeParts {
  config: NodeConfig;
  /** What the user has set, and where that is kept. */
  profile: { settings: ProfileSettings; store: ProfileStore };
  identity: Identity;
  storage: Storage;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  logger: Logger;
}

/** Puts the core together with its adapters: the only place where a port meets one. */
export function composeChat(parts: NodeParts): {
  chat: Chat;
  diagnosis: Diagnosis;
  events: ChatEvents;
  instance: string;
} {
  const { config, identity, storage, clock, random, logger } = parts;
  const { settings, store } = parts.profile;
  const instance = randomUUID();
  const events = new ChatEvents((error) => logger.error({ err: error }, 'a listener of events failed'));
  const profile = new OwnProfile(settings, store, events, config.fixed);
  const transport = new PeerGateway({
    ...config,
    user: () => profile.settings.user,
    identity,
    agent: `p2p-chat/${VERSION}`,
    instance,
    clock,
    logger,
  });
  const discovery = composeDiscovery(parts);
  const chat = new Chat({
    self: identity.peerId,
    profile,
    instance,
    host: config.host,
    staticAddresses: config.staticPeers,
    contactsOnly: config.contacts === 'only',
    messages: storage.messages,
    search: storage.search,
    peers: storage.peers,
    transport,
    discovery: discovery.sources,
    events,
    clock,
    random,
    log: logger,
  });
  return { chat, diagnosis: composeDiagnosis(parts, chat, transport, discovery), events, instance };
}

/** Every way to find peers, and what of it can be looked at. */
interface Discovery {
  sources: PeerDiscovery[];
  registries: () => ProbedRegistry[];
  /** Hosts at which others use the own key. */
  copies: () => string[];
  /** What multicast has found, in words; null where it is not used. */
  heard: (() => string) | null;
}

/** Every way to find peers that the settings allow, side by side. */
function composeDiscovery({ config, identity, clock, random, logger }: NodeParts): Discovery {
  const sequence = new AnnouncementSequence(clock);
  const keyWatch = new KeyWatch(clock, logger);
  const common = { keys: identity, clock, random, logger, sequence, keyWatch };
  const isOptional = !config.discoveryUrlsSet;
  const make = (url: string, optional = false): HttpRegistryDiscovery =>
    new HttpRegistryDiscovery({ ...common, url, optional });
  const configured = config.discoveryUrls.map((url) => ({ url, source: make(url, isOptional) }));
  const sources: PeerDiscovery[] = [keyWatch, ...configured.map(({ source }) => source)];
  if (config.sameMachine) sources.push(new MdnsDiscovery({ ...common, scope: 'machine' }));
  const copies = (): string[] => keyWatch.others;
  if (!config.mdns) {
    const registries = (): ProbedRegistry[] => configured.map((one) => probed(one, isOptional));
    return { sources, registries, copies, heard: null };
  }
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
    registries: () => [
      ...configured.map((one) => probed(one, isOptional)),
      ...found.used.map((one) => probed(one, false)),
    ],
    copies,
    heard: () =>
      mdns
        .health()
        .map(({ detail }) => detail)
        .join('; '),
  };
}

function probed({ url, source }: { url: string; source: RegistrySource }, optional: boolean): ProbedRegistry {
  return { url, optional, announce: (signal) => source.announce(signal) };
}

/** All that can be looked at, in the order in which a message passes it. */
function composeDiagnosis(
  { config, identity, storage, clock, logger }: NodeParts,
  chat: Chat,
  transport: PeerTransport,
  { registries, copies, heard }: Discovery,
): Diagnosis {
  const kind = config.mongodbUri === null ? 'sqlite' : 'mongodb';
  const isLocal = config.host !== '' && hostKind(config.host) === 'loopback';
  const localOnly = isLocal ? 'P2P_CHAT_HOST keeps this node on this machine' : null;
  return new Diagnosis({
    own: [
      new ProfileProbes(config.home, { kind, peers: storage.peers }),
      new KeyProbes(copies),
      new GatewayProbes({
        identity,
        host: config.host,
        wishedPort: config.port,
        port: () => chat.port,
        addresses: () => localAddresses(),
      }),
      new MulticastProbes({
        off: heard === null ? 'multicast is turned off (P2P_CHAT_MDNS)' : localOnly,
        interfaces: () => lanInterfaces(config.interfaces),
        peerId: identity.peerId,
        found: heard ?? (() => ''),
        clock,
      }),
      new RegistryProbes(registries, clock),
    ],
    addresses: new TlsAddressProbes(identity, transport),
    wayTo: (reference) => chat.wayTo(reference),
    clock,
    log: logger,
  });
}

/** The Nest module of the control API over a core. */
@Module({})
export class AppModule {
  static of(
    chat: Chat,
    diagnosis: Diagnosis,
    log: EventLog,
    node: NodeInfo,
    clock: Clock,
    logger: Logger,
  ): DynamicModule {
    return {
      module: AppModule,
      controllers: [
        StatusController,
        PeersController,
        MessagesController,
        SearchController,
        ImportController,
        ProfileController,
        DiagnosisController,
        EventsController,
      ],
      providers: [
        { provide: Chat, useValue: chat },
        { provide: Diagnosis, useValue: diagnosis },
        { provide: EventLog, useValue: log },
        { provide: NodeInfo, useValue: node },
        { provide: Clock, useValue: clock },
        { provide: LOGGER, useValue: logger },
        { provide: APP_FILTER, useClass: ProblemFilter },
        Presenter,
      ],
    };
  }
}
