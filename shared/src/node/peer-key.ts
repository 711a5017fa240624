import { createHash, type KeyObject } from 'node:crypto';
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
