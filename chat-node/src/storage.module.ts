import { join } from 'node:path';
import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConversationStore } from './core/ports/conversation.store.js';
import { NodeEnvironment } from './runtime/environment.js';
import { SqliteStore } from './storage/sqlite/sqlite-store.js';

/** The store that the settings choose, open. It is closed after all that writes to it has ended. */
@Global()
@Module({})
export class StorageModule implements OnApplicationShutdown {
  constructor(private readonly store: ConversationStore) {}

  static async of({ config }: NodeEnvironment): Promise<DynamicModule> {
    if (config.mongodbUri === null) return SQLITE;
    // Loaded only where it is chosen: Mongoose is most of what a node would load.
    const { MongoStorageModule } = await import('./storage/mongo/mongo-storage.module.js');
    return {
      module: StorageModule,
      imports: [MongoStorageModule.of({ uri: config.mongodbUri })],
      exports: [MongoStorageModule],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}

const SQLITE: DynamicModule = {
  module: StorageModule,
  providers: [
    {
      provide: ConversationStore,
      inject: [NodeEnvironment],
      useFactory: ({ config, profile }: NodeEnvironment): Promise<ConversationStore> =>
        SqliteStore.open({ file: join(config.home, 'messages.sqlite'), onDiskFailure: profile.diskFailed }),
    },
  ],
  exports: [ConversationStore],
};
