import { randomUUID } from 'node:crypto';
import mongoose from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../../chat/errors.js';
import { packRuns } from '../../../chat/message-run.js';
import {
  incoming,
  messageRepositoryContract,
  outgoing,
  type StoragePlace,
} from '../../../chat/ports/message.repository.contract.js';
import { messageSearchContract, type SearchablePlace } from '../../../chat/ports/message-search.contract.js';
import { peerRecord, peerRepositoryContract } from '../../../chat/ports/peer.repository.contract.js';
import { META_ID, SCHEMA_VERSION } from './meta.schema.js';
import { MongoStorage } from './mongo-storage.js';
import { emptyPeerDocument, type PeerDocument } from './peer.schema.js';
import { LATE_WRITE_MS } from './unknown-writes.js';

// A connection string without a database name: each test makes its own.
const server = process.env['MONGODB_URI_TEST'];

/** The connection string with another database name. */
function withDatabase(uri: string, name: string): string {
  const [, hosts = '', options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(uri) ?? [];
  return `${hosts}/${name}${options}`;
}

async function dropDatabase(uri: string): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

function newDatabase(): string {
  return withDatabase(server ?? '', `p2p-chat-test-${randomUUID()}`);
}

function createPlace(): Promise<StoragePlace & SearchablePlace> {
  const uri = newDatabase();
  return Promise.resolve({ open: () => MongoStorage.open({ uri }), dispose: () => dropDatabase(uri) });
}

describe.skipIf(server === undefined)('with a MongoDB server (set MONGODB_URI_TEST to run these)', () => {
  messageRepositoryContract('MongoDB', createPlace);
  peerRepositoryContract('MongoDB', createPlace);
  messageSearchContract('MongoDB', createPlace);

  describe('MongoStorage', () => {
    let uri: string;

    beforeEach(() => {
      uri = newDatabase();
    });

    afterEach(() => dropDatabase(uri));

    async function raw<Result>(use: (db: mongoose.mongo.Db) => Promise<Result>): Promise<Result> {
      const connection = await mongoose.createConnection(uri).asPromise();
      try {
        if (connection.db === undefined) throw new Error('not connected');
        return await use(connection.db);
      } finally {
        await connection.close();
      }
    }

    it('has created its indexes when it is open', async () => {
      await (await MongoStorage.open({ uri })).close();
      const indexes = await raw((db) => db.collection('messages').indexes());
      expect(indexes).toContainEqual(expect.objectContaining({ key: { id: 1, author: 1 }, unique: true }));
      expect(indexes).toContainEqual(
        expect.objectContaining({
          key: { waiting: 1, conversation: 1, clock: 1 },
          partialFilterExpression: { waiting: { $exists: true } },
        }),
      );
    });

    it('refuses a database of a newer version and leaves it as it was', async () => {
      const newer = { _id: META_ID, schemaVersion: SCHEMA_VERSION + 1, news: true };
      await raw((db) => db.collection<{ _id: string }>('meta').insertOne(newer));
      const error: unknown = await MongoStorage.open({ uri }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code: 'storage-too-new' });
      expect(await raw((db) => db.collection<{ _id: string }>('meta').find().toArray())).toEqual([newer]);
      expect((await raw((db) => db.listCollections().toArray())).map((one) => one.name)).toEqual(['meta']);
    });

    it('lets search find what an earlier version saved', async () => {
      const before = await MongoStorage.open({ uri });
      await before.messages.addOutgoing([1, 2, 3].map((n) => outgoing(n, { body: `old ${n}` })));
      await before.close();
      await raw(async (db) => {
        await db.collection('messages').updateMany({}, { $unset: { n: 1 } });
        await db.collection('meta').updateMany({}, { $set: { schemaVersion: 1 } });
      });
      const storage = await MongoStorage.open({ uri });
      await storage.messages.addOutgoing([outgoing(4, { body: 'new, not old' })]);
      const found = await storage.search.search({ words: ['old'], limit: 10 });
      expect(found.map(({ body }) => body)).toEqual(['new, not old', 'old 3', 'old 2', 'old 1']);
      await storage.close();
    });

    it('knows the people whom an earlier version saved, and saves them anew', async () => {
      const before = await MongoStorage.open({ uri });
      for (const name of ['alice', 'bob']) await before.peers.save(peerRecord(name));
      await before.close();
      await raw(async (db) => {
        await db.collection('peers').updateMany({}, { $unset: { n: 1 } });
        await db.collection('meta').updateMany({}, { $set: { schemaVersion: 2 } });
      });
      const storage = await MongoStorage.open({ uri });
      const blocked = peerRecord('bob', { blocked: true });
      await storage.peers.save(blocked);
      await storage.close();
      const again = await MongoStorage.open({ uri });
      expect(await again.peers.all()).toEqual(
        expect.arrayContaining([peerRecord('alice'), blocked]) as unknown,
      );
      await again.close();
    });

    it('forgets what it put there against late writes when none can come any more', async () => {
      await (await MongoStorage.open({ uri })).close();
      const [over, recent] = [Date.now() - LATE_WRITE_MS - 1, Date.now() - LATE_WRITE_MS + 60_000];
      await raw(async (db) => {
        const refused = db.collection<{ _id: string }>('messages');
        await refused.insertOne({ _id: 'refused/1', id: '1', author: 'a', sentAt: over } as { _id: string });
        await refused.insertOne({ _id: 'refused/2', id: '2', author: 'a', sentAt: recent } as {
          _id: string;
        });
        const nobody = db.collection<PeerDocument>('peers');
        await nobody.insertMany([emptyPeerDocument('1', 1, over), emptyPeerDocument('2', 2, recent)]);
      });
      const storage = await MongoStorage.open({ uri });
      expect(await storage.peers.all()).toEqual([]);
      await storage.close();
      const left = await raw(async (db) => [
        ...(await db.collection<{ _id: string }>('messages').find().toArray()),
        ...(await db.collection<{ _id: string }>('peers').find().toArray()),
      ]);
      expect(left.map(({ _id }) => _id)).toEqual(['refused/2', '2']);
    });

    it('keeps two users of one server apart', async () => {
      const otherUri = newDatabase();
      const [one, other] = await Promise.all([
        MongoStorage.open({ uri }),
        MongoStorage.open({ uri: otherUri }),
      ]);
      const message = outgoing(1);
      await one.messages.addOutgoing([message]);
      expect(await other.messages.conversations()).toEqual([]);
      expect(await other.messages.addIncoming([message])).toEqual([true]);
      await one.close();
      await other.close();
      await dropDatabase(otherUri);
    });

    it('does not take an operator for an id', async () => {
      const storage = await MongoStorage.open({ uri });
      await storage.messages.addOutgoing([outgoing(1)]);
      const operator = { $gt: '' } as unknown as string;
      const { conversationId } = outgoing(1);
      const calls = [
        storage.messages.find(conversationId, operator),
        storage.messages.history(conversationId, { before: operator, limit: 1 }),
        storage.messages.history(operator, { limit: 1 }),
        storage.messages.setState(conversationId, [operator], 'delivered'),
        storage.messages.setState(operator, [outgoing(1).id], 'delivered'),
        storage.messages.queued(operator, '', 10, 10),
        storage.messages.queued(conversationId, operator, 10, 10),
        storage.messages.markRead(operator, null, { limit: 1, receipts: true }),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') expect(outcome.value).toEqual([]);
        else expect(outcome.reason).toMatchObject({ code: 'storage-failed' });
      }
      expect(await storage.messages.conversation(conversationId)).toMatchObject({ queued: 1 });
      await storage.close();
    });

    it('counts what was dropped, and keeps no trace of it among the messages', async () => {
      const storage = await MongoStorage.open({ uri });
      const messages = Array.from({ length: 6 }, (_, n) => incoming(n + 1));
      const { conversationId } = messages[0]!;
      await Promise.all([
        storage.messages.addDropped(packRuns(messages.slice(0, 2))),
        storage.messages.addDropped(packRuns(messages.slice(2, 5))),
      ]);
      await storage.messages.addDropped(packRuns(messages.slice(4)));
      await storage.close();
      await (await MongoStorage.open({ uri })).close();
      expect(await raw((db) => db.collection('droppedTotals').find().toArray())).toEqual([
        { _id: conversationId, count: 6 },
      ]);
      expect(await raw((db) => db.collection('dropped').countDocuments())).toBe(0);
      expect(await raw((db) => db.collection('messages').countDocuments())).toBe(0);
    });
  });
});

describe('MongoStorage.open', () => {
  it('is unavailable where no server is', async () => {
    const uri = 'mongodb://%2Fnonexistent%2Fmongodb-27017.sock/p2p-chat';
    await expect(MongoStorage.open({ uri })).rejects.toMatchObject({ code: 'storage-unavailable' });
  }, 10_000);

  it.each([
    'postgres://127.0.0.1/p2p-chat',
    'mongodb://',
    'nonsense',
    'mongodb://%2/x',
    'mongodb://h:99999/x',
  ])('refuses %s with what is wrong', async (uri) => {
    const error: unknown = await MongoStorage.open({ uri }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({
      code: 'storage-failed',
      hint: expect.stringContaining('mongodb://') as string,
    });
  });
});
