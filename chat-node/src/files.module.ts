import { join } from 'node:path';
import { type BeforeApplicationShutdown, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DiskBlobStore } from './blobs/disk-blob.store.js';
import { ConversationsModule } from './conversations.module.js';
import { Chat } from './core/chat.js';
import { ChatEvents } from './core/events.js';
import { Files } from './core/files/files.js';
import { BlobStore } from './core/ports/blob.store.js';
import { BlockTransport } from './core/ports/block.transport.js';
import { ConversationStore } from './core/ports/conversation.store.js';
import { IdentityKeys } from './core/ports/identity.js';
import { PeersModule } from './peers.module.js';
import { NodeEnvironment } from './runtime/environment.js';

/** Files: what is offered and fetched, over the disk and the connections for blocks. */
@Module({
  imports: [ConversationsModule, PeersModule],
  providers: [
    {
      provide: BlobStore,
      inject: [NodeEnvironment],
      useFactory: ({ config }: NodeEnvironment): BlobStore =>
        new DiskBlobStore({
          folder: join(config.home, 'files'),
          downloads: config.files.downloads ?? join(config.home, 'downloads'),
          maxFileBytes: config.files.maxFileBytes,
          quotaBytes: config.files.quotaBytes,
        }),
    },
    {
      provide: Files,
      inject: [NodeEnvironment, Chat, ConversationStore, IdentityKeys, BlobStore, BlockTransport, ChatEvents],
      useFactory: createFiles,
    },
  ],
  exports: [Files],
})
export class FilesModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(private readonly files: Files) {}

  onApplicationBootstrap(): Promise<void> {
    return this.files.start();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.files.stop();
  }
}

function createFiles(
  { config, clock, random, logger }: NodeEnvironment,
  chat: Chat,
  store: ConversationStore,
  keys: IdentityKeys,
  blobs: BlobStore,
  blocks: BlockTransport,
  events: ChatEvents,
): Files {
  return new Files({
    keys,
    store,
    conversations: chat.conversations,
    messages: chat.messages,
    peers: chat.peers,
    members: (conversation) =>
      chat.conversations
        .get(conversation)
        ?.members()
        .filter((peerId) => peerId !== chat.self) ?? [],
    blobs,
    blocks,
    events,
    clock,
    random,
    log: logger,
    bytesPerSecond: config.files.bytesPerSecond,
  });
}
