/**
 * Inserts per second of both stores, in batches as links bring them, beside
 * the floor: a bare grouped insert into SQLite in one thread, no thread hop, no
 * conversations. `node bench/storage.ts [seconds]`; MongoDB where
 * MONGODB_URI_TEST is set. Needs a build.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { newMessageId } from '@p2p-chat/shared';
import mongoose from 'mongoose';
import type { Message } from '../chat-node/dist/chat/message.js';
import type { MessageRepository } from '../chat-node/dist/chat/ports/message.repository.js';
import { MongoStorage } from '../chat-node/dist/storage/old/mongo/mongo-storage.js';
import { SqliteStorage } from '../chat-node/dist/storage/old/sqlite/sqlite-storage.js';

const SECONDS = Number(process.argv[2] ?? 4);
const BATCH = 500;
/** Batches that wait for their commit at any time, as a full window of links does. */
const IN_FLIGHT = 8;
const BODY = 'x'.repeat(128);
const ME = 'm'.repeat(51) + 'a';
const PEER = 'p'.repeat(51) + 'a';

let clock = 0;

function batch(direction: 'in' | 'out'): Message[] {
  const now = Date.now();
  return Array.from({ length: BATCH }, () => ({
    id: newMessageId(now),
    conversationId: PEER,
    author: direction === 'in' ? PEER : ME,
    direction,
    kind: 'text',
    body: BODY,
    clock: (clock += 1).toString(16).padStart(16, '0'),
    sentAt: now,
    receivedAt: direction === 'in' ? now : null,
    state: direction === 'in' ? 'delivered' : 'queued',
  }));
}

interface Figures {
  name: string;
  perSecond: number;
  /** CPU of the whole process for one message, in microseconds. */
  cpuMicros: number;
}

/** Runs `save` on fresh batches, `IN_FLIGHT` at once, for the set time. */
async function measure(
  name: string,
  direction: 'in' | 'out',
  save: (messages: Message[]) => Promise<unknown>,
): Promise<Figures> {
  // Made before the time runs: making them is not the store's work.
  const batches = Array.from({ length: 400 }, () => batch(direction));
  const started = performance.now();
  const cpu = process.cpuUsage();
  const end = started + SECONDS * 1_000;
  let saved = 0;
  const lane = async (): Promise<void> => {
    for (let next = batches.pop(); next !== undefined && performance.now() < end; next = batches.pop()) {
      await save(next);
      saved += next.length;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const { user, system } = process.cpuUsage(cpu);
  return {
    name,
    perSecond: (saved / (performance.now() - started)) * 1_000,
    cpuMicros: (user + system) / saved,
  };
}

async function lone(name: string, messages: MessageRepository): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    const [message] = batch('out');
    const started = performance.now();
    await messages.addOutgoing([message as Message]);
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): string => `${(times[Math.floor(times.length * share)] ?? NaN).toFixed(2)} ms`;
  console.log(`${name.padEnd(24)} a lone message: p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}`);
}

function floor(file: string): Promise<Figures> {
  const database = new DatabaseSync(file);
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE m (id TEXT, author TEXT, clock TEXT, sent_at INTEGER, body TEXT, PRIMARY KEY (id, author));`);
  const insert = database.prepare('INSERT INTO m VALUES (?, ?, ?, ?, ?)');
  return measure('floor (bare SQLite)', 'out', (messages) => {
    database.exec('BEGIN');
    for (const one of messages) insert.run(one.id, one.author, one.clock, one.sentAt, one.body);
    database.exec('COMMIT');
    return Promise.resolve();
  }).finally(() => database.close());
}

async function dropDatabase(uri: string): Promise<void> {
  const connection = await mongoose.createConnection(uri).asPromise();
  await connection.dropDatabase();
  await connection.close();
}

const folder = mkdtempSync(join(tmpdir(), 'p2p-chat-bench-'));
const figures: Figures[] = [];
try {
  figures.push(await floor(join(folder, 'floor.db')));

  const sqlite = await SqliteStorage.open({ file: join(folder, 'messages.db') });
  figures.push(
    await measure('SQLite addOutgoing', 'out', (messages) => sqlite.messages.addOutgoing(messages)),
  );
  figures.push(
    await measure('SQLite addIncoming', 'in', (messages) => sqlite.messages.addIncoming(messages)),
  );
  await lone('SQLite', sqlite.messages);
  await sqlite.close();

  const server = process.env['MONGODB_URI_TEST'];
  if (server !== undefined) {
    const uri = `${server.replace(/\/$/, '')}/p2p-chat-bench`;
    await dropDatabase(uri);
    const mongo = await MongoStorage.open({ uri });
    figures.push(
      await measure('MongoDB addOutgoing', 'out', (messages) => mongo.messages.addOutgoing(messages)),
    );
    figures.push(
      await measure('MongoDB addIncoming', 'in', (messages) => mongo.messages.addIncoming(messages)),
    );
    await lone('MongoDB', mongo.messages);
    await mongo.close();
    await dropDatabase(uri);
  }
} finally {
  rmSync(folder, { recursive: true });
}

const base = figures[0]?.perSecond ?? NaN;
for (const { name, perSecond, cpuMicros } of figures) {
  console.log(
    `${name.padEnd(24)} ${Math.round(perSecond).toLocaleString('en').padStart(9)} messages/s ` +
      `${cpuMicros.toFixed(1).padStart(6)} µs CPU each  ratio to floor: ${(perSecond / base).toFixed(2)}`,
  );
}
