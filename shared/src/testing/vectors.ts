import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import type { BatchSigner, BatchVerifier } from '../protocol/batch.js';
import { peerIdOfKey } from '../node/peer-key.js';

const ED25519_PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Somebody of the examples of docs/protocol.md, with a source of "random" bytes that counts. */
export interface VectorPerson extends BatchSigner, BatchVerifier {
  peerId: string;
}

function person(seed: string): VectorPerson {
  const key = Buffer.concat([ED25519_PKCS8_PREFIX, Buffer.from(seed, 'hex')]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  const peerId = peerIdOfKey(publicKey);
  let next = 0;
  return {
    peerId,
    sha256: (bytes) => hash('sha256', bytes, 'buffer'),
    random: (length) => Uint8Array.from({ length }, () => next++ % 256),
    sign: (message) => sign(null, message, privateKey),
    verify: (author, message, signature) => author === peerId && verify(null, message, publicKey, signature),
  };
}

/** The owner of the first test key of RFC 8032, section 7.1. */
export function vectorAlice(): VectorPerson {
  return person('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
}

/** The owner of the second one. */
export function vectorBob(): VectorPerson {
  return person('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
}
