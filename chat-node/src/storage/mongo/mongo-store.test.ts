import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { type Batch, tipOf } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StorageError } from '../../core/errors.js';
import { type Change, ConversationStore } from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { conversationStoreContract } from '../contract/conversation-store.contract.js';
import { META_ID, SCHEMA_VERSION } from './documents.js';
import { MongoStorageModule } from './mongo-storage.module.js';

// A connection string without a database name: each test makes its own.
const server = process.env['MONGODB_URI_TEST'];
const ALL = { batches: 1_000, bytes: Number.MAX_SAFE_INTEGER };

/** The connection string with another database name. */
function withDatabase(uri: string, name: string): string {
  const [, hosts = '', options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(uri) ?? [];
  return `${hosts}/${name}${options}`;
}

function newDatabase(): string {
  return withDatabase(server ?? '', `p2p-chat-test-${randomUUID()}`);
}

async function raw<Result>(uri: string, use: (db: mongoose.mongo.Db) => Promise<Result>): Promise<Result> {
  const connection = await mongoose.createConnection(uri).asPromise();
  try {
    if (connection.db === undefined) throw new Error('not connected');
    return await use(connection.db);
  } finally {
    await connection.close();
  }
}

const dropDatabase = (uri: string): Promise<unknown> => raw(uri, (db) => db.dropDatabase());

/** The store as the node gets it; its connection ends with it. */
async function open(uri: string): Promise<ConversationStore> {
  const app = await NestFactory.createApplicationContext(MongoStorageModule.of({ uri }), {
    logger: false,
    abortOnError: false,
  });
  const store = app.get(ConversationStore);
  const close = store.close.bind(store);
  store.close = async () => {
    await close();
    await app.close();
  };
  return store;
}

describe.skipIf(server === undefined)('with a MongoDB server (set MONGODB_URI_TEST to run these)', () => {
  conversationStoreContract('MongoDB', () => {
    const uri = newDatabase();
    return Promise.resolve({
      open: () => open(uri),
      dispose: () => dropDatabase(uri).then(() => undefined),
    });
  });

  describe('MongoStore', () => {
    const conversation = testConversation('Alice', 'Bob');
    let uri: string;
    let alice: TestFeed;

    beforeEach(() => {
      uri = newDatabase();
      alice = new TestFeed('Alice', conversation);
    });

    afterEach(() => dropDatabase(uri));

    const direct: Change = {
      type: 'conversation',
      record: { id: conversation, kind: 'direct', peerId: 'x', seen: [] },
    };
    const append = (batch: Batch, key?: string): Change => ({
      type: 'append',
      batch,
      keys: key === undefined ? [] : [{ key, seq: batch.first }],
    });
    const tips = async (store: ConversationStore): Promise<string[]> =>
      (await store.conversations()).flatMap(({ feeds }) =>
        feeds.flatMap((feed) => feed.tips.map(({ hash }) => hash)),
      );

    it('finds what a batch says that landed after later ones were in the index', async () => {
      const killed = await open(uri);
      await killed.commit([direct, append(alice.batch(['late'], { clock: testClock(1) }))]);
      const batches = (db: mongoose.mongo.Db) => db.collection('batches');
      const late = (await raw(uri, (db) => batches(db).findOneAndDelete({}))) ?? {};
      const store = await open(uri);
      alice.newSegment();
      await store.commit([append(alice.batch(['soon'], { clock: testClock(2) }))]);
      expect(await store.search({ words: ['soon'], limit: 9 })).toHaveLength(1);
      await raw(uri, (db) => batches(db).insertOne(late));
      expect(await store.search({ words: ['late'], limit: 9 })).toHaveLength(1);
      await store.close();
      await killed.close();
    });

    it('knows after a kill what the batches say of their segments', async () => {
      const killed = await open(uri);
      const first = alice.batch(['1'], { clock: testClock(1) });
      alice.newSegment();
      const second = alice.batch(['2'], { clock: testClock(2), follows: [tipOf(first)] });
      const third = alice.batch(['3'], { clock: testClock(3) });
      await killed.commit([direct, append(first), append(second)]);
      await killed.commit([append(third)]);
      const store = await open(uri);
      expect(await tips(store)).toEqual([third.hash]);
      const segments = await store.segments(conversation, alice.author);
      expect(segments.toSorted((a, b) => a.tip.seq - b.tip.seq)).toMatchObject([
        { tip: tipOf(first), links: [] },
        { tip: tipOf(third), links: [{ first: 1, follows: [tipOf(first)] }] },
      ]);
      expect(await store.conversations()).toMatchObject([{ lastClock: testClock(3) }]);
      const fourth = alice.batch(['4'], { clock: testClock(4) });
      await store.commit([append(fourth)]);
      expect(await tips(store)).toEqual([fourth.hash]);
      await store.close();
      await killed.close();
    });

    it('takes a write of an earlier start that lands late for one more tip', async () => {
      const killed = await open(uri);
      const [first, late] = [1, 2].map((ms) => alice.batch([`text ${ms}`], { clock: testClock(ms) }));
      await killed.commit([direct, append(first as Batch)]);
      const store = await open(uri);
      alice.newSegment();
      const next = alice.batch(['3'], { clock: testClock(3), follows: [tipOf(first as Batch)] });
      await store.commit([append(next)]);
      await killed.commit([append(late as Batch)]);
      await store.close();
      const again = await open(uri);
      expect((await tips(again)).toSorted()).toEqual([next.hash, (late as Batch).hash].toSorted());
      const found = await again.search({ words: ['text'], limit: 9 });
      expect(found).toMatchObject([{ seq: 2 }, { seq: 1 }]);
      await again.close();
      await killed.close();
    });

    it('erases at the next start what a crash left of what was deleted', async () => {
      const store = await open(uri);
      const text = alice.batch(['canary'], { clock: testClock(1) });
      const told = alice.batch(['deleted'], { clock: testClock(2) });
      await store.commit([direct, append(text)]);
      const { author, segment } = text;
      const erase: Change = { type: 'erase', conversation, author, segment, seqs: [1] };
      // What cannot be read cannot be erased: the batch that tells why is there then, as after a kill.
      const spoil = (bytes: Buffer) =>
        raw(uri, (db) => db.collection('batches').updateOne({ hash: text.hash }, { $set: { bytes } }));
      await spoil(Buffer.from('spoilt'));
      await expect(store.commit([append(told), erase])).rejects.toThrow();
      await spoil(Buffer.from(text.bytes));
      await store.close();
      const isKept = async (): Promise<boolean> => {
        const all = await raw(uri, (db) => db.collection('batches').find({}, { raw: true }).toArray());
        return all.some((one) => Buffer.from(one as unknown as Uint8Array).includes('canary'));
      };
      expect(await isKept()).toBe(true);
      const next = await open(uri);
      expect(await isKept()).toBe(false);
      expect(await next.batches(conversation, author, 0, ALL)).toHaveLength(2);
      await next.close();
      expect(
        await raw(uri, (db) => db.collection('batches').countDocuments({ erasures: { $exists: true } })),
      ).toBe(0);
    });

    it('leaves a newer record where an older write lands late', async () => {
      const late = await open(uri);
      const store = await open(uri);
      const record = { id: conversation, kind: 'direct' as const, peerId: 'new', seen: [] };
      await store.commit([{ type: 'conversation', record }]);
      await late.commit([direct]);
      expect(await store.conversations()).toMatchObject([{ record }]);
      await store.close();
      await late.close();
    });

    it('refuses a key that a write which it does not know of has taken, and finds the key next time', async () => {
      const store = await open(uri);
      const bob = new TestFeed('Bob', conversation);
      await store.commit([direct, append(bob.batch(['2'], { clock: testClock(2) }), 'once')]);
      const again = append(alice.batch(['1'], { clock: testClock(1) }), 'once');
      await expect(store.commit([again])).rejects.toMatchObject({ code: 'key-taken', outcome: 'none' });
      await store.close();
    });

    it('gives the space of dropped batches back', async () => {
      const store = await open(uri);
      const batch = alice.batch(['x'], { clock: testClock(1) });
      await store.commit([direct, { type: 'receive', batch, receivedAt: 1, dropped: true }]);
      const bytes = (): Promise<(number | null)[]> =>
        raw(uri, async (db) =>
          (await db.collection<{ bytes?: mongoose.mongo.Binary }>('batches').find().toArray()).map(
            (one) => one.bytes?.length() ?? null,
          ),
        );
      expect(await bytes()).toEqual([batch.bytes.length]);
      await store.search({ words: ['x'], limit: 1 });
      expect(await bytes()).toEqual([null]);
      await store.close();
    });

    it('does not take an operator for an id', async () => {
      const store = await open(uri);
      const batch = alice.batch(['1'], { clock: testClock(1) });
      await store.commit([direct, append(batch, 'key')]);
      const operator = { $gt: '' } as unknown as string;
      const calls = [
        store.find(operator),
        store.keyed(operator, 'key'),
        store.keyed(conversation, operator),
        store.segments(conversation, operator),
        store.segments(operator, alice.author),
        store.batches(conversation, operator, 0, ALL),
        store.before(operator, { clock: 'f'.repeat(16), position: 9 }, 9),
        store.around(operator, testClock(1)),
      ];
      for (const outcome of await Promise.allSettled<unknown>(calls)) {
        if (outcome.status === 'fulfilled') expect(outcome.value ?? []).toEqual([]);
        else expect(outcome.reason).toMatchObject({ code: 'storage-failed' });
      }
      await store.close();
    });

    it.each([
      [SCHEMA_VERSION + 1, 'storage-too-new'],
      [3, 'storage-too-old'],
    ])('refuses a database of version %i and leaves it as it was', async (schemaVersion, code) => {
      const meta = { _id: META_ID, schemaVersion };
      await raw(uri, (db) => db.collection<{ _id: string }>('meta').insertOne(meta));
      const error: unknown = await open(uri).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageError);
      expect(error).toMatchObject({ code });
      expect(await raw(uri, (db) => db.collection<{ _id: string }>('meta').find().toArray())).toEqual([meta]);
      expect((await raw(uri, (db) => db.listCollections().toArray())).map((one) => one.name)).toEqual([
        'meta',
      ]);
    });
  });
});

describe('MongoStorageModule', () => {
  it('is unavailable where no server is', async () => {
    const uri = 'mongodb://%2Fnonexistent%2Fmongodb-27017.sock/p2p-chat';
    await expect(open(uri)).rejects.toMatchObject({ code: 'storage-unavailable' });
  }, 10_000);

  it.each([
    'postgres://127.0.0.1/p2p-chat',
    'mongodb://',
    'nonsense',
    'mongodb://%2/x',
    'mongodb://h:99999/x',
  ])('refuses %s with what is wrong', async (uri) => {
    await expect(open(uri)).rejects.toMatchObject({
      code: 'storage-failed',
      hint: expect.stringContaining('mongodb://') as string,
    });
  });
});
