import {
  BLOCK_BYTES,
  BLOCK_HASH_BYTES,
  blockCount,
  blockLength,
  fileRoot,
  MAX_BLOCK_REQUESTS,
  type Sha256,
} from '@p2p-chat/shared';
import type { BlobStore, Part } from '../ports/blob.store.js';
import type { BlockConnection, BlockTransport } from '../ports/block.transport.js';
import type { PeerAddress } from '../peers/peer.js';
import type { FileRecord } from './file-record.js';
import type { RateLimit } from './rate-limit.js';

export interface FetchParts {
  blobs: Pick<BlobStore, 'hashes' | 'part' | 'discard'>;
  blocks: Pick<BlockTransport, 'open'>;
  sha256: Sha256;
  limit: RateLimit;
  /** Blocks have come, or are there already. */
  onProgress: (bytes: number) => void;
}

/** Somebody who may have the file. */
export interface FileSource {
  peerId: string;
  addresses: readonly PeerAddress[];
}

/** What an attempt came to: all blocks are there, nobody who was asked has more of them, or nobody was reached. */
export type FetchOutcome = 'whole' | 'absent' | 'unreached';

/** A cut loses what is asked for at that moment: no more than one block and this share of the file. */
const SHARE_IN_FLIGHT = 0.01;

/**
 * Fetches the blocks of one file, from one member after the other until it is
 * whole. A member who gave a wrong block is never asked for this file again.
 */
export class Fetch {
  /** Who gave what is not of the file. */
  readonly liars = new Set<string>();
  #part: Part | null = null;

  constructor(
    private readonly record: FileRecord,
    private readonly parts: FetchParts,
  ) {}

  /** The file, once its hashes are known. */
  get part(): Part | null {
    return this.#part;
  }

  /**
   * Asks each of these for what is missing.
   * @param onConnected somebody answers
   * @throws {BlobError} where the disk does not take it
   */
  async attempt(
    sources: readonly FileSource[],
    onConnected: () => void,
    signal: AbortSignal,
  ): Promise<FetchOutcome> {
    await this.#openKnown();
    let wasReached = false;
    for (const { peerId, addresses } of sources) {
      if (this.#isWhole()) break;
      if (this.liars.has(peerId)) continue;
      signal.throwIfAborted();
      let connection: BlockConnection;
      try {
        connection = await this.parts.blocks.open(peerId, addresses, signal);
      } catch {
        // The next one may be reached.
        continue;
      }
      const stop = (): void => connection.close();
      signal.addEventListener('abort', stop, { once: true });
      try {
        wasReached = true;
        onConnected();
        await this.#fetchFrom(peerId, connection);
      } finally {
        signal.removeEventListener('abort', stop);
        connection.close();
      }
      signal.throwIfAborted();
    }
    if (this.#isWhole()) return 'whole';
    return wasReached ? 'absent' : 'unreached';
  }

  async close(): Promise<void> {
    await this.#part?.close();
    this.#part = null;
  }

  #isWhole(): boolean {
    return this.#part !== null && this.#part.count === blockCount(this.record.file.size);
  }

  /** Opens the file where its hashes are known from before, or are none. */
  async #openKnown(): Promise<void> {
    if (this.#part !== null) return;
    const { size, root } = this.record.file;
    const hashes = size === 0 ? new Uint8Array(0) : await this.parts.blobs.hashes(root);
    if (hashes !== null && this.#areRight(hashes)) await this.#open(hashes);
  }

  async #open(hashes: Uint8Array): Promise<void> {
    this.#part = await this.parts.blobs.part(this.record.file, hashes);
    this.#tell();
  }

  #areRight(hashes: Uint8Array): boolean {
    const { size, root } = this.record.file;
    return (
      hashes.length === blockCount(size) * BLOCK_HASH_BYTES &&
      fileRoot(size, hashes, this.parts.sha256) === root
    );
  }

  async #fetchFrom(peerId: string, connection: BlockConnection): Promise<void> {
    const { conversation, file } = this.record;
    const { root, size } = file;
    if (this.#part === null) {
      const hashes = await connection
        .request({ kind: 'hashes', conversation, root, index: 0 }, blockCount(size) * BLOCK_HASH_BYTES)
        .catch(() => null);
      if (hashes === null) return;
      if (!this.#areRight(hashes)) return void this.liars.add(peerId);
      await this.#open(hashes);
    }
    const missing = this.#missing();
    const lanes = Array.from({ length: lanesFor(blockCount(size)) }, () =>
      this.#lane(peerId, connection, missing),
    );
    // All of them end before the file is used otherwise; the first error counts.
    const ended = await Promise.allSettled(lanes);
    for (const one of ended) if (one.status === 'rejected') throw one.reason;
  }

  async #lane(peerId: string, connection: BlockConnection, missing: Iterator<number>): Promise<void> {
    const { conversation, file } = this.record;
    let buffer: ArrayBuffer | null = null;
    for (let next = missing.next(); next.done !== true; next = missing.next()) {
      const length = blockLength(file.size, next.value);
      await this.parts.limit.pass(length);
      let bytes: Uint8Array<ArrayBuffer> | null;
      try {
        const request = { kind: 'block', conversation, root: file.root, index: next.value } as const;
        buffer ??= new ArrayBuffer(Math.min(file.size, BLOCK_BYTES));
        bytes = await connection.request(request, length, new Uint8Array(buffer));
      } catch {
        // The connection broke, or was closed: another attempt goes on from here.
        return;
      }
      if (bytes === null) continue;
      let isRight: boolean;
      try {
        const written = await this.#part?.write(next.value, bytes);
        isRight = written?.isRight ?? false;
        buffer = written?.buffer ?? null;
      } catch (error) {
        connection.close();
        throw error;
      }
      if (!isRight) {
        this.liars.add(peerId);
        return connection.close();
      }
      this.#tell();
    }
  }

  *#missing(): Generator<number, void, void> {
    const count = blockCount(this.record.file.size);
    for (let index = 0; index < count; index += 1) if (this.#part?.has(index) === false) yield index;
  }

  #tell(): void {
    const { size } = this.record.file;
    const { count } = this.#part ?? { count: 0 };
    const blocks = blockCount(size);
    this.parts.onProgress(blocks === 0 ? 0 : Math.min(size, Math.round((count / blocks) * size)));
  }
}

/** Requests that are open at a time, each with a buffer: they fill a fast wire, and bound the memory. */
function lanesFor(blocks: number): number {
  return Math.min(MAX_BLOCK_REQUESTS, 1 + Math.floor(blocks * SHARE_IN_FLIGHT));
}
