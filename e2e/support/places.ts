import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';

/** An empty place for a store. */
export interface Place {
  /** The path of a file of SQLite, or a connection string of MongoDB. */
  target: string;
  dispose(): Promise<void>;
}

export async function sqlitePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-e2e-'));
  return { target: join(folder, 'messages.sqlite'), dispose: () => rm(folder, { recursive: true }) };
}

/** @param server connection string of a server for tests, without a database */
export function mongoPlace(server: string): Promise<Place> {
  const target = `${server.replace(/\/$/, '')}/p2p-chat-e2e-${randomUUID()}`;
  return Promise.resolve({
    target,
    dispose: async () => {
      const connection = await mongoose.createConnection(target).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  });
}
