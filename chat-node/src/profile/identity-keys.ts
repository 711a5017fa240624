import { hash, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { peerIdOfKey, publicKeyOf, rawPublicKey } from '@p2p-chat/shared';
import { IdentityKeys } from '../core/ports/identity.js';
import type { Identity } from './keystore.js';

/** The key of this profile, and the public keys of the peers to which there is a link. */
export class NodeIdentityKeys extends IdentityKeys {
  readonly peerId: string;
  readonly #privateKey: KeyObject;
  readonly #public = new Map<string, KeyObject>();
  readonly #own: KeyObject;
  /** Of members of groups, by peer id; they stay. */
  readonly #members = new Map<string, KeyObject>();
  readonly publicKey: Uint8Array;

  constructor(identity: Pick<Identity, 'peerId' | 'privateKey' | 'publicKey'>) {
    super();
    this.peerId = identity.peerId;
    this.#privateKey = identity.privateKey;
    this.#own = identity.publicKey;
    this.publicKey = rawPublicKey(identity.publicKey);
  }

  /** A peer that gets a link has proved this key: what it signs can be checked from now on. */
  learn(publicKey: KeyObject): void {
    this.#public.set(peerIdOfKey(publicKey), publicKey);
  }

  /** There is no link to the peer any more. */
  forget(peerId: string): void {
    this.#public.delete(peerId);
  }

  override verifyWith = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
    verify(null, message, publicKeyOf(key), signature);

  override learnMember = (key: Uint8Array): void => {
    const publicKey = publicKeyOf(key);
    this.#members.set(peerIdOfKey(publicKey), publicKey);
  };

  override sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

  override random = (length: number): Uint8Array => randomBytes(length);

  override sign = (message: Uint8Array): Uint8Array => sign(null, message, this.#privateKey);

  override verify = (author: string, message: Uint8Array, signature: Uint8Array): boolean => {
    const key = author === this.peerId ? this.#own : (this.#public.get(author) ?? this.#members.get(author));
    return key !== undefined && verify(null, message, key, signature);
  };
}
