import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { BLOCK_BYTES } from '@p2p-chat/shared/protocol/limits';

/** Hashes bytes in blocks as they come, and writes them to a file where there is one. */
export class BlockHasher {
  readonly #hashes: Buffer[] = [];
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #filled = 0;
  /** Bytes so far. */
  size = 0;

  constructor(private readonly fd: number | null) {}

  add(bytes: Uint8Array): void {
    this.size += bytes.length;
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === 0 && bytes.length - at >= BLOCK_BYTES) {
        this.#done(bytes.subarray(at, at + BLOCK_BYTES));
        at += BLOCK_BYTES;
        continue;
      }
      const taken = Math.min(BLOCK_BYTES - this.#filled, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === BLOCK_BYTES) {
        this.#done(this.#block);
        this.#filled = 0;
      }
    }
  }

  /** Takes what is left for the last block. @returns the hashes of all, one after the other */
  end(): Uint8Array {
    if (this.#filled > 0) this.#done(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
    return new Uint8Array(Buffer.concat(this.#hashes));
  }

  #done(block: Uint8Array): void {
    this.#hashes.push(createHash('sha256').update(block).digest());
    if (this.fd === null) return;
    for (let at = 0; at < block.length;) at += writeSync(this.fd, block, at);
  }
}
