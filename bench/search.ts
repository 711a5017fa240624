/**
 * Search over a long history in SQLite: how long the index takes to fill, how
 * large it is, and how long a page takes, for words that few, many and all
 * messages have. `node bench/search.ts [messages]`. Needs a build.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newMessageId, queryWords } from '@p2p-chat/shared';
import type { Message } from '../chat-node/dist/chat/message.js';
import { SqliteStorage } from '../chat-node/dist/storage/old/sqlite/sqlite-storage.js';

const MESSAGES = Number(process.argv[2] ?? 1_000_000);
const BATCH = 5_000;
const WORDS = 8;
/** As many as an ordinary person uses; the first ones far more often than the last. */
const VOCABULARY = Array.from({ length: 30_000 }, (_, n) => word(n));
const ME = 'm'.repeat(51) + 'a';
const PEERS = Array.from({ length: 20 }, (_, n) => 'abcdefghijklmnopqrst'.charAt(n).repeat(51) + 'a');
const PAGE = 20;
const REPEATS = 20;

/** A made-up word, of syllables. */
function word(n: number): string {
  const syllables = ['ka', 'lo', 'mi', 'ne', 'ru', 'sa', 'to', 'vu', 'wi', 'ze', 'ban', 'der', 'fol'];
  let text = '';
  for (let rest = n + syllables.length; rest > 0; rest = Math.floor(rest / syllables.length)) {
    text += syllables[rest % syllables.length];
  }
  return text;
}

function message(n: number): Message {
  const body = Array.from(
    { length: WORDS },
    () => VOCABULARY[Math.floor(Math.random() ** 3 * VOCABULARY.length)],
  ).join(' ');
  const now = Date.now();
  const peer = PEERS[n % PEERS.length] ?? '';
  return {
    id: newMessageId(now),
    conversationId: peer,
    author: n % 2 === 0 ? peer : ME,
    direction: n % 2 === 0 ? 'in' : 'out',
    kind: 'text',
    body: n === 1_000 ? `${body} xylophone` : body,
    clock: n.toString(16).padStart(16, '0'),
    sentAt: now,
    receivedAt: n % 2 === 0 ? now : null,
    state: n % 2 === 0 ? 'read' : 'delivered',
  };
}

async function timed(name: string, run: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  for (let n = 0; n < REPEATS; n += 1) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(44)} p50 ${(times[REPEATS / 2] ?? NaN).toFixed(1).padStart(7)} ms, most ${(times.at(-1) ?? NaN).toFixed(1).padStart(7)} ms`,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'p2p-chat-bench-'));
const file = join(folder, 'messages.db');
const size = (): number => statSync(file).size / 2 ** 20;
try {
  let storage = await SqliteStorage.open({ file });
  for (let n = 1; n <= MESSAGES; n += BATCH) {
    await storage.messages.addImported(Array.from({ length: BATCH }, (_, at) => message(n + at)));
  }
  await storage.close();
  const before = size();
  storage = await SqliteStorage.open({ file });
  const find = (text: string, more: { before?: string; conversationId?: string } = {}): Promise<Message[]> =>
    storage.search.search({ words: queryWords(text), limit: PAGE, ...more });

  const started = performance.now();
  const cpu = process.cpuUsage();
  await find('xylophone');
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    `the index of ${MESSAGES.toLocaleString('en')} messages: ${seconds.toFixed(1)} s, ` +
      `${((user + system) / MESSAGES).toFixed(1)} µs CPU each`,
  );

  const [common = '', other = '', rare = ''] = [VOCABULARY[0], VOCABULARY[1], VOCABULARY.at(-1)];
  await timed('one message of all (xylophone)', () => find('xylophone'));
  await timed(`a rare word (${rare})`, () => find(rare));
  await timed(`a common word (${common})`, () => find(common));
  await timed(`two common words (${common} ${other})`, () => find(`${common} ${other}`));
  await timed('one letter (k)', () => find('k'));
  await timed('three letters (kal)', () => find('kal'));
  await timed('a common word in one conversation', () => find(common, { conversationId: PEERS[3] ?? '' }));
  let place = (await find(common)).at(-1)?.id;
  await timed('its next pages', async () => {
    const page = await find(common, place === undefined ? {} : { before: place });
    place = page.at(-1)?.id;
  });
  await storage.close();
  console.log(`the file: ${before.toFixed(0)} MiB before, ${size().toFixed(0)} MiB with the index`);
} finally {
  rmSync(folder, { recursive: true });
}
