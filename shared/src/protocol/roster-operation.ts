import { base64 } from '@scure/base';
import { isPeerId } from '../peer-id.js';
import { isUserName } from '../text.js';
import { base32, bytesOfBase32, bytesOfHex, hex, type Sha256, type Tip } from './batch.js';
import { type ForkProof, verifyFork } from './fork.js';
import { ProtocolError } from './frame.js';
import {
  CLOCK_LIMIT,
  MAX_FOLLOWED_TIPS,
  MAX_FORK_DETAIL_BYTES,
  MAX_HISTORY_DAYS,
  MAX_ROSTER_DETAIL_BYTES,
  MAX_ROSTER_PARENTS,
  MAX_SEQ,
} from './limits.js';

/*
 * A roster operation as bytes, the same on the wire and in the stores. Numbers
 * are unsigned and big endian; see docs/protocol.md for a worked example.
 *
 *   conversation 32 (zero in `found`) | author's public key 32 | clock 8
 *   parents 1 | for each: hash 32, rising | length 4 | detail (JSON) | signature 64
 *
 *   hash   = SHA-256( "p2p-chat/roster/1" | all before the signature )
 *   signed: "p2p-chat/roster-signature/1" | hash
 *
 * The id of a group is base32 of the hash of its `found`.
 */

/** What newcomers get of what was written before they came: nothing, all, or so many days. */
export type HistoryPolicy = 'join' | 'all' | number;

/** How a group is run. */
export interface GroupPolicy {
  /** An open room: listed to everybody, entered by `join`. */
  open: boolean;
  history: HistoryPolicy;
}

/** What an operation does. `user` is a label: the name of the person it is about, as its author shows it. */
export type RosterDetail =
  | { kind: 'found'; name: string; user: string; open: boolean; history: HistoryPolicy; nonce: string }
  | { kind: 'add'; person: string; user: string }
  | { kind: 'accept'; user: string }
  | { kind: 'decline' }
  | { kind: 'join'; user: string }
  /** `tips`: of the author's own feed. What goes beyond does not count. */
  | { kind: 'leave'; tips: readonly Tip[] }
  /** `tips`: of the removed person's feed, as the author holds it. What goes beyond does not count. */
  | { kind: 'remove'; person: string; tips: readonly Tip[] }
  | { kind: 'promote'; person: string }
  | { kind: 'demote'; person: string }
  | { kind: 'rename'; name: string }
  | { kind: 'policy'; open: boolean; history: HistoryPolicy }
  /** Proves that the person signed two batches for one place of their feed. `key`: theirs, 64 hexadecimal digits. */
  | { kind: 'fork'; person: string; key: string; batches: ForkProof };
export type RosterKind = RosterDetail['kind'];

/** A signed change of a group's roster. */
export interface RosterOperation {
  /** 64 hexadecimal digits. */
  hash: string;
  /** Conversation id. */
  conversation: string;
  /** Peer id, which follows from the key. */
  author: string;
  /** Ed25519 public key of the author, 32 bytes. */
  key: Uint8Array;
  /** Hybrid logical clock, greater than those of its parents. */
  clock: string;
  /** Hashes of the operations that its author had seen and no other of them names. */
  parents: readonly string[];
  detail: RosterDetail;
  bytes: Uint8Array;
}

/** What an author needs to make operations. */
export interface OperationSigner {
  /** Ed25519 public key, 32 bytes. */
  publicKey: Uint8Array;
  sha256: Sha256;
  sign: (message: Uint8Array) => Uint8Array;
}

/** What a receiver needs to check operations. */
export interface OperationVerifier {
  sha256: Sha256;
  /** Whether the signature is by the owner of an Ed25519 public key. */
  verifyWith: (key: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
}

export interface NewOperation {
  /** Null in a `found`. */
  conversation: string | null;
  clock: string;
  parents: readonly string[];
  detail: RosterDetail;
}

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
const HEAD_BYTES = 2 * HASH_BYTES + 8 + 1;
const UTF8 = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const DOMAIN = UTF8.encode('p2p-chat/roster/1');
const SIGNATURE_DOMAIN = UTF8.encode('p2p-chat/roster-signature/1');
const SET_DOMAIN = UTF8.encode('p2p-chat/roster-set/1');
/** DER of SubjectPublicKeyInfo for Ed25519 (RFC 8410) before the key itself. */
const SPKI_PREFIX = bytesOfHex('302a300506032b6570032100');

/** The peer id of an Ed25519 public key of 32 bytes. */
export function peerIdOfPublicKey(key: Uint8Array, sha256: Sha256): string {
  return base32(sha256(concat(SPKI_PREFIX, key)));
}

/** Makes and signs an operation. */
export function createOperation(
  { conversation, clock, parents, detail }: NewOperation,
  signer: OperationSigner,
): RosterOperation {
  const text = UTF8.encode(JSON.stringify(detail));
  const sorted = [...parents].sort();
  const body = concat(
    conversation === null ? new Uint8Array(HASH_BYTES) : bytesOfBase32(conversation),
    signer.publicKey,
    bytesOfHex(clock),
    Uint8Array.of(sorted.length),
    ...sorted.map(bytesOfHex),
    uint32(text.length),
    text,
  );
  const hash = signer.sha256(concat(DOMAIN, body));
  return {
    hash: hex(hash),
    conversation: conversation ?? base32(hash),
    author: peerIdOfPublicKey(signer.publicKey, signer.sha256),
    key: signer.publicKey,
    clock,
    parents: sorted,
    detail,
    bytes: concat(body, signer.sign(concat(SIGNATURE_DOMAIN, hash))),
  };
}

/**
 * Reads an operation that came from somebody, and checks its form, bounds and signature. Whether it counts is
 * for `resolveRoster`.
 * @throws {ProtocolError} `operation-malformed` or `signature-wrong`
 */
export function verifyOperation(bytes: Uint8Array, verifier: OperationVerifier): RosterOperation {
  const operation = parse(bytes, verifier.sha256);
  const signature = bytes.subarray(bytes.length - SIGNATURE_BYTES);
  const signed = concat(SIGNATURE_DOMAIN, bytesOfHex(operation.hash));
  if (!verifier.verifyWith(operation.key, signed, signature)) {
    throw new ProtocolError('signature-wrong', 'A roster operation is not signed by its author.');
  }
  if (operation.detail.kind === 'fork') {
    const { person, batches } = operation.detail;
    const key = bytesOfHex(operation.detail.key);
    if (peerIdOfPublicKey(key, verifier.sha256) !== person) throw malformed('its key is of somebody else');
    verifyFork(batches, operation.conversation, {
      sha256: verifier.sha256,
      verify: (author, message, signed) => author === person && verifier.verifyWith(key, message, signed),
    });
  }
  return operation;
}

/** Reads an operation from a store, where only verified ones are. */
export function storedOperation(bytes: Uint8Array, sha256: Sha256): RosterOperation {
  return parse(bytes, sha256);
}

/** What stands for a set of operations in a digest: SHA-256( "p2p-chat/roster-set/1" | the hashes, rising ). */
export function rosterHash(hashes: Iterable<string>, sha256: Sha256): Uint8Array {
  return sha256(concat(SET_DOMAIN, ...[...hashes].sort().map(bytesOfHex)));
}

/** Bytes of an operation as a text of a frame. */
export function operationText(bytes: Uint8Array): string {
  return base64.encode(bytes);
}

/** The bytes of {@link operationText}. @throws {ProtocolError} `operation-malformed` */
export function operationBytes(text: string): Uint8Array {
  try {
    return base64.decode(text);
  } catch (error) {
    throw new ProtocolError('operation-malformed', 'A roster operation is not base64.', error);
  }
}

function parse(bytes: Uint8Array, sha256: Sha256): RosterOperation {
  if (bytes.length < HEAD_BYTES + 4 + SIGNATURE_BYTES) throw malformed('it is too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parentCount = bytes[HEAD_BYTES - 1] as number;
  const at = HEAD_BYTES + parentCount * HASH_BYTES;
  const end = bytes.length - SIGNATURE_BYTES;
  if (parentCount > MAX_ROSTER_PARENTS) throw malformed('it names too many others');
  if (at + 4 > end || at + 4 + view.getUint32(at) !== end) throw malformed('its length is wrong');
  if (end - at - 4 > MAX_FORK_DETAIL_BYTES) throw malformed('it is too large');
  const parents = Array.from({ length: parentCount }, (_, nth) =>
    hex(bytes.subarray(HEAD_BYTES + nth * HASH_BYTES, HEAD_BYTES + (nth + 1) * HASH_BYTES)),
  );
  if (parents.some((one, nth) => nth > 0 && one <= (parents[nth - 1] as string)))
    throw malformed('the operations that it names are not in order');
  const detail = readDetail(bytes.subarray(at + 4, end));
  const isFound = detail.kind === 'found';
  const conversation = bytes.subarray(0, HASH_BYTES);
  if (isFound !== conversation.every((byte) => byte === 0)) throw malformed('it names no conversation');
  if (isFound !== (parentCount === 0)) throw malformed('it names no other operation');
  const clock = hex(bytes.subarray(2 * HASH_BYTES, 2 * HASH_BYTES + 8));
  if (clock >= CLOCK_LIMIT) throw malformed('its clock is out of range');
  const hash = sha256(concat(DOMAIN, bytes.subarray(0, end)));
  const key = bytes.slice(HASH_BYTES, 2 * HASH_BYTES);
  return {
    hash: hex(hash),
    conversation: base32(isFound ? hash : conversation),
    author: peerIdOfPublicKey(key, sha256),
    key,
    clock,
    parents,
    detail,
    bytes,
  };
}

type Fields = Record<string, unknown>;

const READERS: Record<RosterKind, (fields: Fields) => boolean> = {
  found: ({ name, user, open, history, nonce }) =>
    isUserName(name) && isUserName(user) && isPolicy(open, history) && isHex(nonce, 32),
  add: ({ person, user }) => isPeerId(person) && isUserName(user),
  accept: ({ user }) => isUserName(user),
  decline: () => true,
  join: ({ user }) => isUserName(user),
  leave: ({ tips }) => areTips(tips),
  remove: ({ person, tips }) => isPeerId(person) && areTips(tips),
  promote: ({ person }) => isPeerId(person),
  demote: ({ person }) => isPeerId(person),
  rename: ({ name }) => isUserName(name),
  policy: ({ open, history }) => isPolicy(open, history),
  fork: ({ person, key, batches }) =>
    isPeerId(person) &&
    isHex(key, 64) &&
    Array.isArray(batches) &&
    batches.length === 2 &&
    batches.every((one) => typeof one === 'string'),
};

function readDetail(bytes: Uint8Array): RosterDetail {
  let value: unknown;
  let text: string;
  try {
    text = DECODER.decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw malformed('its detail is not JSON in UTF-8', error);
  }
  // Written anew it is the same text, or a name stands twice or something else is not as it is written.
  if (typeof value !== 'object' || value === null || JSON.stringify(value) !== text)
    throw malformed('its detail is not a JSON object as it is written');
  const fields = value as Fields;
  const { kind } = fields;
  if (typeof kind !== 'string' || !Object.hasOwn(READERS, kind)) throw malformed('its kind is not known');
  if (kind !== 'fork' && bytes.length > MAX_ROSTER_DETAIL_BYTES) throw malformed('it is too large');
  if (!READERS[kind as RosterKind](fields)) throw malformed(`a field of its ${kind} is missing or wrong`);
  return value as RosterDetail;
}

/** Whether the value says what newcomers get. */
export function isHistoryPolicy(value: unknown): value is HistoryPolicy {
  if (value === 'join' || value === 'all') return true;
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_HISTORY_DAYS;
}

function isPolicy(open: unknown, history: unknown): boolean {
  return typeof open === 'boolean' && isHistoryPolicy(history);
}

function areTips(value: unknown): boolean {
  if (!Array.isArray(value) || value.length > MAX_FOLLOWED_TIPS) return false;
  return value.every((one: unknown) => {
    if (typeof one !== 'object' || one === null) return false;
    const { segment, seq, clock, hash } = one as Fields;
    const isSeq = Number.isSafeInteger(seq) && (seq as number) >= 1 && (seq as number) <= MAX_SEQ;
    return isHex(segment, 32) && isSeq && isHex(clock, 16) && isHex(hash, 64);
  });
}

function isHex(value: unknown, length: number): boolean {
  return typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value);
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
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

function malformed(reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError('operation-malformed', `A roster operation is malformed: ${reason}.`, cause);
}
