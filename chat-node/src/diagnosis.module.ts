import { Module } from '@nestjs/common';
import { hostKind } from '@p2p-chat/shared';
import { lanInterfaces } from '@p2p-chat/shared/dns-sd';
import { ConversationsModule } from './conversations.module.js';
import { Chat } from './core/chat.js';
import { Diagnosis } from './core/diagnosis/diagnosis.js';
import { ConversationStore } from './core/ports/conversation.store.js';
import { PeerTransport } from './core/ports/peer-link.js';
import { Discovery, DiscoveryModule } from './discovery.module.js';
import { KeyProbes } from './discovery/key.probes.js';
import { localAddresses } from './discovery/local-addresses.js';
import { MulticastProbes } from './discovery/multicast.probes.js';
import { RegistryProbes } from './discovery/registry.probes.js';
import { PeersModule } from './peers.module.js';
import { ProfileProbes } from './profile/profile.probes.js';
import { NodeEnvironment } from './runtime/environment.js';
import { TlsAddressProbes } from './transport/address.probes.js';
import { GatewayProbes } from './transport/gateway.probes.js';

/** What can be looked at of this node and of the way to a peer. */
@Module({
  imports: [ConversationsModule, DiscoveryModule, PeersModule],
  providers: [
    {
      provide: Diagnosis,
      inject: [NodeEnvironment, Chat, ConversationStore, PeerTransport, Discovery],
      useFactory: createDiagnosis,
    },
  ],
  exports: [Diagnosis],
})
export class DiagnosisModule {}

/** The probes stand in the order in which a message passes what they look at. */
function createDiagnosis(
  { config, profile: { identity }, storage, clock, logger }: NodeEnvironment,
  chat: Chat,
  store: ConversationStore,
  transport: PeerTransport,
  { registries, copies, multicast }: Discovery,
): Diagnosis {
  const isLocal = config.host !== '' && hostKind(config.host) === 'loopback';
  const localOnly = isLocal ? 'P2P_CHAT_HOST keeps this node on this machine' : null;
  return new Diagnosis({
    own: [
      new ProfileProbes(config.home, { kind: storage, store }),
      new KeyProbes(copies),
      new GatewayProbes({
        identity,
        host: config.host,
        wishedPort: config.port,
        port: () => chat.port,
        addresses: () => localAddresses(),
      }),
      new MulticastProbes({
        off: multicast === null ? 'multicast is turned off (P2P_CHAT_MDNS)' : localOnly,
        interfaces: () => lanInterfaces(config.interfaces),
        peerId: identity.peerId,
        found: () => multicast?.found ?? '',
        ignored: () => multicast?.ignored ?? null,
        clock,
      }),
      new RegistryProbes(registries, clock),
    ],
    addresses: new TlsAddressProbes(identity, transport),
    wayTo: (reference) => chat.peers.wayTo(reference),
    clock,
    log: logger,
  });
}
