/**
 * What a conversation of 1,000,000 messages costs beside one of 100 in the same
 * database: opening it at either end and in the middle, the list of
 * conversations, one unread count. `node bench/long-conversation.ts [messages]`;
 * SQLite, and MongoDB where MONGODB_URI_TEST is set. Needs a build and about
 * 500 MB of disk, 1.5 GB with MongoDB.
 *
 * The two are asked by turns, so that what else the machine does falls on both
 * alike. What is measured is the store itself: SQLite in this thread, without a
 * thread hop, MongoDB with its round trip.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newMessageId } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import type { Message } from '../chat-node/dist/chat/message.js';
import { packRuns } from '../chat-node/dist/chat/message-run.js';
import type { HistoryPage } from '../chat-node/dist/chat/ports/message.repository.js';
import { MongoMessageSearch } from '../chat-node/dist/storage/old/mongo/mongo-message-search.js';
import { MongoStorage } from '../chat-node/dist/storage/old/mongo/mongo-storage.js';
import { openDatabase } from '../chat-node/dist/storage/old/sqlite/database.js';
import { MessageStore } from '../chat-node/dist/storage/old/sqlite/message-store.js';

const LONG = Number(process.argv[2] ?? 1_000_000);
const SHORT = 100;
const BATCH = 5_000;
/** Other conversations, as a list has some. */
const OTHERS = 50;
const PAGE = 50;
const ROUNDS = 1_000;
/** Places in a conversation that are gone to. */
const PLACES = 1_000;
const ME = `${'m'.repeat(51)}a`;
const peer = (n: number): string => `${`p${n}`.padEnd(51, 'q')}a`.replace(/[0189]/g, 'z');

/** A store of either kind, as far as it is measured. */
interface Subject {
  /** Saves messages of one conversation; those of ours are delivered. */
  fill(conversation: string, ours: Message[], theirs: Message[]): Promise<void>;
  history(conversation: string, page: HistoryPage): unknown;
  conversation(id: string): unknown;
  conversations(): unknown;
  queued(conversation: string): unknown;
  close(): Promise<void>;
}

function onSqlite(file: string): Subject {
  const database = openDatabase(file);
  const store = new MessageStore(database);
  return {
    fill: (conversation, ours, theirs) => {
      database.exec('BEGIN');
      store.addOutgoing(packRuns(ours));
      store.addIncoming(packRuns(theirs));
      store.setState(conversation, ours.map(({ id }) => id).join(''), 'delivered');
      store.flush();
      database.exec('COMMIT');
      return Promise.resolve();
    },
    history: (conversation, page) => store.history(conversation, page),
    conversation: (id) => store.conversation(id),
    conversations: () => store.conversations(),
    queued: (conversation) => store.queued(conversation, '', 100, 1e6),
    close: () => Promise.resolve(database.close()),
  };
}

async function onMongo(uri: string): Promise<Subject> {
  const storage = await MongoStorage.open({ uri });
  const { messages, search } = storage;
  // Filling the index of search is measured elsewhere.
  if (search instanceof MongoMessageSearch) search.stop();
  return {
    fill: async (_conversation, ours, theirs) => {
      await messages.addImported(ours.map((message) => ({ ...message, state: 'delivered' })));
      await messages.addIncoming(theirs);
    },
    history: (conversation, page) => messages.history(conversation, page),
    conversation: (id) => messages.conversation(id),
    conversations: () => messages.conversations(),
    queued: (conversation) => messages.queued(conversation, '', 100, 1e6),
    close: async () => {
      await storage.close();
      const connection = await mongoose.createConnection(uri).asPromise();
      await connection.dropDatabase();
      await connection.close();
    },
  };
}

function messageOf(conversation: string, n: number): Message {
  const incoming = n % 2 === 0;
  const now = Date.now();
  return {
    id: newMessageId(now),
    conversationId: conversation,
    author: incoming ? conversation : ME,
    direction: incoming ? 'in' : 'out',
    kind: 'text',
    body: `message ${n} `.padEnd(128, '.'),
    clock: n.toString(16).padStart(16, '0'),
    sentAt: now,
    receivedAt: incoming ? now : null,
    state: incoming ? 'delivered' : 'queued',
  };
}

/**
 * Fills a conversation by turns of both sides.
 * @returns ids from its start to its end, at most so many, evenly apart
 */
async function fill(store: Subject, conversation: string, count: number): Promise<string[]> {
  const places: string[] = [];
  const apart = Math.ceil(count / PLACES);
  for (let first = 0; first < count; first += BATCH) {
    const size = Math.min(BATCH, count - first);
    const messages = Array.from({ length: size }, (_, at) => messageOf(conversation, first + at));
    await store.fill(
      conversation,
      messages.filter(({ direction }) => direction === 'out'),
      messages.filter(({ direction }) => direction === 'in'),
    );
    places.push(...messages.filter((_, at) => (first + at) % apart === 0).map(({ id }) => id));
  }
  return places;
}

/** Awaits only what has to be awaited: a store in this thread is not to pay for it. */
async function time(task: () => unknown): Promise<number> {
  const began = performance.now();
  const result = task();
  if (result instanceof Promise) await result;
  return performance.now() - began;
}

/**
 * Measures a store, and the list without the long conversation in one of its own.
 * @param rounds how often each is asked
 */
async function measure(name: string, store: Subject, few: Subject, rounds: number): Promise<void> {
  for (let n = 0; n <= OTHERS + 1; n += 1) await fill(few, peer(100 + n), SHORT);
  const [long, short] = [peer(2), peer(3)];
  for (let n = 0; n < OTHERS; n += 1) await fill(store, peer(100 + n), SHORT);
  const shortPlaces = await fill(store, short, SHORT);
  const began = performance.now();
  const longPlaces = await fill(store, long, LONG);
  const seconds = (performance.now() - began) / 1_000;
  const count = LONG.toLocaleString('en');
  console.log(`${name}: ${count} messages were saved in ${seconds.toFixed(0)} s`);
  const [[shortFirst = ''], [longFirst = '']] = [shortPlaces, longPlaces];
  // Another place each time, so that it is not in memory because it has just been read.
  const anyOf = (places: string[]): string => places[Math.floor(Math.random() * places.length)] ?? '';

  const tasks: [string, () => unknown, () => unknown][] = [
    ['the end', () => store.history(short, { limit: PAGE }), () => store.history(long, { limit: PAGE })],
    [
      'the middle',
      () => store.history(short, { before: anyOf(shortPlaces), limit: PAGE / 2 }),
      () => store.history(long, { before: anyOf(longPlaces), limit: PAGE / 2 }),
    ],
    [
      'the start',
      () => store.history(short, { after: shortFirst, limit: PAGE }),
      () => store.history(long, { after: longFirst, limit: PAGE }),
    ],
    ['unread count', () => store.conversation(short), () => store.conversation(long)],
    ['list of all', () => few.conversations(), () => store.conversations()],
    ['outbox', () => store.queued(short), () => store.queued(long)],
  ];
  console.log(`                messages of 100: p50, p99 µs   of ${count}: p50, p99 µs   p50, p99 ratio`);
  for (const [what, ofShort, ofLong] of tasks) {
    const [shorts, longs]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      shorts.push(await time(ofShort));
      longs.push(await time(ofLong));
    }
    const at = (times: number[], share: number): number =>
      (times.sort((a, b) => a - b)[Math.floor(times.length * share)] ?? NaN) * 1_000;
    const cells = [at(shorts, 0.5), at(shorts, 0.99), at(longs, 0.5), at(longs, 0.99)];
    const [s50 = NaN, s99 = NaN, l50 = NaN, l99 = NaN] = cells;
    console.log(
      what.padEnd(16),
      ...cells.map((one) => one.toFixed(0).padStart(10)),
      (l50 / s50).toFixed(2).padStart(10),
      (l99 / s99).toFixed(2).padStart(6),
    );
  }
}

const folder = mkdtempSync(join(tmpdir(), 'p2p-chat-bench-'));
try {
  const [store, few] = [onSqlite(join(folder, 'messages.sqlite')), onSqlite(join(folder, 'few.sqlite'))];
  await measure('SQLite', store, few, ROUNDS);
  await Promise.all([store.close(), few.close()]);
} finally {
  rmSync(folder, { recursive: true });
}

const server = process.env['MONGODB_URI_TEST']?.replace(/\/$/, '');
if (server === undefined) {
  console.log('MongoDB: not measured (set MONGODB_URI_TEST)');
} else {
  const newStore = (): Promise<Subject> => onMongo(`${server}/p2p-chat-bench-${randomUUID()}`);
  const [store, few] = await Promise.all([newStore(), newStore()]);
  try {
    // A round trip costs more than what is measured: fewer will do.
    await measure('MongoDB', store, few, ROUNDS / 4);
  } finally {
    await Promise.all([store.close(), few.close()]);
  }
}
