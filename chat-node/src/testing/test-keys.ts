import { hash, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { peerIdOfKey, publicKeyOf, rawPublicKey } from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import { IdentityKeys } from '../core/ports/identity.js';

const known = new Map<string, KeyObject>();

/** The keys of a test's person, the same for the same name; they verify everybody's who was made before. */
export class TestKeys extends IdentityKeys {
  readonly peerId: string;
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor(name: string) {
    super();
    const { privateKey, publicKey } = testKeys(name);
    this.#privateKey = privateKey;
    this.peerId = peerIdOfKey(publicKey);
    this.publicKey = rawPublicKey(publicKey);
    known.set(this.peerId, publicKey);
  }

  sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');
  random = (length: number): Uint8Array => randomBytes(length);
  sign = (message: Uint8Array): Uint8Array => sign(null, message, this.#privateKey);
  verifyWith = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    verify(null, message, publicKeyOf(key), signature);
  learnMember = (): void => undefined;
  verify = (author: string, message: Uint8Array, signature: Uint8Array): boolean => {
    const key = known.get(author);
    return key !== undefined && verify(null, message, key, signature);
  };
}
