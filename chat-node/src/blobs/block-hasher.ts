import { createHash } from 'node:crypto';
import { BLOCK_BYTES } from '@p2p-chat/shared/protocol/limits';
import type { SyncedFile } from './synced-file.js';

/** Hashes bytes in blocks as they come, and writes them to a file where there is one. */
export class BlockHasher {
  readonly #hashes: Buffer[] = [];
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #filled = 0;
  /** Bytes so far. */
  size = 0;

  constructor(private readonly out: SyncedFile | null) {}

  /** @param bytes not to be changed until this resolves */
  async add(bytes: Uint8Array): Promise<void> {
    this.size += bytes.length;
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === 0 && bytes.length - at >= BLOCK_BYTES) {
        await this.#done(bytes.subarray(at, at + BLOCK_BYTES));
        at += BLOCK_BYTES;
        continue;
      }
      const taken = Math.min(BLOCK_BYTES - this.#filled, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === BLOCK_BYTES) {
        await this.#done(this.#block);
        this.#filled = 0;
      }
    }
  }

  /** Takes what is left for the last block, and makes all of it durable. @returns the hashes one after the other */
  async end(): Promise<Uint8Array> {
    if (this.#filled > 0) await this.#done(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
    await this.out?.sync();
    return new Uint8Array(Buffer.concat(this.#hashes));
  }

  async #done(block: Uint8Array): Promise<void> {
    await this.out?.write(block, this.#hashes.length * BLOCK_BYTES);
    this.#hashes.push(createHash('sha256').update(block).digest());
  }
}
