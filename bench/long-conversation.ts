/**
 * What a conversation of 1,000,000 messages costs on SQLite, beside one of 100
 * in the same database: opening it at either end and in the middle, the list of
 * conversations, one unread count. `node bench/long-conversation.ts`; needs a
 * build and about 500 MB of disk.
 *
 * The two are asked by turns, so that what else the machine does falls on both
 * alike. What is measured is the store itself, in this thread: no node, no
 * thread hop.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newMessageId } from '@p2p-chat/shared';
import type { Message } from '../chat-node/dist/chat/message.js';
import { openDatabase } from '../chat-node/dist/storage/sqlite/database.js';
import { packRuns } from '../chat-node/dist/chat/message-run.js';
import { MessageStore } from '../chat-node/dist/storage/sqlite/message-store.js';

const LONG = 1_000_000;
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
function fill(
  store: MessageStore,
  conversation: string,
  count: number,
  commit: (work: () => void) => void,
): string[] {
  const places: string[] = [];
  const apart = Math.ceil(count / PLACES);
  for (let first = 0; first < count; first += BATCH) {
    commit(() => {
      const size = Math.min(BATCH, count - first);
      const messages = Array.from({ length: size }, (_, at) => messageOf(conversation, first + at));
      const ours = messages.filter(({ direction }) => direction === 'out');
      store.addOutgoing(packRuns(ours));
      store.addIncoming(packRuns(messages.filter(({ direction }) => direction === 'in')));
      store.setState(conversation, ours.map(({ id }) => id).join(''), 'delivered');
      places.push(...messages.filter((_, at) => (first + at) % apart === 0).map(({ id }) => id));
    });
  }
  return places;
}

const folder = mkdtempSync(join(tmpdir(), 'p2p-chat-bench-'));
try {
  const database = openDatabase(join(folder, 'messages.sqlite'));
  const store = new MessageStore(database);
  const commit = (work: () => void): void => {
    database.exec('BEGIN');
    work();
    store.flush();
    database.exec('COMMIT');
  };
  // The list without the long conversation, in a database of its own.
  const few = openDatabase(join(folder, 'few.sqlite'));
  const fewStore = new MessageStore(few);
  for (let n = 0; n <= OTHERS + 1; n += 1) fill(fewStore, peer(100 + n), SHORT, (work) => work());
  fewStore.flush();

  const [long, short] = [peer(2), peer(3)];
  for (let n = 0; n < OTHERS; n += 1) fill(store, peer(100 + n), SHORT, commit);
  const shortPlaces = fill(store, short, SHORT, commit);
  const longPlaces = fill(store, long, LONG, commit);
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
    ['list of all', () => fewStore.conversations(), () => store.conversations()],
    ['outbox', () => store.queued(short, '', 100, 1e6), () => store.queued(long, '', 100, 1e6)],
  ];
  const time = (task: () => unknown): number => {
    const began = performance.now();
    task();
    return performance.now() - began;
  };
  console.log('               messages of 100: p50, p99 µs   of 1,000,000: p50, p99 µs   p50, p99 ratio');
  for (const [name, ofShort, ofLong] of tasks) {
    const [shorts, longs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      shorts.push(time(ofShort));
      longs.push(time(ofLong));
    }
    const at = (times: number[], share: number): number =>
      (times.sort((a, b) => a - b)[Math.floor(times.length * share)] ?? NaN) * 1_000;
    const cells = [at(shorts, 0.5), at(shorts, 0.99), at(longs, 0.5), at(longs, 0.99)];
    const [s50 = NaN, s99 = NaN, l50 = NaN, l99 = NaN] = cells;
    console.log(
      name.padEnd(16),
      ...cells.map((one) => one.toFixed(0).padStart(10)),
      (l50 / s50).toFixed(2).padStart(10),
      (l99 / s99).toFixed(2).padStart(6),
    );
  }
  few.close();
  database.close();
} finally {
  rmSync(folder, { recursive: true });
}
