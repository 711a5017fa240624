import {
  type BeforeApplicationShutdown,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Chat } from './core/chat.js';
import { ChatEvents } from './core/events.js';
import { ConversationStore } from './core/ports/conversation.store.js';
import { IdentityKeys } from './core/ports/identity.js';
import { PeerTransport } from './core/ports/peer-link.js';
import { OwnProfile } from './core/presence/own-profile.js';
import { Discovery, DiscoveryModule } from './discovery.module.js';
import { PeersModule } from './peers.module.js';
import { NodeEnvironment } from './runtime/environment.js';

/** The core of the node over its adapters. It starts when all of them are there, and stops before any of them. */
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
export class ConversationsModule
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    private readonly chat: Chat,
    private readonly store: ConversationStore,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.chat.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.chat.stop();
  }

  /** The last answers of the control API are given. What was asked of the store is finished, before Mongoose disconnects. */
  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
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
