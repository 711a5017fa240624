import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import {
  encodeJsonFrame,
  encodeRun,
  encodeWireFrame,
  FEATURES,
  FrameDecoder,
  newMessageId,
  SystemClock,
  type WireFrame,
  type WireMessage,
} from '@p2p-chat/shared';
import mongoose from 'mongoose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { composeChat, type Storage } from './app.module.js';
import type { Chat } from './chat/chat.js';
import { directConversationId } from './chat/conversation.js';
import { readConfig } from './runtime/config.js';
import type { Identity } from './profile/keystore.js';
import { MongoStorage } from './storage/old/mongo/mongo-storage.js';
import { SqliteStorage } from './storage/old/sqlite/sqlite-storage.js';
import { testIdentity } from './testing/identities.js';
import { recordingLogger } from './testing/recording-logger.js';
import { tlsOptions } from './transport/tls-options.js';

// A worker thread runs built code.
const workerUrl = new URL('../dist/storage/old/sqlite/sqlite-worker.js', import.meta.url);
// A connection string without a database name.
const server = process.env['MONGODB_URI_TEST'];
const LOCALHOST = '127.0.0.1';
/** Messages of each side whose acks are timed. */
const SAMPLES = 200;
/**
 * How often a value of the one side is less than one of the other, where both
 * are drawn alike, is a half; for so many samples it strays by 0.029, so this
 * is more than eight times that: it happens by chance less than once in 10^15
 * runs, and whatever is this far off, a person with a stop watch could see.
 */
const ALIKE = { least: 0.25, most: 0.75 };

const cleanUp: (() => unknown)[] = [];
let storage: Storage;
let chat: Chat;
let port: number;
let eve: Identity, carol: Identity;

/** Starts Bob's node on a storage of its own. */
async function start(open: (folder: string) => Promise<Storage>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'p2p-chat-'));
  cleanUp.push(() => rm(folder, { recursive: true }));
  storage = await open(folder);
  cleanUp.push(() => storage.close());
  const config = readConfig({
    P2P_CHAT_USER: 'Bob',
    P2P_CHAT_HOME: folder,
    P2P_CHAT_HOST: LOCALHOST,
    P2P_CHAT_PORT: '0',
    P2P_CHAT_MDNS: 'off',
    P2P_CHAT_SAME_MACHINE: 'off',
    DISCOVERY_URLS: '',
  });
  const settings = { user: 'Bob', presence: 'online', status: '', receipts: true, typing: true } as const;
  const profile = { settings, store: { save: async () => undefined } };
  const identity = await testIdentity('bob');
  [eve, carol] = (await Promise.all(['eve', 'carol'].map(testIdentity))) as [Identity, Identity];
  const { logger } = recordingLogger();
  const clock = new SystemClock();
  ({ chat } = composeChat({ config, profile, identity, storage, clock, random: Math.random, logger }));
  port = await chat.start();
  cleanUp.push(() => chat.stop());
  // Both know Bob, as people who are blocked mostly do; then Bob blocks one of them.
  for (const { peerId } of [eve, carol]) await chat.accept(peerId);
  await chat.setBlocked(eve.peerId, true);
}

const openSqlite = (folder: string): Promise<Storage> =>
  SqliteStorage.open({ file: join(folder, 'messages.db'), workerUrl });

function openMongo(): Promise<Storage> {
  const uri = `${server?.replace(/\/$/, '')}/p2p-chat-test-${randomUUID()}`;
  cleanUp.push(async () => {
    const connection = await mongoose.createConnection(uri).asPromise();
    await connection.dropDatabase();
    await connection.close();
  });
  return MongoStorage.open({ uri });
}

afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** What is timed: a message of this text, or its second arrival. */
interface Sample {
  body: string;
  /** So many at once; 1 where it is not said. */
  count?: number;
  repeated?: boolean;
}

/** One end of a link by hand, which sees whatever Bob's node lets it see. */
class Onlooker {
  readonly received: WireFrame[] = [];
  readonly sent: string[] = [];
  closed = false;
  #wake: (() => void) | null = null;

  private constructor(readonly socket: TLSSocket) {
    const decoder = new FrameDecoder();
    socket.on('error', () => undefined).on('close', () => ((this.closed = true), this.#wake?.()));
    socket.on('data', (chunk: Buffer) => {
      for (const { payload } of decoder.push(chunk)) {
        this.received.push(JSON.parse(payload.toString()) as WireFrame);
      }
      this.#wake?.();
    });
  }

  static async link(identity: Identity): Promise<Onlooker> {
    const socket = connect({ ...tlsOptions(identity), host: LOCALHOST, port });
    cleanUp.push(() => socket.destroy());
    const onlooker = new Onlooker(socket);
    await once(socket, 'secureConnect');
    const hello = { user: 'Somebody', agent: 'x/1', instance: String(Math.random()), port: 0 };
    const features = Object.values(FEATURES);
    socket.write(encodeWireFrame({ type: 'hello', protocol: 1, ...hello, features }));
    await onlooker.until(() => onlooker.received.some(({ type }) => type === 'presence'));
    return onlooker;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error('the link was closed');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  message(body = 'hello'): WireMessage {
    const id = newMessageId(Date.now());
    this.sent.push(id);
    return { id, clock: '0000000000010000', sentAt: 1, kind: 'text', body };
  }

  send(...messages: object[]): void {
    this.socket.write(encodeJsonFrame(JSON.stringify({ type: 'message', messages })));
  }

  /** How long it takes until a message of its own is acked, in milliseconds. */
  async timed({ body, count = 1, repeated }: Sample): Promise<number> {
    const messages = Array.from({ length: count }, () => this.message(body));
    if (repeated === true) await this.#acked(messages);
    const began = performance.now();
    await this.#acked(messages);
    return performance.now() - began;
  }

  async #acked(messages: WireMessage[]): Promise<void> {
    this.received.length = 0;
    if (messages.length === 1) this.send(...messages);
    else this.sendRun(messages);
    await this.until(() => this.received.some((frame) => isAckOf(frame, messages.at(-1)?.id ?? '')));
  }

  /** As nodes send bursts. */
  sendRun(messages: readonly WireMessage[]): void {
    const column = (text: (one: WireMessage) => string): string => messages.map(text).join('');
    const run = {
      kind: 'text',
      ids: column(({ id }) => id),
      clocks: column(({ clock }) => clock),
      sentAt: column(({ sentAt }) => String(sentAt).padStart(16, '0')),
      bodies: JSON.stringify(messages.map(({ body }) => body)),
    };
    this.socket.write(encodeRun(run));
  }

  /** What came, with numbers in place of the ids that are its own. */
  get trace(): string[] {
    return this.received.map((frame) =>
      this.sent.reduce((text, id, index) => text.replaceAll(id, `#${index}`), JSON.stringify(frame)),
    );
  }
}

function isAckOf(frame: WireFrame, id: string): boolean {
  return frame.type === 'ack' && frame.of === undefined && frame.ids.includes(id);
}

/** All that a link can be used for; ends when Bob's node has answered the last of it. */
async function useLink(one: Onlooker): Promise<void> {
  const first = one.message('one');
  one.send(first);
  await one.until(() => one.received.some((frame) => isAckOf(frame, first.id)));
  const three = one.message('three');
  one.send(first, one.message('two'), three);
  one.send({ ...one.message(), kind: 'picture' });
  one.send({ ...one.message(), body: 'x'.repeat(65_537) });
  one.send({ ...one.message(), clock: 'none' });
  await one.until(() => one.received.some((frame) => isAckOf(frame, three.id)));
  one.socket.write(encodeWireFrame({ type: 'receipt', ids: [one.message().id], state: 'read' }));
  await one.until(() => one.received.some((frame) => frame.type === 'ack' && frame.of === 'receipt'));
  one.socket.write(encodeWireFrame({ type: 'typing' }));
  const run = [one.message('four'), one.message('five')];
  one.sendRun(run);
  await one.until(() => one.received.some((frame) => isAckOf(frame, run[1]?.id ?? '')));
  one.socket.write(encodeWireFrame({ type: 'presence', state: 'dnd', status: 'busy', user: 'Renamed' }));
  const last = one.message('last');
  one.send(last);
  await one.until(() => one.received.some((frame) => isAckOf(frame, last.id)));
  one.socket.write(encodeWireFrame({ type: 'ping' }));
  await one.until(() => one.received.some(({ type }) => type === 'pong'));
}

/** How often a value of `a` is less than one of `b`, ties counted half: a half where nobody can tell them apart. */
function shareBelow(a: readonly number[], b: readonly number[]): number {
  let below = 0;
  for (const one of a) for (const other of b) below += one < other ? 1 : one === other ? 0.5 : 0;
  return below / (a.length * b.length);
}

/** Latencies of both, taken in turns, so that the load of the machine falls on both alike. */
async function latencies(sample: Sample): Promise<{ blocked: number[]; other: number[] }> {
  const [one, two] = [await Onlooker.link(eve), await Onlooker.link(carol)];
  const blocked: number[] = [];
  const other: number[] = [];
  for (let count = 0; count < SAMPLES; count += 1) {
    if (count % 2 === 0) blocked.push(await one.timed(sample));
    other.push(await two.timed(sample));
    if (count % 2 === 1) blocked.push(await one.timed(sample));
  }
  return { blocked, other };
}

const LONG = 'x'.repeat(60_000);

describe.each([
  ['SQLite', openSqlite, true],
  ['MongoDB (set MONGODB_URI_TEST)', openMongo, server !== undefined],
])('who is blocked, on %s', (_, open, isThere) => {
  beforeEach(async ({ skip }) => {
    skip(!isThere);
    await start(open);
  });

  it('sees the same frames in the same order as anybody else, on the same occasions', async () => {
    const [one, two] = [await Onlooker.link(eve), await Onlooker.link(carol)];
    for (const onlooker of [one, two]) await useLink(onlooker);
    await chat.profile.change({ presence: 'away', status: 'lunch' });
    await chat.profile.change({ user: 'Robert' });
    for (const onlooker of [one, two]) {
      await onlooker.until(() => onlooker.trace.some((text) => text.includes('Robert')));
    }
    expect(one.trace).toEqual(two.trace);
    expect(one.trace.length).toBeGreaterThan(8);
    // And nothing of the one was taken.
    const stored = async (peerId: string): Promise<string[]> =>
      (await chat.history(directConversationId(peerId), { limit: 10 })).map(({ body }) => body).sort();
    expect(await stored(eve.peerId)).toEqual([]);
    expect(await stored(carol.peerId)).toEqual(['five', 'four', 'last', 'one', 'three', 'two']);
    // Unblocked, it is the same once more.
    await chat.setBlocked(eve.peerId, false);
    for (const onlooker of [one, two]) {
      onlooker.received.length = 0;
      onlooker.sent.length = 0;
    }
    for (const onlooker of [one, two]) await useLink(onlooker);
    expect(one.trace).toEqual(two.trace);
    expect(await stored(eve.peerId)).toEqual(['five', 'four', 'last', 'one', 'three', 'two']);
  });

  it.each<[string, Sample]>([
    ['a short message', { body: 'hello' }],
    ['a long one', { body: LONG }],
    ['a burst', { body: 'hello', count: 50 }],
    ['one that came before', { body: LONG, repeated: true }],
  ])(
    'waits as long for an ack as anybody else: of %s',
    async (_title, sample) => {
      const { blocked, other } = await latencies(sample);
      const share = shareBelow(blocked, other);
      expect(share).toBeGreaterThan(ALIKE.least);
      expect(share).toBeLessThan(ALIKE.most);
    },
    120_000,
  );

  it('would not, were dropping free: the comparison can tell', async () => {
    vi.spyOn(storage.messages, 'addDropped').mockResolvedValue(undefined);
    const { blocked, other } = await latencies({ body: 'hello' });
    expect(shareBelow(blocked, other)).toBeGreaterThan(ALIKE.most);
  }, 120_000);
});
