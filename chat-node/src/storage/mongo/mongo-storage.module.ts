import { type DynamicModule, Module } from '@nestjs/common';
import { getConnectionToken, MongooseModule } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { ConversationStore } from '../../core/ports/conversation.store.js';
import { FEATURES, Models } from './models.js';
import { connectionOptions } from './mongo-server.js';
import { MongoStore } from './mongo-store.js';

/** The store in a MongoDB database. */
@Module({})
export class MongoStorageModule {
  /**
   * @param uri a connection string with the name of the database, which must be this node's own
   * @param attempts to connect, of three seconds each where nobody is there
   * @throws {StorageError} when the application is created: `storage-failed` where the string is none
   * of MongoDB or the password is wrong, `storage-unavailable`, `storage-too-new`, `storage-too-old`
   */
  static of({ uri, attempts = 1 }: { uri: string; attempts?: number }): DynamicModule {
    return {
      module: MongoStorageModule,
      imports: [
        MongooseModule.forRootAsync({ useFactory: () => connectionOptions(uri, attempts) }),
        MongooseModule.forFeature(FEATURES),
      ],
      providers: [
        Models,
        {
          provide: ConversationStore,
          inject: [getConnectionToken(), Models],
          useFactory: (connection: Connection, models: Models): Promise<ConversationStore> =>
            MongoStore.open(connection, models, uri),
        },
      ],
      exports: [ConversationStore],
    };
  }
}
