import type { BatchSigner, BatchVerifier } from '@p2p-chat/shared';

/** The key of this node, and what is done with it and with those of others. */
export abstract class IdentityKeys implements BatchSigner, BatchVerifier {
  /** Own peer id. */
  abstract readonly peerId: string;
  abstract sha256(this: void, bytes: Uint8Array): Uint8Array;
  abstract random(this: void, length: number): Uint8Array;
  abstract sign(this: void, message: Uint8Array): Uint8Array;
  /** False also where the author's key is not known: only the own one and those of peers that are linked are. */
  abstract verify(this: void, author: string, message: Uint8Array, signature: Uint8Array): boolean;
}
