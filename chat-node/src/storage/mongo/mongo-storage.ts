import mongoose, { type Connection } from 'mongoose';
import { StorageError } from '../../chat/errors.js';
import type { MessageRepository } from '../../chat/ports/message.repository.js';
import type { MessageSearch } from '../../chat/ports/message-search.js';
import type { PeerRepository } from '../../chat/ports/peer.repository.js';
import { ConversationIndex } from './conversation-index.js';
import { META_ID, SCHEMA_VERSION } from './meta.schema.js';
import { type Models, modelsOf } from './models.js';
import { storageErrorOf } from './mongo-errors.js';
import { MongoMessageRepository } from './mongo-message.repository.js';
import { MongoMessageSearch } from './mongo-message-search.js';
import { MongoPeerRepository } from './mongo-peer.repository.js';
import { numberMessages } from './number-messages.js';
import { SavingOrder } from './saving-order.js';
import { StepQueue } from './step-queue.js';
import { UnknownWrites } from './unknown-writes.js';

export interface MongoStorageOptions {
  /** A connection string with the name of the database, which must be this node's own. */
  uri: string;
}

/** How long a call waits for a server that is away. */
const SERVER_SELECTION_TIMEOUT_MS = 5_000;
/** How long a connection may take. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Silence on a connection in mid-call after which it counts as broken: a slow disk manages. */
const SOCKET_TIMEOUT_MS = 20_000;
/** One writes, a few read. */
const MAX_CONNECTIONS = 4;

/** Messages and peers in one MongoDB database, which this node alone uses. */
export class MongoStorage {
  readonly messages: MessageRepository;
  readonly peers: PeerRepository;
  readonly search: MessageSearch;

  private constructor(
    private readonly connection: Connection,
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
  static async open({ uri }: MongoStorageOptions): Promise<MongoStorage> {
    const connection = await connect(uri);
    try {
      const models = modelsOf(connection);
      await prepareSchema(models);
      const index = new ConversationIndex(models);
      const unknownWrites = new UnknownWrites(models.messages);
      const queue = new StepQueue(
        async () => {
          await unknownWrites.undo();
          await index.load();
        },
        () => index.invalidate(),
      );
      const order = new SavingOrder(models);
      const messages = new MongoMessageRepository(models, queue, index, unknownWrites, order);
      await Promise.all([messages.countDropped(), index.load(), order.load()]);
      const search = new MongoMessageSearch(models, queue, order);
      return new MongoStorage(connection, queue, messages, new MongoPeerRepository(models, queue), search);
    } catch (error) {
      await connection.close(true);
      throw storageErrorOf(error);
    }
  }

  /** Finishes what was asked before and disconnects. Later calls reject. */
  async close(): Promise<void> {
    this.searching.stop();
    await this.queue.close();
    await this.connection.close();
  }
}

async function connect(uri: string): Promise<Connection> {
  requireConnectionString(uri);
  try {
    return await mongoose
      .createConnection(uri, {
        appName: 'p2p-chat',
        autoCreate: false,
        autoIndex: false,
        bufferCommands: false,
        connectTimeoutMS: CONNECT_TIMEOUT_MS,
        maxPoolSize: MAX_CONNECTIONS,
        serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
        socketTimeoutMS: SOCKET_TIMEOUT_MS,
        // A promise kept is one that a power cut keeps.
        writeConcern: { w: 'majority', j: true },
      })
      .asPromise();
  } catch (error) {
    throw storageErrorOf(error);
  }
}

function requireConnectionString(uri: string): void {
  try {
    // Reads the string and connects to nothing. It throws errors of several
    // libraries, so that only the place tells them from others.
    new mongoose.mongo.MongoClient(uri);
  } catch (error) {
    throw new StorageError('storage-failed', 'MONGODB_URI is not a connection string of MongoDB.', {
      hint: 'It looks like mongodb://127.0.0.1:27017/p2p-chat.',
      cause: error,
    });
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
