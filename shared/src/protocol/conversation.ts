import { base32, bytesOfBase32, bytesOfHex, type Sha256, type Tip } from './batch.js';

/** An entry that a person has seen, and with it all before it in its feed. */
export interface ReadMark {
  segment: string;
  seq: number;
}

/** What one member says of one feed. */
export interface FeedStatement {
  /** Peer id of the feed's author. */
  author: string;
  /** Everything that these stand for is held, or was finally decided. Absent: nothing is said of it. */
  tips?: readonly Tip[];
  /** Up to where the member's person has read; the greatest ones only. Absent: nothing is said of it. */
  read?: readonly ReadMark[];
}

/** All that the two ends of a link know alike of a conversation that has converged. */
export interface ConversationState {
  /** Of a group: `rosterHash` of its operations. */
  roster?: Uint8Array;
  /** Tips of every feed. */
  feeds: readonly { author: string; tips: readonly Tip[] }[];
  /** What each of the two ends has read of each feed, as far as it was told. */
  reads: readonly { member: string; author: string; read: readonly ReadMark[] }[];
}

const UTF8 = new TextEncoder();
const NO_ROSTER = new Uint8Array(32);
const TAG_BYTES = 16;
const DIGEST_BYTES = 16;

/** The conversation of two people: base32 of SHA-256( "p2p-chat/direct/1" | lower peer id | higher one ), 32 bytes each. */
export function directConversation(one: string, other: string, sha256: Sha256): string {
  const [lower, higher] = [one, other].sort() as [string, string];
  return base32(
    sha256(concat(UTF8.encode('p2p-chat/direct/1'), bytesOfBase32(lower), bytesOfBase32(higher))),
  );
}

/**
 * What the ids of a segment's messages begin with: base32 of the first 16
 * bytes of SHA-256( "p2p-chat/message/1" | conversation | author | segment ).
 */
export function segmentTag(conversation: string, author: string, segment: string, sha256: Sha256): string {
  const place = [bytesOfBase32(conversation), bytesOfBase32(author), bytesOfHex(segment)];
  return base32(sha256(concat(UTF8.encode('p2p-chat/message/1'), ...place)).subarray(0, TAG_BYTES));
}

/** The id of a message, the same at every member. */
export function messageId(tag: string, seq: number): string {
  return `${tag}-${seq}`;
}

/** The id of the line by which an operation of a roster stands among the messages. @param hash of the operation */
export function changeId(hash: string): string {
  return messageId(base32(bytesOfHex(hash.slice(0, 2 * TAG_BYTES))), 1);
}

const MESSAGE_ID = /^([a-z2-7]{26})-([1-9][0-9]{0,15})$/;

/** The parts of a message id; null where it is none. */
export function parseMessageId(id: unknown): { tag: string; seq: number } | null {
  const [, tag, seq] = (typeof id === 'string' ? MESSAGE_ID.exec(id) : null) ?? [];
  return tag === undefined ? null : { tag, seq: Number(seq) };
}

/** Whether the text is the id of a message. */
export function isMessageId(id: unknown): id is string {
  return parseMessageId(id) !== null;
}

/**
 * What two ends compare to see that neither lacks anything. Equal digests are
 * the statement of both.
 *
 * The first 16 bytes, which keep short what every link opens with, of SHA-256 over "p2p-chat/digest/1", the conversation, the hash of the roster
 * (32 zero bytes in a direct conversation), then for each feed in the order of
 * authors: author 32 | tips 2 | each tip: segment 16 | seq 8 | hash 32; then for
 * each statement of reading in the order of (member, author): member 32 |
 * author 32 | marks 2 | each mark: segment 16 | seq 8. Tips and marks are in the
 * order of their segments; feeds without tips and statements without marks are left out.
 */
export function conversationDigest(
  conversation: string,
  state: ConversationState,
  sha256: Sha256,
): Uint8Array {
  const parts = [UTF8.encode('p2p-chat/digest/1'), bytesOfBase32(conversation), state.roster ?? NO_ROSTER];
  for (const { author, tips } of sortedBy(state.feeds, (one) => one.author)) {
    if (tips.length === 0) continue;
    parts.push(bytesOfBase32(author), uint(tips.length, 2));
    for (const { segment, seq, hash } of sortedBy(tips, (tip) => tip.segment)) {
      parts.push(bytesOfHex(segment), uint(seq, 8), bytesOfHex(hash));
    }
  }
  for (const { member, author, read } of sortedBy(state.reads, (one) => one.member + one.author)) {
    if (read.length === 0) continue;
    parts.push(bytesOfBase32(member), bytesOfBase32(author), uint(read.length, 2));
    for (const { segment, seq } of sortedBy(read, (mark) => mark.segment)) {
      parts.push(bytesOfHex(segment), uint(seq, 8));
    }
  }
  return sha256(concat(...parts)).subarray(0, DIGEST_BYTES);
}

function sortedBy<T>(list: readonly T[], key: (one: T) => string): T[] {
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function uint(value: number, length: 2 | 8): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes.subarray(8 - length);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
