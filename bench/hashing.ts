/**
 * What hashing and signing cost a message, on the author's side and on the
 * reader's, in batches of one entry up to a full one: time of one thread, beside
 * the same batch with neither, measured in turns in the same run (medians; the
 * clock of a thread's CPU is too coarse for it).
 * `node bench/hashing.ts [messages in a measurement]`. Needs a build.
 */
import { generateKeyPairSync } from 'node:crypto';
import {
  type Batch,
  type BatchSigner,
  type BatchVerifier,
  contentText,
  createBatch,
  directConversation,
  entriesOf,
  MAX_BATCH_ENTRIES,
  peerIdOfKey,
  verifyBatch,
} from '@p2p-chat/shared';
import { NodeIdentityKeys } from '../chat-node/dist/profile/identity-keys.js';

const MESSAGES = Number(process.argv[2] ?? 4_096);
const SIZES = [1, 8, 64, MAX_BATCH_ENTRIES];
/** In each measurement: a full batch takes two milliseconds. */
const MIN_BATCHES = 24;
const ROUNDS = 15;
/** As long as fits a full batch. */
const BODY = 'A line as somebody types it, a lunch?';
const STARTED = Date.now();

const keyPair = generateKeyPairSync('ed25519');
const keys = new NodeIdentityKeys({ peerId: peerIdOfKey(keyPair.publicKey), ...keyPair });
const header = {
  conversation: directConversation(keys.peerId, 'a'.repeat(52), keys.sha256),
  author: keys.peerId,
  segment: '0'.repeat(32),
  first: 1,
  follows: [],
};

/** How much of the work is done: the layout and its checks alone, then hashes, then the signature as well. */
const [NO_HASH, NO_SIGNATURE] = [new Uint8Array(32), new Uint8Array(64)];
const hashed = { sha256: keys.sha256, random: keys.random, sign: () => NO_SIGNATURE, verify: () => true };
const plain = { ...hashed, sha256: () => NO_HASH };
const STEPS: (BatchSigner & BatchVerifier)[] = [plain, hashed, keys];

function write(entries: number, signer: BatchSigner): Batch {
  const written = Array.from({ length: entries }, (_, nth) => ({
    clock: STARTED.toString(16).padStart(12, '0') + nth.toString(16).padStart(4, '0'),
    sentAt: STARTED,
    content: contentText({ kind: 'text', body: BODY }),
  }));
  return createBatch(header, written, signer);
}

function read(bytes: Uint8Array, verifier: BatchVerifier): void {
  entriesOf(verifyBatch(bytes, verifier));
}

/** Microseconds for one message. */
function measure(entries: number, run: () => void): number {
  const batches = Math.max(MIN_BATCHES, Math.round(MESSAGES / entries));
  const started = performance.now();
  for (let n = 0; n < batches; n += 1) run();
  return ((performance.now() - started) * 1_000) / (batches * entries);
}

/** The median of each, of measurements that took turns. */
function inTurns(entries: number, runs: readonly (() => void)[]): number[] {
  for (const run of runs) measure(entries, run);
  const rounds = Array.from({ length: ROUNDS }, () => runs.map((run) => measure(entries, run)));
  return runs.map((_, nth) => {
    const sorted = rounds.map((round) => round[nth] ?? NaN).sort((a, b) => a - b);
    return sorted[(ROUNDS - 1) / 2] ?? NaN;
  });
}

function report(side: string, entries: number, [layout = NaN, hashes = NaN, all = NaN]: number[]): void {
  const cell = (value: number): string => value.toFixed(2).padStart(10);
  console.log(
    `${side.padEnd(8)}${String(entries).padStart(7)}${cell(layout)}${cell(hashes - layout)}${cell(all - hashes)}${cell(all)}${cell(all / layout)}`,
  );
}

console.log('one message, in µs');
console.log(
  `${'side'.padEnd(8)}${['entries', 'plain', 'hashes', 'signature', 'all', 'ratio'].map((name, nth) => name.padStart(nth === 0 ? 7 : 10)).join('')}`,
);
for (const entries of SIZES) {
  const { bytes } = write(entries, keys);
  report(
    'author',
    entries,
    inTurns(
      entries,
      STEPS.map((step) => () => void write(entries, step)),
    ),
  );
  report(
    'reader',
    entries,
    inTurns(
      entries,
      STEPS.map((step) => () => read(bytes, step)),
    ),
  );
}
