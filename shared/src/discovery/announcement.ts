import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { P2pChatError } from '../errors.js';
import { peerIdOfSpki } from '../node/peer-key.js';
import { isPeerId } from '../peer-id.js';
import { isUserName } from '../text.js';
import {
  ANNOUNCEMENT_VALIDITY_MS,
  CLOCK_TOLERANCE_MS,
  MAX_ANNOUNCED_ADDRESSES,
  MAX_HOST_CHARACTERS,
  MAX_INSTANCE_CHARACTERS,
} from '../protocol/limits.js';
import { isUnspecifiedHost, type PeerEntry, type Withdrawal } from './contract.js';

/** What a node says of itself, before it is signed. */
export interface AnnouncementFields {
  /** Empty: the address that the request comes from. */
  host: string;
  port: number;
  user: string;
  /** Further addresses of the same gateway, best first. */
  addresses: string[];
  /** Random per start. */
  instance: string;
  /** Greater than in every earlier announcement of the key. */
  seq: number;
  /** Milliseconds since 1970. */
  expires: number;
}

/** An announcement whose signature was checked. */
export interface VerifiedAnnouncement extends AnnouncementFields {
  peerId: string;
  /** HOST and ADDRESSES together, in the order to try them, without repeats. */
  hosts: string[];
}

/** A signed announcement, ready to be sent. */
export type SignedEntry = PeerEntry & Required<Pick<PeerEntry, SignedField>>;
type SignedField = 'PEER_ID' | 'KEY' | 'INSTANCE' | 'SEQ' | 'EXPIRES' | 'SIGNATURE';

export type AnnouncementErrorCode =
  | 'announcement-malformed'
  | 'announcement-key-mismatch'
  | 'announcement-signature-wrong'
  | 'announcement-expired'
  | 'announcement-too-far-ahead';

export class AnnouncementError extends P2pChatError {
  declare readonly code: AnnouncementErrorCode;
  constructor(
    code: AnnouncementErrorCode,
    /** The field at fault. */
    readonly field: string,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

const ANNOUNCEMENT_CONTEXT = 'p2p-chat/announcement/1';
const WITHDRAWAL_CONTEXT = 'p2p-chat/withdrawal/1';
// An Ed25519 SubjectPublicKeyInfo in DER (RFC 8410): this prefix and 32 bytes.
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519_SPKI_BYTES = ED25519_SPKI_PREFIX.length + 32;
const ED25519_SIGNATURE_BYTES = 64;

/**
 * The bytes that an announcement's signature covers: each field as UTF-8 after
 * its length (uint32, big endian), the context first. Numbers are in decimal,
 * ADDRESSES are joined by commas.
 */
export function announcementBytes(peerId: string, fields: AnnouncementFields): Buffer {
  return lengthPrefixed([
    ANNOUNCEMENT_CONTEXT,
    peerId,
    fields.user,
    fields.host,
    String(fields.port),
    fields.addresses.join(','),
    fields.instance,
    String(fields.seq),
    String(fields.expires),
  ]);
}

/** Signs an announcement with the Ed25519 private key of the peer (RFC 8032). */
export function signAnnouncement(
  fields: AnnouncementFields,
  keys: { privateKey: KeyObject; publicKey: KeyObject },
): SignedEntry {
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const peerId = peerIdOfSpki(spki);
  return {
    HOST: fields.host,
    PORT: fields.port,
    USER: fields.user,
    PEER_ID: peerId,
    KEY: spki.toString('base64'),
    INSTANCE: fields.instance,
    SEQ: fields.seq,
    EXPIRES: fields.expires,
    ...(fields.addresses.length > 0 ? { ADDRESSES: fields.addresses } : {}),
    SIGNATURE: sign(null, announcementBytes(peerId, fields), keys.privateKey).toString('base64'),
  };
}

/** Whether an entry claims to be signed: any of the signed fields is there. */
export function claimsSignature(entry: PeerEntry): boolean {
  return entry.PEER_ID !== undefined || entry.KEY !== undefined || entry.SIGNATURE !== undefined;
}

/**
 * Checks the form, key and signature of an announcement, and its time.
 *
 * @param entry an entry as it came over HTTP or multicast; nothing is trusted
 * @param now the verifier's clock, milliseconds since 1970
 * @throws {AnnouncementError} with the field at fault
 */
export function verifyAnnouncement(entry: PeerEntry, now: number): VerifiedAnnouncement {
  const { peerId, spki, fields, signature } = readSigned(entry);
  if (peerIdOfSpki(spki) !== peerId) {
    throw new AnnouncementError('announcement-key-mismatch', 'PEER_ID', 'PEER_ID is not the hash of KEY.');
  }
  if (fields.expires < now - CLOCK_TOLERANCE_MS) {
    throw new AnnouncementError('announcement-expired', 'EXPIRES', 'The announcement has expired.', {
      hint: 'Sign a new one; compare the clock with `now` of this answer.',
    });
  }
  if (fields.expires > now + ANNOUNCEMENT_VALIDITY_MS + CLOCK_TOLERANCE_MS) {
    throw new AnnouncementError(
      'announcement-too-far-ahead',
      'EXPIRES',
      'The announcement would be valid for too long.',
      {
        hint: 'Compare the clock with `now` of this answer.',
      },
    );
  }
  if (!verifyEd25519(announcementBytes(peerId, fields), spki, signature)) {
    throw new AnnouncementError(
      'announcement-signature-wrong',
      'SIGNATURE',
      'SIGNATURE does not fit the announcement.',
    );
  }
  const hosts = [...new Set([entry.HOST, ...fields.addresses])].filter((host) => host !== '');
  return { ...fields, peerId, hosts };
}

/** Signs the withdrawal of an announcement. `seq` is that of the announcement or greater. */
export function signWithdrawal(
  fields: { instance: string; seq: number },
  keys: { privateKey: KeyObject; publicKey: KeyObject },
): Withdrawal {
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const bytes = withdrawalBytes(peerIdOfSpki(spki), fields);
  return {
    KEY: spki.toString('base64'),
    INSTANCE: fields.instance,
    SEQ: fields.seq,
    SIGNATURE: sign(null, bytes, keys.privateKey).toString('base64'),
  };
}

/**
 * Checks a withdrawal for the peer it is meant for.
 * @throws {AnnouncementError}
 */
export function verifyWithdrawal(peerId: string, withdrawal: Withdrawal): void {
  const { KEY, INSTANCE, SEQ, SIGNATURE } = withdrawal;
  if (!isPeerId(peerId)) throw malformed('PEER_ID', 'is not a peer id');
  const spki = readKey(KEY);
  if (peerIdOfSpki(spki) !== peerId) {
    throw new AnnouncementError('announcement-key-mismatch', 'KEY', 'KEY is not the key of this peer.');
  }
  const bytes = withdrawalBytes(peerId, { instance: INSTANCE, seq: SEQ });
  if (!verifyEd25519(bytes, spki, readSignature(SIGNATURE))) {
    throw new AnnouncementError(
      'announcement-signature-wrong',
      'SIGNATURE',
      'SIGNATURE does not fit the withdrawal.',
    );
  }
}

function withdrawalBytes(peerId: string, fields: { instance: string; seq: number }): Buffer {
  return lengthPrefixed([WITHDRAWAL_CONTEXT, peerId, fields.instance, String(fields.seq)]);
}

function readSigned(entry: PeerEntry): {
  peerId: string;
  spki: Buffer;
  fields: AnnouncementFields;
  signature: Buffer;
} {
  const { PEER_ID, INSTANCE, SEQ, EXPIRES, ADDRESSES = [] } = entry;
  const host = entry.SIGNED_HOST ?? entry.HOST;
  if (entry.SIGNED_HOST !== undefined && !isUnspecifiedHost(entry.SIGNED_HOST)) {
    // Otherwise whoever passes the entry on could put any HOST beside the signed one.
    throw malformed('SIGNED_HOST', 'is there only where the signed host was left open');
  }
  if (!isPeerId(PEER_ID)) throw malformed('PEER_ID', 'is not a peer id');
  // Where they differ, HOST is what a service put there, and as foreign as the rest.
  if (!isHostText(host) || !isHostText(entry.HOST)) throw malformed('HOST', 'is not a host');
  if (!isUserName(entry.USER)) throw malformed('USER', 'is not a user name');
  if (!Number.isInteger(entry.PORT) || entry.PORT < 1 || entry.PORT > 65_535)
    throw malformed('PORT', 'is 1 to 65535');
  if (typeof INSTANCE !== 'string' || INSTANCE === '' || INSTANCE.length > MAX_INSTANCE_CHARACTERS) {
    throw malformed('INSTANCE', `is a text of 1 to ${MAX_INSTANCE_CHARACTERS} characters`);
  }
  if (!isCount(SEQ)) throw malformed('SEQ', 'is a whole number');
  if (!isCount(EXPIRES)) throw malformed('EXPIRES', 'is a time in milliseconds');
  if (
    !Array.isArray(ADDRESSES) ||
    ADDRESSES.length > MAX_ANNOUNCED_ADDRESSES ||
    !ADDRESSES.every(isAddress)
  ) {
    throw malformed('ADDRESSES', `is a list of at most ${MAX_ANNOUNCED_ADDRESSES} addresses`);
  }
  return {
    peerId: PEER_ID,
    spki: readKey(entry.KEY),
    signature: readSignature(entry.SIGNATURE),
    fields: {
      host,
      port: entry.PORT,
      user: entry.USER,
      addresses: ADDRESSES,
      instance: INSTANCE,
      seq: SEQ,
      expires: EXPIRES,
    },
  };
}

function readKey(base64: unknown): Buffer {
  const spki = decodeBase64(base64);
  if (
    spki.length !== ED25519_SPKI_BYTES ||
    !spki.subarray(0, ED25519_SPKI_PREFIX.length).equals(ED25519_SPKI_PREFIX)
  ) {
    throw malformed('KEY', 'is not an Ed25519 public key (SubjectPublicKeyInfo, base64)');
  }
  return spki;
}

function readSignature(base64: unknown): Buffer {
  const signature = decodeBase64(base64);
  if (signature.length !== ED25519_SIGNATURE_BYTES)
    throw malformed('SIGNATURE', 'is not an Ed25519 signature (base64)');
  return signature;
}

// Node skips what is not base64, so that many texts would stand for one key and
// anything could hide in them; only the canonical text counts.
function decodeBase64(text: unknown): Buffer {
  if (typeof text !== 'string') return Buffer.alloc(0);
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : Buffer.alloc(0);
}

function verifyEd25519(bytes: Buffer, spki: Buffer, signature: Buffer): boolean {
  return verify(null, bytes, createPublicKey({ key: spki, type: 'spki', format: 'der' }), signature);
}

function isHostText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_HOST_CHARACTERS;
}

function isAddress(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= MAX_HOST_CHARACTERS && !value.includes(',')
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(field: string, reason: string): AnnouncementError {
  return new AnnouncementError('announcement-malformed', field, `${field} ${reason}.`);
}

function lengthPrefixed(fields: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (const field of fields) {
    const bytes = Buffer.from(field, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}
