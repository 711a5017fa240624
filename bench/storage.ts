/**
 * Messages that both stores commit in a second, in batches as links bring them, beside
 * the floor: a bare grouped insert into SQLite in one thread, no thread hop, no
 * conversations. `node bench/storage.ts [seconds]`; MongoDB where
 * MONGODB_URI_TEST is set. Needs a build.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Change, ConversationStore } from '../chat-node/dist/core/ports/conversation.store.js';
import { SqliteStore } from '../chat-node/dist/storage/sqlite/sqlite-store.js';
import { dropDatabase, openMongodb, peerIdOf, StoredConversation } from '../e2e/support/stored.ts';

const SECONDS = Number(process.argv[2] ?? 4);
const BATCH = 400;
/** Batches that wait for their commit at any time, as a full window of links does. */
const IN_FLIGHT = 8;
/** More than the time is enough for. */
const PREPARED = 4_000;
const BODY = 'x'.repeat(128);
const BODIES = Array.from({ length: BATCH }, () => BODY);

interface Figures {
  name: string;
  perSecond: number;
  /** CPU of the whole process for one message, in microseconds. */
  cpuMicros: number;
}

/** Runs `save` on what was prepared, `IN_FLIGHT` at once, for the set time. */
async function measure<T>(
  name: string,
  prepared: readonly T[],
  save: (batch: T) => Promise<unknown>,
): Promise<Figures> {
  const batches = [...prepared].reverse();
  const started = performance.now();
  const cpu = process.cpuUsage();
  const end = started + SECONDS * 1_000;
  let saved = 0;
  const lane = async (): Promise<void> => {
    for (let next = batches.pop(); next !== undefined && performance.now() < end; next = batches.pop()) {
      await save(next);
      saved += BATCH;
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

/** Batches of a feed, made before the time runs: making and signing them is not the store's work. */
function prepare(feed: StoredConversation['ours']): Change[] {
  return Array.from({ length: PREPARED }, () => feed.change(BODIES));
}

async function measureStore(name: string, store: ConversationStore): Promise<void> {
  const conversation = new StoredConversation(peerIdOf('somebody'));
  await store.commit([conversation.record()]);
  for (const [what, feed] of [
    ['append', conversation.ours],
    ['receive', conversation.theirs],
  ] as const) {
    figures.push(await measure(`${name} ${what}`, prepare(feed), (change) => store.commit([change])));
  }
  const other = new StoredConversation(peerIdOf('somebody else'));
  await store.commit([other.record()]);
  const times: number[] = [];
  for (let n = 0; n < 500; n += 1) {
    const change = other.ours.change([BODY]);
    const started = performance.now();
    await store.commit([change]);
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
  const prepared = Array.from({ length: PREPARED }, (_, nth) => nth * BATCH);
  return measure('floor (bare SQLite)', prepared, (first) => {
    database.exec('BEGIN');
    for (const [nth, body] of BODIES.entries()) insert.run(`${first + nth}`, 'author', 'clock', first, body);
    database.exec('COMMIT');
    return Promise.resolve();
  }).finally(() => database.close());
}

const folder = mkdtempSync(join(tmpdir(), 'p2p-chat-bench-'));
const figures: Figures[] = [];
try {
  figures.push(await floor(join(folder, 'floor.db')));

  const sqlite = await SqliteStore.open({ file: join(folder, 'messages.sqlite') });
  await measureStore('SQLite', sqlite);
  await sqlite.close();

  const server = process.env['MONGODB_URI_TEST'];
  if (server !== undefined) {
    const uri = `${server.replace(/\/$/, '')}/p2p-chat-bench`;
    await dropDatabase(uri);
    const mongodb = await openMongodb(uri);
    await measureStore('MongoDB', mongodb);
    await mongodb.close();
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
