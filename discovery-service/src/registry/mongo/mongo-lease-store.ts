import { randomBytes } from 'node:crypto';
import mongoose, { type Connection } from 'mongoose';
import type { AgedRecord, LeaseRecord } from '../lease-record.js';
import { LeaseStore } from '../lease-store.js';
import { LeaseDocument, LeaseSchema } from './lease.schema.js';
import { putLease } from './put-lease.js';
import { ReplicaDocument, ReplicaSchema } from './replica.schema.js';

/** How long a call waits for a server that is away; leases are held back meanwhile. */
const SERVER_SELECTION_TIMEOUT_MS = 2_000;
/** How long a connection may take. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Silence in mid-call after which a connection counts as broken. */
const SOCKET_TIMEOUT_MS = 5_000;
/** How often a server that answers is asked whether it lives. */
const HEARTBEAT_MS = 2_000;
/** One exchange at a time, and the driver's own. */
const MAX_CONNECTIONS = 2;
/** The database where the connection string names none. */
const DATABASE = 'p2p-chat-discovery';
const DUPLICATE_KEY = 11_000;

type Opened = { connection: Connection } & ReturnType<typeof modelsOf>;

const { MongoBulkWriteError } = mongoose.mongo;

/**
 * Leases in a MongoDB database. No change stream and no transaction is needed:
 * each replica counts its writes, writes one batch after the other, and notes
 * when one is complete; the others read what it wrote above the last count
 * that they know.
 */
export class MongoLeaseStore extends LeaseStore {
  /** Of this run: another one starts to count anew. */
  readonly #id = randomBytes(9).toString('base64url');
  readonly #cursors = new Map<string, number>();
  #version = 0;
  #open: Opened | null = null;

  /** @param uri a connection string, see {@link isConnectionString} */
  constructor(private readonly uri: string) {
    super();
  }

  async open(): Promise<void> {
    await this.close();
    const named = /^[^/]*\/\/[^/]+\/[^?]/.test(this.uri);
    const connection = mongoose.createConnection(this.uri, {
      ...(named ? {} : { dbName: DATABASE }),
      appName: 'p2p-chat-discovery',
      autoCreate: false,
      autoIndex: false,
      bufferCommands: false,
      connectTimeoutMS: CONNECT_TIMEOUT_MS,
      heartbeatFrequencyMS: HEARTBEAT_MS,
      maxPoolSize: MAX_CONNECTIONS,
      serverSelectionTimeoutMS: SERVER_SELECTION_TIMEOUT_MS,
      socketTimeoutMS: SOCKET_TIMEOUT_MS,
      // A withdrawal that was confirmed survives a failover.
      writeConcern: { w: 'majority' },
    });
    const opened = { connection, ...modelsOf(connection) };
    this.#open = opened;
    await connection.asPromise();
    await opened.leases.createIndexes();
    await opened.replicas.createIndexes();
    await this.#seeOthers();
  }

  async all(): Promise<AgedRecord[]> {
    return this.#aged(await this.#opened.leases.find().lean());
  }

  async write(records: readonly LeaseRecord[]): Promise<string[]> {
    this.#version += 1;
    const written = { by: this.#id, version: this.#version };
    const outdated = await this.#put(records, written);
    await this.#opened.replicas.updateOne(
      { _id: { $eq: this.#id } },
      { $set: { version: this.#version }, $currentDate: { writtenAt: true } },
      { upsert: true },
    );
    return outdated;
  }

  async read(keys: readonly string[]): Promise<AgedRecord[]> {
    return this.#aged(await this.#opened.leases.find({ _id: { $in: [...keys] } }).lean());
  }

  async changes(): Promise<AgedRecord[]> {
    const others = [...this.#cursors].map(([by, version]) => ({ by, version: { $gt: version } }));
    const complete = await this.#opened.replicas.find({ _id: { $ne: this.#id } }).lean();
    for (const { _id: by } of complete) {
      if (!this.#cursors.has(by)) others.push({ by, version: { $gt: 0 } });
    }
    if (others.length === 0) return [];
    const changed = await this.#opened.leases.find({ $or: others }).lean();
    // Those of a batch that is not complete come again with the rest of it.
    for (const { _id: by, version } of complete) this.#cursors.set(by, version);
    return this.#aged(changed);
  }

  async close(): Promise<void> {
    const opened = this.#open;
    this.#open = null;
    await opened?.connection.close(true).catch(() => undefined);
  }

  async #seeOthers(): Promise<void> {
    for (const { _id, version } of await this.#opened.replicas.find().lean()) {
      if (!this.#cursors.has(_id)) this.#cursors.set(_id, version);
    }
  }

  async #put(records: readonly LeaseRecord[], written: { by: string; version: number }): Promise<string[]> {
    try {
      await this.#opened.leases.bulkWrite(
        records.map((record) => putLease(record, written)),
        { ordered: false },
      );
      return [];
    } catch (error) {
      return outdatedBy(error).map((index) => records[index]!.key);
    }
  }

  async #aged(documents: readonly LeaseDocument[]): Promise<AgedRecord[]> {
    if (documents.length === 0) return [];
    const now = await this.#now();
    return documents.map((document) => ({
      record: recordOf(document),
      ageMs: Math.max(0, now - document.renewedAt.getTime()),
    }));
  }

  async #now(): Promise<number> {
    const { localTime } = (await this.#opened.connection.db!.command({ hello: 1 })) as { localTime: Date };
    return localTime.getTime();
  }

  get #opened(): Opened {
    if (this.#open === null) throw new Error('the store is not open');
    return this.#open;
  }
}

/** Whether the driver takes it for a connection string. Connects to nothing. */
export function isConnectionString(uri: string): boolean {
  try {
    new mongoose.mongo.MongoClient(uri);
    return true;
  } catch {
    // Errors of several libraries; what they say repeats the password.
    return false;
  }
}

function modelsOf(connection: Connection) {
  return {
    leases: connection.model(LeaseDocument.name, LeaseSchema),
    replicas: connection.model(ReplicaDocument.name, ReplicaSchema),
  };
}

// A put whose key is there and counts more becomes an insert of a second one.
function outdatedBy(error: unknown): number[] {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined)
    throw error;
  const failures = [error.writeErrors].flat();
  if (failures.length === 0 || failures.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
  return failures.map(({ index }) => index);
}

function recordOf({ _id: key, seq, announcement, json }: LeaseDocument): LeaseRecord {
  if (json === undefined || json === null) return { kind: 'withdrawn', key, seq: seq ?? 0 };
  if (seq === undefined || announcement === undefined) return { kind: 'plain', key, json };
  return { kind: 'signed', key, seq, announcement, json };
}
