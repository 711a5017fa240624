import { SystemClock } from '@p2p-chat/shared';
import { StorageError } from '../../../chat/errors.js';
import type { MessageRepository } from '../../../chat/ports/message.repository.js';
import type { MessageSearch } from '../../../chat/ports/message-search.js';
import type { PeerRepository } from '../../../chat/ports/peer.repository.js';
import { ConversationIndex } from './conversation-index.js';
import { META_ID, SCHEMA_VERSION } from './meta.schema.js';
import { type Models, modelsOf } from './models.js';
import { storageErrorOf } from './mongo-errors.js';
import { MongoMessageRepository } from './mongo-message.repository.js';
import { MongoMessageSearch } from './mongo-message-search.js';
import { MongoPeerRepository } from './mongo-peer.repository.js';
import { MongoServer } from './mongo-server.js';
import { numberMessages } from './number-messages.js';
import { PeerRecords } from './peer-records.js';
import { SavingOrder } from './saving-order.js';
import { StepQueue } from './step-queue.js';
import { UnknownWrites } from './unknown-writes.js';
import { UnknownWritesFile } from './unknown-writes-file.js';

export interface MongoStorageOptions {
  /** A connection string with the name of the database, which must be this node's own. */
  uri: string;
  /**
   * The profile's data directory, in which a write whose outcome was not learnt
   * is noted, so that it is taken back also after a kill; without it, that is
   * kept in memory.
   */
  folder?: string;
}

/** Messages and peers in one MongoDB database, which this node alone uses. */
export class MongoStorage {
  readonly messages: MessageRepository;
  readonly peers: PeerRepository;
  readonly search: MessageSearch;

  private constructor(
    private readonly server: MongoServer,
    private readonly queue: StepQueue,
    messages: MessageRepository,
    peers: PeerRepository,
    private readonly searching: MongoMessageSearch,
  ) {
    this.messages = messages;
    this.peers = peers;
    this.search = searching;
  }

  /**
   * Connects, and creates collections and indexes where they are missing.
   * @throws {StorageError} `storage-unavailable` where the server is away,
   * `storage-too-new` (nothing was changed), `storage-failed` where the
   * connection string or the password is wrong
   */
  static async open({ uri, folder }: MongoStorageOptions): Promise<MongoStorage> {
    const server = await MongoServer.connect(uri);
    try {
      const models = modelsOf(server.connection);
      await prepareSchema(models);
      const clock = new SystemClock();
      const index = new ConversationIndex(models, clock);
      const fileOf = <Write>(of: 'messages' | 'peers'): UnknownWritesFile<Write> | null =>
        folder === undefined ? null : new UnknownWritesFile(folder, of);
      const unknownWrites = new UnknownWrites(models.messages, fileOf('messages'));
      await unknownWrites.recall();
      await unknownWrites.undo();
      const peers = new PeerRecords(models.peers, fileOf('peers'));
      const queue = new StepQueue(
        {
          prepare: async () => {
            await server.reachAgain();
            await unknownWrites.undo();
            await peers.undo();
            await index.load();
          },
          failed: async () => {
            index.invalidate();
            await unknownWrites.failed();
            await peers.failed();
          },
          hung: () => server.drop(),
        },
        clock,
      );
      const order = new SavingOrder(models);
      const messages = new MongoMessageRepository(models, queue, index, unknownWrites, order);
      await Promise.all([messages.countDropped(), index.load(), order.load(), peers.load()]);
      const search = new MongoMessageSearch(models, queue, order);
      return new MongoStorage(server, queue, messages, new MongoPeerRepository(models, peers, queue), search);
    } catch (error) {
      await server.drop();
      throw storageErrorOf(error);
    }
  }

  /** Finishes what was asked before and disconnects. Later calls reject. */
  async close(): Promise<void> {
    this.searching.stop();
    await this.queue.close();
    await this.server.drop();
  }
}

async function prepareSchema(models: Models): Promise<void> {
  const meta = await models.meta.findOne({ _id: { $eq: META_ID } }).lean();
  if (meta !== null && meta.schemaVersion > SCHEMA_VERSION) {
    throw new StorageError(
      'storage-too-new',
      `The message database has schema version ${meta.schemaVersion}; this program knows versions up to ${SCHEMA_VERSION}.`,
      { hint: 'It was left as it is. Start it with the newer version of p2p-chat that last used it.' },
    );
  }
  await models.messages.createIndexes();
  await models.words.createIndexes();
  await models.dropped.createIndexes();
  if (meta !== null && meta.schemaVersion < 2) await numberMessages(models);
  await models.meta.updateOne(
    { _id: { $eq: META_ID } },
    { $set: { schemaVersion: SCHEMA_VERSION } },
    { upsert: true },
  );
}
