/**
 * Search over a long history in SQLite: how long the index takes to fill, how
 * large it is, and how long a page takes, for words that few, many and all
 * messages have. `node bench/search.ts [messages]`. Needs a build.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryWords } from '@p2p-chat/shared';
import type { MessagePlace, SearchQuery } from '../chat-node/dist/core/ports/conversation.store.js';
import { SqliteStore } from '../chat-node/dist/storage/sqlite/sqlite-store.js';
import { firstMessage, peerIdOf, StoredConversation } from '../e2e/support/stored.ts';

const MESSAGES = Number(process.argv[2] ?? 1_000_000);
/** Messages of one author that are saved together. */
const BATCH = 250;
const WORDS = 8;
/** As many as an ordinary person uses; the first ones far more often than the last. */
const VOCABULARY = Array.from({ length: 30_000 }, (_, n) => word(n));
const CONVERSATIONS = Array.from({ length: 20 }, (_, n) => new StoredConversation(peerIdOf(`peer ${n}`)));
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

function text(n: number): string {
  const words = Array.from(
    { length: WORDS },
    () => VOCABULARY[Math.floor(Math.random() ** 3 * VOCABULARY.length)],
  );
  return [...words, ...(n === 1_000 ? ['xylophone'] : [])].join(' ');
}

/** The id of a message that was found. */
function idOf(place: MessagePlace | undefined): string | undefined {
  if (place === undefined) return undefined;
  if ('imported' in place) return place.imported.id;
  return firstMessage({ ...place, first: place.seq });
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
  let store = await SqliteStore.open({ file });
  await store.commit(CONVERSATIONS.map((one) => one.record()));
  for (let n = 0; n < MESSAGES; n += BATCH) {
    const { ours, theirs } = CONVERSATIONS[(n / BATCH) % CONVERSATIONS.length] as StoredConversation;
    const feed = Math.random() < 0.5 ? ours : theirs;
    await store.commit([feed.change(Array.from({ length: BATCH }, (_, at) => text(n + at)))]);
  }
  await store.close();
  const before = size();
  store = await SqliteStore.open({ file });
  const find = (words: string, more: Partial<SearchQuery> = {}): Promise<MessagePlace[]> =>
    store.search({ words: queryWords(words), limit: PAGE, ...more });

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
  await timed('a common word in one conversation', () =>
    find(common, { conversation: CONVERSATIONS[3]?.id ?? '' }),
  );
  let place = idOf((await find(common)).at(-1));
  await timed('its next pages', async () => {
    const page = await find(common, place === undefined ? {} : { before: place });
    place = idOf(page.at(-1));
  });
  await store.close();
  console.log(`the file: ${before.toFixed(0)} MiB before, ${size().toFixed(0)} MiB with the index`);
} finally {
  rmSync(folder, { recursive: true });
}
