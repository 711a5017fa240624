import type { BatchSigner, BatchVerifier, OperationSigner, OperationVerifier } from '@p2p-chat/shared';

/** The key of this node, and what is done with it and with those of others. */
export abstract class IdentityKeys implements BatchSigner, BatchVerifier, OperationSigner, OperationVerifier {
  /** Own peer id. */
  abstract readonly peerId: string;
  /** Own Ed25519 public key, 32 bytes. */
  abstract readonly publicKey: Uint8Array;
  abstract sha256(this: void, bytes: Uint8Array): Uint8Array;
  abstract random(this: void, length: number): Uint8Array;
  abstract sign(this: void, message: Uint8Array): Uint8Array;
  /** Whether the owner of an Ed25519 public key of 32 bytes signed a message. */
  abstract verifyWith(this: void, key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Takes note of the key of a member of a group: what its owner signs can be checked from now on. */
  abstract learnMember(this: void, key: Uint8Array): void;
  /** False also where the author's key is not known: the own one, those of peers that are linked and of members of groups are. */
  abstract verify(this: void, author: string, message: Uint8Array, signature: Uint8Array): boolean;
}
