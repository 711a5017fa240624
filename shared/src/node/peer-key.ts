import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { base32 } from '../protocol/batch.js';

/**
 * The peer id of a public key: base32 (RFC 4648, lower case, no padding) of
 * SHA-256 over its SubjectPublicKeyInfo in DER.
 */
export function peerIdOfSpki(spki: Uint8Array): string {
  return base32(createHash('sha256').update(spki).digest());
}

/** The peer id of a Node key object; see {@link peerIdOfSpki}. */
export function peerIdOfKey(publicKey: KeyObject): string {
  return peerIdOfSpki(publicKey.export({ type: 'spki', format: 'der' }));
}

/** DER of SubjectPublicKeyInfo for Ed25519 (RFC 8410) before the key itself. */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The 32 bytes of an Ed25519 public key. */
export function rawPublicKey(publicKey: KeyObject): Uint8Array {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return new Uint8Array(spki.subarray(ED25519_SPKI_PREFIX.length));
}

/** The key of {@link rawPublicKey}. */
export function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
}
