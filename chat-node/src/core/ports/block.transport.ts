import type { BlockRequest } from '@p2p-chat/shared';
import type { PeerAddress } from '../peers/peer.js';

/** Answers requests for blocks. */
export interface BlockHandler {
  /** Whether a peer that proved its key may ask for anything. */
  admits(peerId: string): boolean;
  /**
   * @param into a buffer of BLOCK_BYTES that the answer may be read into
   * @returns what was asked for; null where it is not to be had, whatever the reason
   */
  answer(peerId: string, request: BlockRequest, into: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null>;
}

/** A connection to one peer, on which blocks are asked for. */
export interface BlockConnection {
  /**
   * @param length bytes of what is asked for
   * @param into where it goes, as large at least; without it, a new buffer
   * @returns it, or null where the peer does not have it
   * @throws {TransportError} where the connection broke
   */
  request(
    request: BlockRequest,
    length: number,
    into?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | null>;
  close(): void;
}

/** Connections for blocks: beside the links, on the same port. */
export abstract class BlockTransport {
  /** From now on requests of others are answered. */
  abstract serve(handler: BlockHandler): void;
  /** @throws {TransportError} of the most telling attempt */
  abstract open(
    peerId: string,
    addresses: readonly PeerAddress[],
    signal: AbortSignal,
  ): Promise<BlockConnection>;
  /** Ends every connection. */
  abstract stop(): void;
}
