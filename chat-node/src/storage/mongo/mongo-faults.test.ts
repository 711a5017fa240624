import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { type Batch, tipOf } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Change, ConversationStore } from '../../core/ports/conversation.store.js';
import { testClock, testConversation, TestFeed } from '../../testing/feeds.js';
import { MongoStorageModule } from './mongo-storage.module.js';

const target = process.env['MONGODB_URI_TEST'];
const ALL = { batches: 1_000, bytes: Number.MAX_SAFE_INTEGER };
/** Silence in mid-call that ends it: the production value would make each test long. */
const SILENCE_MS = 1_000;

/** Stands between the store and the server, and is at fault. */
class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Whether what the server answers is lost, as where it hangs. */
  isMute = false;
  #isAway = false;

  private constructor(host: string, port: number) {
    this.#server = createServer((near) => {
      if (this.#isAway) return near.destroy();
      const far = connect(port, host);
      near.on('data', (data) => far.write(data));
      far.on('data', (data) => this.isMute || near.write(data));
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
      return undefined;
    });
  }

  static async start(uri: string): Promise<Relay> {
    const { hostname, port } = new URL(uri.replace(/^mongodb:/, 'http:'));
    const relay = new Relay(hostname, Number(port === '' ? 27017 : port));
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  leave(): void {
    this.#isAway = true;
    this.cut();
  }

  comeBack(): void {
    this.#isAway = false;
    this.isMute = false;
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.leave();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe.skipIf(target === undefined)('MongoStore behind a bad line (set MONGODB_URI_TEST)', () => {
  const conversation = testConversation('Alice', 'Bob');
  let relay: Relay;
  let name: string;
  let close: () => Promise<void>;
  let store: ConversationStore;
  let alice: TestFeed;
  let ms: number;

  beforeEach(async () => {
    relay = await Relay.start(target ?? '');
    name = `p2p-chat-test-${randomUUID()}`;
    alice = new TestFeed('Alice', conversation);
    ms = 0;
    await start();
    await store.commit([direct(conversation), append(next())]);
  });

  afterEach(async () => {
    await close();
    await relay.stop();
    const connection = await mongoose.createConnection(target ?? '', { dbName: name }).asPromise();
    await connection.dropDatabase();
    await connection.close();
  });

  async function start(): Promise<void> {
    const uri = `mongodb://127.0.0.1:${relay.port}/${name}?directConnection=true&socketTimeoutMS=${SILENCE_MS}`;
    const app = await NestFactory.createApplicationContext(MongoStorageModule.of({ uri }), {
      logger: false,
      abortOnError: false,
    });
    store = app.get(ConversationStore);
    close = async () => {
      await store.close();
      await app.close();
    };
  }
  const direct = (id: string): Change => ({
    type: 'conversation',
    record: { id, kind: 'direct', peerId: 'x', seen: [] },
  });
  const append = (batch: Batch): Change => ({ type: 'append', batch, keys: [] });
  const next = (): Batch => alice.batch(['text'], { clock: testClock((ms += 1)) });
  const firsts = async (): Promise<number[]> =>
    (await store.batches(conversation, alice.author, 0, ALL)).map(({ batch }) => batch.first);
  /** A commit that is done without being told. */
  const loseAnswer = async (changes: readonly Change[]): Promise<void> => {
    relay.isMute = true;
    await expect(store.commit(changes)).rejects.toMatchObject({
      code: 'storage-unavailable',
      outcome: 'unknown',
    });
    relay.comeBack();
    relay.cut();
  };
  /** Commits the same changes until they are done, as every caller does. */
  const repeat = async (changes: readonly Change[], attempts = 5): Promise<void> => {
    try {
      await store.commit(changes);
    } catch (error) {
      if (attempts === 1) throw error;
      await repeat(changes, attempts - 1);
    }
  };

  it('keeps once what is committed again because its answer was lost', async () => {
    const changes = [append(next()), append(next())];
    await loseAnswer(changes);
    await repeat(changes);
    await store.commit([append(next())]);
    expect(await firsts()).toEqual([1, 2, 3, 4]);
  }, 30_000);

  it('tells of every segment and tip, also after a commit of another feed failed', async () => {
    const other = testConversation('Alice', 'Carol');
    const carol = new TestFeed('Alice', other);
    const first = carol.batch(['1'], { clock: testClock(1) });
    carol.newSegment();
    const second = carol.batch(['2'], { clock: testClock(2), follows: [tipOf(first)] });
    await store.commit([direct(other), append(first)]);
    await store.commit([append(second)]);
    const changes = [append(next())];
    await loseAnswer(changes);
    await repeat(changes);
    expect(await store.segments(other, carol.author)).toHaveLength(2);
    const tips = (await store.conversations()).flatMap(({ feeds }) => feeds.flatMap((feed) => feed.tips));
    expect(tips.map(({ seq, segment }) => [segment, seq]).toSorted()).toEqual(
      [
        [alice.segment, 2],
        [second.segment, 1],
      ].toSorted(),
    );
  }, 30_000);

  it('reads again when the server is back, whether or not anything is written', async () => {
    // As after a restart of the server while it was being looked for.
    relay.isMute = true;
    await expect(store.check()).rejects.toMatchObject({ code: 'storage-unavailable' });
    relay.leave();
    await expect(store.commit([append(next())])).rejects.toMatchObject({ code: 'storage-unavailable' });
    await expect(store.commit([append(next())])).rejects.toMatchObject({ code: 'storage-unavailable' });
    relay.comeBack();
    expect(await firsts()).toEqual([1]);
  }, 30_000);

  it('answers about segments while commits are asked for', async () => {
    const [segments] = await Promise.all([
      store.segments(conversation, alice.author),
      store.commit([append(next())]),
      store.conversations(),
      store.commit([append(next())]),
    ]);
    expect(segments).toHaveLength(1);
    expect(await firsts()).toEqual([1, 2, 3]);
  });
});
