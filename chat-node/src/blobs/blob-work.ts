import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { BLOCK_BYTES } from '@p2p-chat/shared/protocol/limits';
import { BLOCK_HASH_BYTES, blockCount, blockLength } from '@p2p-chat/shared/protocol/file';
import { packFolder, unpackFolder } from './folder-stream.js';
import type { WrittenBlock } from '../core/ports/blob.store.js';
import { BlockHasher } from './block-hasher.js';

/** What reading a file gave: the hashes of its blocks one after the other. */
export interface HashedFile {
  size: number;
  changedAt: number;
  hashes: Uint8Array;
}

const OWNER_ONLY = 0o600;
/** Written data that waits for the disk: a message that is saved meanwhile waits behind all of it. */
const MAX_UNSYNCED_BYTES = 4 * BLOCK_BYTES;
/** Blocks that are read before others have their turn. */
const BLOCKS_PER_TURN = 4;

/** A file that is being fetched. */
interface Part {
  fd: number;
  size: number;
  hashes: Uint8Array;
  /** Bytes that were written and may not be on the disk yet. */
  unsynced: number;
}

/** What the thread does. It alone reads and hashes whole files, and writes what is fetched. */
export class BlobWork {
  readonly #parts = new Map<string, Part>();

  /**
   * Hashes a file, and copies it where that is wanted.
   * @param copyTo a file that is made anew; null for none
   * @param maxBytes what a copy may have
   */
  async offerFile(path: string, copyTo: string | null, maxBytes: number): Promise<HashedFile> {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const before = fstatSync(fd);
    if (!before.isFile()) throw closed(fd, 'file-unsuitable');
    if (before.size > maxBytes) throw closed(fd, 'too-much');
    const out = copyTo === null ? null : openSync(copyTo, 'w', OWNER_ONLY);
    try {
      const hasher = new BlockHasher(out);
      const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      for (let index = 0; ; index += 1) {
        const bytes = readSync(fd, buffer, 0, BLOCK_BYTES, null);
        if (bytes === 0) break;
        hasher.add(buffer.subarray(0, bytes));
        if (index % BLOCKS_PER_TURN === 0) await turn();
      }
      const hashes = hasher.end();
      const after = fstatSync(fd);
      if (after.size !== hasher.size || after.mtimeMs !== before.mtimeMs || after.size !== before.size) {
        throw coded('file-changed');
      }
      if (out !== null) fsyncSync(out);
      return { size: hasher.size, changedAt: after.mtimeMs, hashes };
    } finally {
      closeSync(fd);
      if (out !== null) closeSync(out);
    }
  }

  /** Packs a folder into one file, and hashes that. */
  async offerFolder(
    path: string,
    copyTo: string,
    maxBytes: number,
  ): Promise<HashedFile & { skipped: string[] }> {
    const out = openSync(copyTo, 'w', OWNER_ONLY);
    try {
      const hasher = new BlockHasher(out);
      const skipped = await packFolder(path, hasher, maxBytes);
      const hashes = hasher.end();
      fsyncSync(out);
      return { size: hasher.size, changedAt: 0, hashes, skipped };
    } finally {
      closeSync(out);
    }
  }

  /** Opens what is fetched of a file. @returns which blocks of it are there: a byte for each, 1 or 0 */
  async openPart(path: string, size: number, hashes: Uint8Array): Promise<Uint8Array> {
    this.closePart(path);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, OWNER_ONLY);
    this.#parts.set(path, { fd, size, hashes, unsynced: 0 });
    const there = new Uint8Array(blockCount(size));
    const written = fstatSync(fd).size;
    if (written > size) ftruncateSync(fd, size);
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    for (let index = 0; index * BLOCK_BYTES < Math.min(written, size); index += 1) {
      const length = blockLength(size, index);
      const bytes = readSync(fd, buffer, 0, length, index * BLOCK_BYTES);
      if (bytes === length && isBlock(buffer.subarray(0, length), hashes, index)) there[index] = 1;
      if (index % BLOCKS_PER_TURN === 0) await turn();
    }
    return there;
  }

  /** Writes a block, if it is the one that it should be. @returns its buffer too, for the next one */
  writePart(path: string, index: number, bytes: Uint8Array<ArrayBuffer>): WrittenBlock {
    const part = this.#parts.get(path);
    if (part === undefined) throw coded('EBADF');
    if (bytes.length !== blockLength(part.size, index) || !isBlock(bytes, part.hashes, index)) {
      return { isRight: false, buffer: bytes.buffer };
    }
    for (let at = 0; at < bytes.length;) {
      at += writeSync(part.fd, bytes, at, bytes.length - at, index * BLOCK_BYTES + at);
    }
    part.unsynced += bytes.length;
    if (part.unsynced >= MAX_UNSYNCED_BYTES) {
      fdatasyncSync(part.fd);
      part.unsynced = 0;
    }
    return { isRight: true, buffer: bytes.buffer };
  }

  /** What was written survives a power cut. */
  syncPart(path: string): void {
    const part = this.#parts.get(path);
    if (part !== undefined) fdatasyncSync(part.fd);
  }

  closePart(path: string): void {
    const part = this.#parts.get(path);
    if (part === undefined) return;
    this.#parts.delete(path);
    closeSync(part.fd);
  }

  /** Makes the files of a packed folder in an empty one. @returns what was left out */
  unpack(path: string, into: string): Promise<string[]> {
    return unpackFolder(path, into);
  }
}

function isBlock(bytes: Uint8Array, hashes: Uint8Array, index: number): boolean {
  const hash = createHash('sha256').update(bytes).digest();
  return hash.equals(hashes.subarray(index * BLOCK_HASH_BYTES, (index + 1) * BLOCK_HASH_BYTES));
}

function closed(fd: number, code: string): Error {
  closeSync(fd);
  return coded(code);
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}
