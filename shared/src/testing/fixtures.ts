import { createPrivateKey, createPublicKey, createHash, type KeyObject } from 'node:crypto';

// PKCS #8 of an Ed25519 key (RFC 8410): this prefix and the 32-byte seed.
const ED25519_PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The same Ed25519 key pair for the same name, for tests alone. */
export function testKeys(name: string): { privateKey: KeyObject; publicKey: KeyObject } {
  const seed = createHash('sha256').update(`test key ${name}`).digest();
  const key = Buffer.concat([ED25519_PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
