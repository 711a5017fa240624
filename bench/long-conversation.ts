/**
 * What a conversation of 1,000,000 messages costs beside one of 100 in the same
 * database: opening it at either end and in the middle, the list of
 * conversations, one unread count. `node bench/long-conversation.ts [messages]`;
 * SQLite, and MongoDB where MONGODB_URI_TEST is set. Needs a build and about
 * 500 MB of disk, 1.5 GB with MongoDB.
 *
 * The two are asked by turns, so that what else the machine does falls on both
 * alike. What is measured is what a node does for a client, store and all.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversationStore } from '../chat-node/dist/core/ports/conversation.store.js';
import { SqliteStore } from '../chat-node/dist/storage/sqlite/sqlite-store.js';
import {
  dropDatabase,
  firstMessage,
  openMongodb,
  peerIdOf,
  type Reader,
  readerOf,
  StoredConversation,
} from '../e2e/support/stored.ts';

const LONG = Number(process.argv[2] ?? 1_000_000);
const SHORT = 100;
/** Messages that one side writes before the other one answers, and what is saved at once. */
const TURN = 4;
const BATCHES = 500;
/** Messages between two starts of a node. */
const PER_START = 2_000;
/** Other conversations, as a list has some. */
const OTHERS = 50;
const PAGE = 50;
const ROUNDS = 1_000;
/** Places in a conversation that are gone to. */
const PLACES = 1_000;
const withPeer = (n: number): StoredConversation => new StoredConversation(peerIdOf(`peer ${n}`));

/**
 * Fills a conversation by turns of both sides; ours are delivered.
 * @returns ids from its start to its end, at most so many, evenly apart
 */
async function fill(
  store: ConversationStore,
  conversation: StoredConversation,
  count: number,
): Promise<string[]> {
  const places: string[] = [];
  const apart = Math.ceil(count / PLACES / TURN) * TURN;
  await store.commit([conversation.record()]);
  for (let first = 0; first < count; first += TURN * BATCHES) {
    const changes = Array.from({ length: Math.ceil(Math.min(BATCHES, (count - first) / TURN)) }, (_, at) => {
      const number = first + at * TURN;
      const feed = at % 2 === 0 ? conversation.theirs : conversation.ours;
      const change = feed.change(
        Array.from({ length: TURN }, (_one, nth) => `message ${number + nth} `.padEnd(128, '.')),
      );
      if (number % apart === 0) places.push(firstMessage(change.batch));
      return change;
    });
    await store.commit([...changes, conversation.delivered()]);
    if (first % PER_START === 0)
      [conversation.ours, conversation.theirs].forEach((feed) => feed.newSegment());
  }
  return places;
}

async function time(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await task();
  return performance.now() - began;
}

/**
 * Measures a store, and the list without the long conversation in one of its own.
 * @param rounds how often each is asked
 */
async function measure(
  name: string,
  store: ConversationStore,
  few: ConversationStore,
  rounds: number,
): Promise<void> {
  for (let n = 0; n <= OTHERS + 1; n += 1) await fill(few, withPeer(100 + n), SHORT);
  const [long, short] = [withPeer(2), withPeer(3)];
  for (let n = 0; n < OTHERS; n += 1) await fill(store, withPeer(100 + n), SHORT);
  const shortPlaces = await fill(store, short, SHORT);
  const began = performance.now();
  const longPlaces = await fill(store, long, LONG);
  const seconds = (performance.now() - began) / 1_000;
  const count = LONG.toLocaleString('en');
  console.log(`${name}: ${count} messages were saved in ${seconds.toFixed(0)} s`);
  const [[shortFirst = ''], [longFirst = '']] = [shortPlaces, longPlaces];
  // Another place each time, so that it is not in memory because it has just been read.
  const anyOf = (places: string[]): string => places[Math.floor(Math.random() * places.length)] ?? '';
  const started = performance.now();
  const { messages, list }: Reader = await readerOf(store);
  await list.summaries();
  console.log(`a start with all of it: ${(performance.now() - started).toFixed(0)} ms`);
  const ofFew = await readerOf(few);

  const tasks: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    [
      'the end',
      () => messages.history(short.id, { limit: PAGE }),
      () => messages.history(long.id, { limit: PAGE }),
    ],
    [
      'the middle',
      () => messages.history(short.id, { before: anyOf(shortPlaces), limit: PAGE / 2 }),
      () => messages.history(long.id, { before: anyOf(longPlaces), limit: PAGE / 2 }),
    ],
    [
      'the start',
      () => messages.history(short.id, { after: shortFirst, limit: PAGE }),
      () => messages.history(long.id, { after: longFirst, limit: PAGE }),
    ],
    ['in the list', () => list.summary(short.id), () => list.summary(long.id)],
    ['list of all', () => ofFew.list.summaries(), () => list.summaries()],
    ['outbox', () => ofFew.list.queued(), () => list.queued()],
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
  const [store, few] = await Promise.all([
    SqliteStore.open({ file: join(folder, 'messages.sqlite') }),
    SqliteStore.open({ file: join(folder, 'few.sqlite') }),
  ]);
  await measure('SQLite', store, few, ROUNDS);
  await Promise.all([store.close(), few.close()]);
} finally {
  rmSync(folder, { recursive: true });
}

const server = process.env['MONGODB_URI_TEST']?.replace(/\/$/, '');
if (server === undefined) {
  console.log('MongoDB: not measured (set MONGODB_URI_TEST)');
} else {
  const uris = [randomUUID(), randomUUID()].map((id) => `${server}/p2p-chat-bench-${id}`);
  const [store, few] = (await Promise.all(uris.map(openMongodb))) as [ConversationStore, ConversationStore];
  try {
    // A round trip costs more than what is measured: fewer will do.
    await measure('MongoDB', store, few, ROUNDS / 4);
  } finally {
    await Promise.all([store.close(), few.close()]);
    await Promise.all(uris.map(dropDatabase));
  }
}
