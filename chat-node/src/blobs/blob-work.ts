import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { BLOCK_BYTES } from '@p2p-chat/shared/protocol/limits';
import { BLOCK_HASH_BYTES, blockCount, blockLength } from '@p2p-chat/shared/protocol/file';
import { packFolder, unpackFolder } from './folder-stream.js';
import type { WrittenBlock } from '../core/ports/blob.store.js';
import { BlockHasher } from './block-hasher.js';
import { SyncedFile } from './synced-file.js';

/** What reading a file gave: the hashes of its blocks one after the other. */
export interface HashedFile {
  size: number;
  changedAt: number;
  hashes: Uint8Array;
}

const OWNER_ONLY = 0o600;

/** A file that is being fetched. */
interface Part {
  out: SyncedFile;
  size: number;
  hashes: Uint8Array;
}

/** Bytes that are handed over to be offered. */
interface Draft {
  out: SyncedFile;
  hasher: BlockHasher;
}

/** What the thread does. It alone reads and hashes whole files, and writes what is fetched. */
export class BlobWork {
  readonly #parts = new Map<string, Part>();
  readonly #drafts = new Map<string, Draft>();

  /**
   * Hashes a file, and copies it where that is wanted.
   * @param copyTo a file that is made anew; null for none
   * @param maxBytes what a copy may have
   */
  async offerFile(path: string, copyTo: string | null, maxBytes: number): Promise<HashedFile> {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const before = await file.stat();
      if (!before.isFile()) throw coded('file-unsuitable');
      if (before.size > maxBytes) throw coded('too-much');
      const { size, hashes } = copyTo === null ? await hashed(file, null) : await copied(file, path, copyTo);
      const after = await file.stat();
      if (after.size !== size || after.mtimeMs !== before.mtimeMs || after.size !== before.size) {
        throw coded('file-changed');
      }
      return { size, changedAt: after.mtimeMs, hashes };
    } finally {
      await file.close();
    }
  }

  /** Packs a folder into one file, and hashes that. */
  async offerFolder(
    path: string,
    copyTo: string,
    maxBytes: number,
  ): Promise<HashedFile & { skipped: string[] }> {
    await this.openDraft(copyTo);
    try {
      const skipped = await packFolder(path, this.#draft(copyTo).hasher, maxBytes);
      return { ...(await this.endDraft(copyTo)), skipped };
    } finally {
      await this.closeDraft(copyTo);
    }
  }

  /** Makes a file for bytes that are handed over with {@link addToDraft}. */
  async openDraft(path: string): Promise<void> {
    const out = new SyncedFile(await open(path, 'wx', OWNER_ONLY));
    this.#drafts.set(path, { out, hasher: new BlockHasher(out) });
  }

  /** @returns the buffer, which is free again */
  async addToDraft(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<{ buffer: ArrayBuffer }> {
    await this.#draft(path).hasher.add(bytes);
    return { buffer: bytes.buffer };
  }

  /** What was handed over is durable when this resolves. */
  async endDraft(path: string): Promise<HashedFile> {
    const { hasher } = this.#draft(path);
    return { hashes: await hasher.end(), size: hasher.size, changedAt: 0 };
  }

  async closeDraft(path: string): Promise<void> {
    const draft = this.#drafts.get(path);
    this.#drafts.delete(path);
    await draft?.out.close();
  }

  /** Opens what is fetched of a file. @returns which blocks of it are there: a byte for each, 1 or 0 */
  async openPart(path: string, size: number, hashes: Uint8Array): Promise<Uint8Array> {
    await this.closePart(path);
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, OWNER_ONLY);
    this.#parts.set(path, { out: new SyncedFile(file), size, hashes });
    const there = new Uint8Array(blockCount(size));
    const written = (await file.stat()).size;
    if (written > size) await file.truncate(size);
    const buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    for (let index = 0; index * BLOCK_BYTES < Math.min(written, size); index += 1) {
      const length = blockLength(size, index);
      const { bytesRead } = await file.read(buffer, 0, length, index * BLOCK_BYTES);
      if (bytesRead === length && isBlock(buffer.subarray(0, length), hashes, index)) there[index] = 1;
    }
    return there;
  }

  /** Writes a block, if it is the one that it should be. @returns its buffer too, for the next one */
  async writePart(path: string, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<WrittenBlock> {
    const part = this.#parts.get(path);
    if (part === undefined) throw coded('EBADF');
    const isRight = bytes.length === blockLength(part.size, index) && isBlock(bytes, part.hashes, index);
    if (isRight) await part.out.write(bytes, index * BLOCK_BYTES);
    return { isRight, buffer: bytes.buffer };
  }

  /** What was written survives a power cut. */
  async syncPart(path: string): Promise<void> {
    await this.#parts.get(path)?.out.sync();
  }

  async closePart(path: string): Promise<void> {
    const part = this.#parts.get(path);
    this.#parts.delete(path);
    await part?.out.close();
  }

  /** Makes the files of a packed folder in an empty one. @returns what was left out */
  unpack(path: string, into: string): Promise<string[]> {
    return unpackFolder(path, into);
  }

  #draft(path: string): Draft {
    const draft = this.#drafts.get(path);
    if (draft === undefined) throw coded('EBADF');
    return draft;
  }
}

/** Hashes a file from its start to its end. @param out where it is copied to */
async function hashed(
  file: FileHandle,
  out: SyncedFile | null,
): Promise<{ size: number; hashes: Uint8Array }> {
  const hasher = new BlockHasher(out);
  let [block, spare] = [Buffer.allocUnsafeSlow(BLOCK_BYTES), Buffer.allocUnsafeSlow(BLOCK_BYTES)];
  let { bytesRead } = await file.read(block, 0, BLOCK_BYTES, null);
  while (bytesRead > 0) {
    // The next block is read while this one is hashed and written.
    const [next] = await Promise.all([
      file.read(spare, 0, BLOCK_BYTES, null),
      hasher.add(block.subarray(0, bytesRead)),
    ]);
    [block, spare] = [spare, block];
    ({ bytesRead } = next);
  }
  return { hashes: await hasher.end(), size: hasher.size };
}

/** Makes a copy of a file, which shares its blocks on the disk where the file system can do that. */
async function copied(
  file: FileHandle,
  path: string,
  copyTo: string,
): Promise<{ size: number; hashes: Uint8Array }> {
  const isClone = await copyFile(path, copyTo, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
  const copy = await open(copyTo, isClone ? 'r+' : 'w', OWNER_ONLY);
  const out = new SyncedFile(copy);
  try {
    if (!isClone) return await hashed(file, out);
    await copy.chmod(OWNER_ONLY);
    const whole = await hashed(copy, null);
    await out.sync();
    return whole;
  } finally {
    await out.close();
  }
}

function isBlock(bytes: Uint8Array, hashes: Uint8Array, index: number): boolean {
  const hash = createHash('sha256').update(bytes).digest();
  return hash.equals(hashes.subarray(index * BLOCK_HASH_BYTES, (index + 1) * BLOCK_HASH_BYTES));
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}
