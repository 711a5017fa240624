import { type BeforeApplicationShutdown, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Chat } from './core/chat.js';
import { ChatEvents } from './core/events.js';
import { ConversationStore } from './core/ports/conversation.store.js';
import { IdentityKeys } from './core/ports/identity.js';
import { PeerTransport } from './core/ports/peer-link.js';
import { OwnProfile } from './core/presence/own-profile.js';
import { Discovery, DiscoveryModule } from './discovery.module.js';
import { PeersModule } from './peers.module.js';
import { NodeEnvironment } from './runtime/environment.js';

/** The core of the node over its adapters. It starts when all is there, and stops before any of it does. */
@Module({
  imports: [PeersModule, DiscoveryModule],
  providers: [
    {
      provide: Chat,
      inject: [
        NodeEnvironment,
        ConversationStore,
        IdentityKeys,
        OwnProfile,
        PeerTransport,
        Discovery,
        ChatEvents,
      ],
      useFactory: createChat,
    },
  ],
  exports: [Chat],
})
export class ConversationsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(private readonly chat: Chat) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.chat.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.chat.stop();
  }
}

function createChat(
  { config, instance, clock, random, logger }: NodeEnvironment,
  store: ConversationStore,
  keys: IdentityKeys,
  profile: OwnProfile,
  transport: PeerTransport,
  discovery: Discovery,
  events: ChatEvents,
): Chat {
  return new Chat({
    store,
    keys,
    profile,
    instance,
    host: config.host,
    staticAddresses: config.staticPeers,
    contacts: config.contacts,
    transport,
    discovery: discovery.sources,
    events,
    clock,
    random,
    log: logger,
  });
}
