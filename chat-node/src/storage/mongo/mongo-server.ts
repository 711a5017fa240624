import type { MongooseModuleFactoryOptions } from '@nestjs/mongoose';
import mongoose, { type Connection } from 'mongoose';
import { StorageError } from '../../core/errors.js';
import { storageErrorOf } from './mongo-errors.js';

/** How long a call waits for a server that is away: its restart is bridged, a person is not kept waiting. */
const SERVER_SELECTION_TIMEOUT_MS = 2_000;
/** How long a connection may take, and a sign of life that is asked for every ten seconds. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Silence on a connection in mid-call after which it counts as broken: a slow disk manages, a person still waits. The connection string may say otherwise. */
const SOCKET_TIMEOUT_MS = 10_000;
/** From one attempt to connect to the next, at a start. */
const RETRY_MS = 1_000;
/** One writes, a few read. */
const MAX_CONNECTIONS = 4;

const OPTIONS = {
  appName: 'p2p-chat',
  autoCreate: false,
  autoIndex: false,
  bufferCommands: false,
  connectTimeoutMS: CONNECT_TIMEOUT_MS,
  maxPoolSize: MAX_CONNECTIONS,
  serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
  // A promise kept is one that a power cut keeps.
  writeConcern: { w: 'majority', j: true },
} as const;

/**
 * What `MongooseModule.forRootAsync` takes.
 * @param attempts to connect at a start
 * @throws {StorageError} `storage-failed` where the string is none of MongoDB
 */
export function connectionOptions(uri: string, attempts: number): MongooseModuleFactoryOptions {
  requireConnectionString(uri);
  return {
    uri,
    ...optionsFor(uri),
    retryAttempts: attempts,
    retryDelay: RETRY_MS,
    connectionErrorFactory: storageErrorOf,
  };
}

/**
 * Connects anew where the server was lost.
 *
 * The driver looks for a server that was lost by itself, but not always: where
 * the connection that it watches the server over ends while it writes to it,
 * it waits for ever (driver 7.8, with servers that do not stream their state).
 * So it is connected anew for the call that needs it.
 * @throws where it is still away
 */
export async function reachAgain(connection: Connection, uri: string): Promise<void> {
  if (connection.readyState === mongoose.ConnectionStates.connected) return;
  // Not by force, after which Mongoose would not let the models be used again.
  await connection.close();
  await connection.openUri(uri, optionsFor(uri));
}

function optionsFor(uri: string): typeof OPTIONS & { socketTimeoutMS?: number } {
  return /[?&]socketTimeoutMS=/i.test(uri) ? OPTIONS : { ...OPTIONS, socketTimeoutMS: SOCKET_TIMEOUT_MS };
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
