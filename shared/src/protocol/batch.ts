import { base32nopad } from '@scure/base';
import { ProtocolError } from './frame.js';
import {
  CLOCK_LIMIT,
  MAX_BATCH_BYTES,
  MAX_BATCH_CONTENT_BYTES,
  MAX_BATCH_ENTRIES,
  MAX_BATCH_SPAN_MS,
  MAX_CONTENT_BYTES,
  MAX_FOLLOWED_TIPS,
  MAX_SEQ,
} from './limits.js';

/*
 * A batch as bytes, the same on the wire and in the stores. Numbers are
 * unsigned and big endian; see docs/protocol.md for a worked example.
 *
 *   conversation 32 | author 32 | segment 16 | first seq 8 | count 2 | tips 1
 *   for each tip it follows:  segment 16 | seq 8 | clock 8 | hash 32
 *   for each entry:           clock 8 | sentAt 8 | random 8 | length 4 | content
 *     or, of an erased one:   clock 8 | eight bytes ff | the second part of its leaf 32
 *   signature 64
 *
 *   leaf  = clock | SHA-256( sentAt | random | length | content )
 *   hash  = SHA-256( "p2p-chat/batch/1" | all before the entries | leaf of each entry )
 *   signed: "p2p-chat/batch-signature/1" | hash
 */

/** SHA-256 (FIPS 180-4) of the bytes: 32 bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** What an author needs to make batches. */
export interface BatchSigner {
  sha256: Sha256;
  /** Cryptographically strong random bytes. */
  random: (length: number) => Uint8Array;
  /** Ed25519 (RFC 8032) by the author's key: 64 bytes. */
  sign: (message: Uint8Array) => Uint8Array;
}

/** What a receiver needs to check batches. */
export interface BatchVerifier {
  sha256: Sha256;
  /** Whether the signature is that of the author, whose key is known by the peer id. */
  verify: (author: string, message: Uint8Array, signature: Uint8Array) => boolean;
}

/** A batch that no other batch of its author follows, as far as somebody knows. It stands for itself and all before it. */
export interface Tip {
  /** 32 hexadecimal digits, lower case. */
  segment: string;
  /** Of the last entry of the batch. */
  seq: number;
  /** Of the last entry: a hybrid logical clock of 16 hexadecimal digits. */
  clock: string;
  /** Of the batch: 64 hexadecimal digits. */
  hash: string;
}

/** An entry as its author writes it. */
export interface NewEntry {
  /** Hybrid logical clock, 16 hexadecimal digits. */
  clock: string;
  /** The author's wall clock, in milliseconds since 1970; shown, never used. */
  sentAt: number;
  /** The exact JSON text that is signed. */
  content: string;
}

/** An entry of a batch. */
export interface Entry extends NewEntry {
  seq: number;
  /** Whether only its leaf is left: then its content is '' and the time is that of its clock. */
  erased: boolean;
}

/** All of a batch but its entries. */
export interface BatchHeader {
  /** Conversation id. */
  conversation: string;
  /** Peer id. */
  author: string;
  /** 32 hexadecimal digits, lower case. */
  segment: string;
  /** Seq of the first entry; 1 in a new segment. */
  first: number;
  /** The tips it follows: the batch before it in its segment first, then others of its author. */
  follows: readonly Tip[];
}

/** The unit that is written, signed, sent, verified and stored; never divided. */
export interface Batch extends BatchHeader {
  count: number;
  firstClock: string;
  lastClock: string;
  /** 64 hexadecimal digits. */
  hash: string;
  /** All of it, as above. */
  bytes: Uint8Array;
}

const HASH_BYTES = 32;
const SEGMENT_BYTES = 16;
const SIGNATURE_BYTES = 64;
const FIXED_BYTES = 2 * HASH_BYTES + SEGMENT_BYTES + 8 + 2 + 1;
const TIP_BYTES = SEGMENT_BYTES + 8 + 8 + HASH_BYTES;
const CLOCK_BYTES = 8;
const ENTRY_HEAD_BYTES = CLOCK_BYTES + 8 + 8 + 4;
const LEAF_BYTES = CLOCK_BYTES + HASH_BYTES;
/** Stands in the place of `sentAt` of an entry of which only the leaf is left: no time is so great. */
const ERASED_MARK = 0xffffffff;
const ERASED_ENTRY_BYTES = CLOCK_BYTES + 8 + HASH_BYTES;
const UTF8 = new TextEncoder();
const BATCH_DOMAIN = UTF8.encode('p2p-chat/batch/1');
const SIGNATURE_DOMAIN = UTF8.encode('p2p-chat/batch-signature/1');
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Makes and signs a batch.
 * @param entries 1 to MAX_BATCH_ENTRIES, their clocks rising; see {@link fitsBatch}
 */
export function createBatch(header: BatchHeader, entries: readonly NewEntry[], signer: BatchSigner): Batch {
  const contents = entries.map(({ content }) => UTF8.encode(content));
  const start = FIXED_BYTES + header.follows.length * TIP_BYTES;
  const length = contents.reduce((sum, one) => sum + ENTRY_HEAD_BYTES + one.length, start);
  const bytes = new Uint8Array(length + SIGNATURE_BYTES);
  const view = new DataView(bytes.buffer);
  writeHeader(bytes, view, header, entries.length);
  const random = signer.random(8 * entries.length);
  let at = start;
  entries.forEach(({ clock, sentAt }, nth) => {
    const content = contents[nth] as Uint8Array;
    writeClock(view, at, clock);
    writeInteger(view, at + 8, sentAt);
    bytes.set(random.subarray(8 * nth, 8 * nth + 8), at + 16);
    view.setUint32(at + 24, content.length);
    bytes.set(content, at + ENTRY_HEAD_BYTES);
    at += ENTRY_HEAD_BYTES + content.length;
  });
  const hash = hashOf(bytes, view, start, entries.length, signer.sha256);
  bytes.set(signer.sign(signed(hash)), length);
  return {
    ...header,
    count: entries.length,
    firstClock: (entries[0] as NewEntry).clock,
    lastClock: (entries.at(-1) as NewEntry).clock,
    hash: hex(hash),
    bytes,
  };
}

/**
 * Reads a batch that came from somebody, and checks all of it: form, bounds, clocks, hash and signature.
 * @throws {ProtocolError} `batch-malformed` or `signature-wrong`
 */
export function verifyBatch(bytes: Uint8Array, verifier: BatchVerifier): Batch {
  const read = parse(bytes);
  checkFollows(read);
  checkEntries(read);
  const hash = hashOf(bytes, read.view, read.start, read.count, verifier.sha256);
  const signature = bytes.subarray(bytes.length - SIGNATURE_BYTES);
  if (!verifier.verify(read.header.author, signed(hash), signature)) {
    throw new ProtocolError('signature-wrong', `A batch is not signed by ${read.header.author.slice(0, 8)}.`);
  }
  return batchOf(bytes, read, hex(hash));
}

/**
 * Reads a batch from a store, where only verified ones are.
 * @param hash of the batch, as it was when it was verified
 */
export function storedBatch(bytes: Uint8Array, hash: string): Batch {
  return batchOf(bytes, parse(bytes), hash);
}

/** The entries of a batch, in order. A content that is not UTF-8 is given as an empty text, which is no content. */
export function entriesOf(batch: Pick<Batch, 'first' | 'count' | 'follows' | 'bytes'>): Entry[] {
  const { bytes } = batch;
  const view = viewOf(bytes);
  return placesOf(batch).map((at, nth): Entry => {
    const [seq, clock] = [batch.first + nth, readClock(view, at)];
    if (isErased(view, at)) return { seq, clock, sentAt: clockMs(clock), content: '', erased: true };
    const content = bytes.subarray(at + ENTRY_HEAD_BYTES, at + entryBytes(view, at));
    return { seq, clock, sentAt: readInteger(view, at + 8), content: decodeText(content), erased: false };
  });
}

/** The second part of the leaf of an entry, by which references know it: 64 hexadecimal digits. */
export function leafOf(batch: Batch, seq: number, sha256: Sha256): string {
  const at = placesOf(batch)[seq - batch.first] as number;
  return hex(leafHash(batch.bytes, viewOf(batch.bytes), at, sha256));
}

/** Whether any entry of a batch is there as its leaf only. */
export function hasErased(batch: Batch): boolean {
  const view = viewOf(batch.bytes);
  return placesOf(batch).some((at) => isErased(view, at));
}

/** The batch with the content of some entries left out: their leaves stay, and with them its hash and signature. */
export function eraseEntries(batch: Batch, seqs: ReadonlySet<number>, sha256: Sha256): Batch {
  const { bytes } = batch;
  const view = viewOf(bytes);
  const places = placesOf(batch);
  const start = FIXED_BYTES + batch.follows.length * TIP_BYTES;
  const parts = places.map((at, nth) => {
    if (!seqs.has(batch.first + nth) || isErased(view, at))
      return bytes.subarray(at, at + entryBytes(view, at));
    const part = new Uint8Array(ERASED_ENTRY_BYTES).fill(0xff);
    part.set(bytes.subarray(at, at + CLOCK_BYTES));
    part.set(leafHash(bytes, view, at, sha256), CLOCK_BYTES + 8);
    return part;
  });
  const all = [bytes.subarray(0, start), ...parts, bytes.subarray(bytes.length - SIGNATURE_BYTES)];
  const erased = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of all) {
    erased.set(part, to);
    to += part.length;
  }
  return { ...batch, bytes: erased };
}

/** Seq of the last entry. */
export function lastSeq({ first, count }: Pick<Batch, 'first' | 'count'>): number {
  return first + count - 1;
}

/** The batch as a tip. */
export function tipOf(batch: Batch): Tip {
  return { segment: batch.segment, seq: lastSeq(batch), clock: batch.lastClock, hash: batch.hash };
}

/**
 * How many of these contents, from the first on, go into one batch.
 * @param sizes UTF-8 bytes of each content
 */
export function fitsBatch(sizes: readonly number[]): number {
  let [count, bytes] = [0, 0];
  for (const size of sizes) {
    if (count > 0 && (count === MAX_BATCH_ENTRIES || bytes + size > MAX_BATCH_CONTENT_BYTES)) break;
    count += 1;
    bytes += size;
  }
  return count;
}

interface Parsed {
  bytes: Uint8Array;
  view: DataView;
  header: BatchHeader;
  count: number;
  /** Where the entries begin. */
  start: number;
  /** Where each entry begins. */
  places: number[];
}

function parse(bytes: Uint8Array): Parsed {
  if (bytes.length > MAX_BATCH_BYTES) throw malformed('it is too large');
  if (bytes.length < FIXED_BYTES + SIGNATURE_BYTES) throw malformed('it is too short');
  const view = viewOf(bytes);
  let at = 0;
  const take = (length: number): Uint8Array => bytes.subarray(at, (at += length));
  const conversation = base32(take(HASH_BYTES));
  const author = base32(take(HASH_BYTES));
  const segment = hex(take(SEGMENT_BYTES));
  const first = readInteger(view, at);
  const count = view.getUint16(at + 8);
  const tips = view.getUint8(at + 10);
  at += 11;
  const end = bytes.length - SIGNATURE_BYTES;
  if (at + tips * TIP_BYTES > end) throw malformed('its tips are cut off');
  const follows = Array.from({ length: tips }, (): Tip => {
    const tip = hex(take(SEGMENT_BYTES));
    const [seq, clock] = [readInteger(view, at), readClock(view, at + 8)];
    at += 16;
    return { segment: tip, seq, clock, hash: hex(take(HASH_BYTES)) };
  });
  const start = at;
  const places: number[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    places.push(at);
    if (at + ENTRY_HEAD_BYTES > end) throw malformed('its entries are cut off');
    at += entryBytes(view, at);
    if (at > end) throw malformed('its entries are cut off');
  }
  if (at !== end) throw malformed('something follows its entries');
  if (count === 0) throw malformed('it has no entry');
  return { bytes, view, header: { conversation, author, segment, first, follows }, count, start, places };
}

function checkFollows({ header: { segment, first, follows }, count }: Parsed): void {
  if (first < 1 || first + count - 1 > MAX_SEQ) throw malformed('its numbers are out of range');
  if (follows.length > MAX_FOLLOWED_TIPS) throw malformed('it follows too many tips');
  const [before] = follows;
  if (first > 1 && (before?.segment !== segment || before.seq !== first - 1)) {
    throw malformed('it does not follow the batch before it');
  }
  const others = first > 1 ? follows.slice(1) : follows;
  if (others.some((tip) => tip.segment === segment)) throw malformed('it follows its own segment twice');
  if (follows.some(({ seq }) => seq < 1 || seq > MAX_SEQ)) throw malformed('a tip has no such number');
  if (new Set(follows.map((tip) => tip.segment)).size < follows.length)
    throw malformed('it follows a segment twice');
}

function checkEntries({ view, header, count, places }: Parsed): void {
  if (count > MAX_BATCH_ENTRIES) throw malformed('it has too many entries');
  const written = places.filter((at) => !isErased(view, at));
  const content = written.reduce((sum, at) => sum + view.getUint32(at + 24), 0);
  if (content > (count > 1 ? MAX_BATCH_CONTENT_BYTES : MAX_CONTENT_BYTES))
    throw malformed('it has too much content');
  // When it was sent is read as an integer, which not every eight bytes are.
  for (const at of written) readInteger(view, at + CLOCK_BYTES);
  const clocks = places.map((at) => readClock(view, at));
  const [first = '', last = ''] = [clocks[0], clocks.at(-1)];
  if (header.follows.some(({ clock }) => clock >= first))
    throw malformed('it is not later than what it follows');
  if (clocks.some((clock, nth) => nth > 0 && clock <= (clocks[nth - 1] as string)))
    throw malformed('its clocks do not rise');
  if (last >= CLOCK_LIMIT) throw malformed('its clock is out of range');
  if (clockMs(last) - clockMs(first) > MAX_BATCH_SPAN_MS) throw malformed('its clocks span too much');
}

function batchOf(bytes: Uint8Array, { view, header, count, places }: Parsed, hash: string): Batch {
  const [firstClock, lastClock] = [
    readClock(view, places[0] as number),
    readClock(view, places.at(-1) as number),
  ];
  return { ...header, count, firstClock, lastClock, hash, bytes };
}

function hashOf(bytes: Uint8Array, view: DataView, start: number, count: number, sha256: Sha256): Uint8Array {
  const hashed = new Uint8Array(BATCH_DOMAIN.length + start + count * LEAF_BYTES);
  hashed.set(BATCH_DOMAIN);
  hashed.set(bytes.subarray(0, start), BATCH_DOMAIN.length);
  let [from, to] = [start, BATCH_DOMAIN.length + start];
  for (let nth = 0; nth < count; nth += 1) {
    hashed.set(bytes.subarray(from, from + CLOCK_BYTES), to);
    hashed.set(leafHash(bytes, view, from, sha256), to + CLOCK_BYTES);
    [from, to] = [from + entryBytes(view, from), to + LEAF_BYTES];
  }
  return sha256(hashed);
}

/** Where the entries of a batch begin that was checked before. */
function placesOf({ bytes, follows, count }: Pick<Batch, 'count' | 'follows' | 'bytes'>): number[] {
  const view = viewOf(bytes);
  let at = FIXED_BYTES + follows.length * TIP_BYTES;
  return Array.from({ length: count }, () => {
    const place = at;
    at += entryBytes(view, at);
    return place;
  });
}

function isErased(view: DataView, at: number): boolean {
  return (
    view.getUint32(at + CLOCK_BYTES) === ERASED_MARK && view.getUint32(at + CLOCK_BYTES + 4) === ERASED_MARK
  );
}

function entryBytes(view: DataView, at: number): number {
  return isErased(view, at) ? ERASED_ENTRY_BYTES : ENTRY_HEAD_BYTES + view.getUint32(at + 24);
}

function leafHash(bytes: Uint8Array, view: DataView, at: number, sha256: Sha256): Uint8Array {
  const end = at + entryBytes(view, at);
  if (isErased(view, at)) return bytes.subarray(end - HASH_BYTES, end);
  return sha256(bytes.subarray(at + CLOCK_BYTES, end));
}

function signed(hash: Uint8Array): Uint8Array {
  const message = new Uint8Array(SIGNATURE_DOMAIN.length + hash.length);
  message.set(SIGNATURE_DOMAIN);
  message.set(hash, SIGNATURE_DOMAIN.length);
  return message;
}

function writeHeader(bytes: Uint8Array, view: DataView, header: BatchHeader, count: number): void {
  bytes.set(bytesOfBase32(header.conversation), 0);
  bytes.set(bytesOfBase32(header.author), HASH_BYTES);
  let at = 2 * HASH_BYTES;
  bytes.set(bytesOfHex(header.segment), at);
  writeInteger(view, at + SEGMENT_BYTES, header.first);
  at += SEGMENT_BYTES + 8;
  view.setUint16(at, count);
  view.setUint8(at + 2, header.follows.length);
  at += 3;
  for (const { segment, seq, clock, hash } of header.follows) {
    bytes.set(bytesOfHex(segment), at);
    writeInteger(view, at + SEGMENT_BYTES, seq);
    writeClock(view, at + SEGMENT_BYTES + 8, clock);
    bytes.set(bytesOfHex(hash), at + SEGMENT_BYTES + 16);
    at += TIP_BYTES;
  }
}

/** The milliseconds since 1970 of a hybrid logical clock. */
export function clockMs(clock: string): number {
  return Number.parseInt(clock.slice(0, 12), 16);
}

/** 32 bytes as base32 (RFC 4648) in lower case without padding. */
export function base32(bytes: Uint8Array): string {
  return base32nopad.encode(bytes).toLowerCase();
}

/** The bytes of {@link base32}. */
export function bytesOfBase32(text: string): Uint8Array {
  return base32nopad.decode(text.toUpperCase());
}

/** Bytes as hexadecimal digits in lower case. */
export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] as string;
  return text;
}

/** The bytes of {@link hex}. */
export function bytesOfHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  for (let at = 0; at < bytes.length; at += 1)
    bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const UINT32 = 2 ** 32;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readInteger(view: DataView, at: number): number {
  const value = view.getUint32(at) * UINT32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(value)) throw malformed('a number is out of range');
  return value;
}

function writeInteger(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / UINT32));
  view.setUint32(at + 4, value % UINT32);
}

function readClock(view: DataView, at: number): string {
  const [high, low] = [view.getUint32(at), view.getUint32(at + 4)];
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

function writeClock(view: DataView, at: number, clock: string): void {
  view.setUint32(at, Number.parseInt(clock.slice(0, 8), 16));
  view.setUint32(at + 4, Number.parseInt(clock.slice(8), 16));
}

function decodeText(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    return '';
  }
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError('batch-malformed', `Malformed batch: ${reason}.`);
}
