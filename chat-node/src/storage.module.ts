import { join } from 'node:path';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ConversationStore } from './core/ports/conversation.store.js';
import { NodeEnvironment } from './runtime/environment.js';
import { SqliteStore } from './storage/sqlite/sqlite-store.js';

/** To connect to MongoDB, of three seconds each: in Compose it starts beside the node. */
const START_ATTEMPTS = 10;

/** The store that the settings choose, open. */
@Global()
@Module({})
export class StorageModule {
  static async of({ config }: NodeEnvironment): Promise<DynamicModule> {
    if (config.mongodbUri === null) return SQLITE;
    // Loaded only where it is chosen: Mongoose is most of what a node would load.
    const { MongoStorageModule } = await import('./storage/mongo/mongo-storage.module.js');
    return {
      module: StorageModule,
      imports: [MongoStorageModule.of({ uri: config.mongodbUri, attempts: START_ATTEMPTS })],
      exports: [MongoStorageModule],
    };
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
