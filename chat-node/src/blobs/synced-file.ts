import { writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { errorMessage } from '@p2p-chat/shared/errors';
import { BLOCK_BYTES } from '@p2p-chat/shared/protocol/limits';

/** Written data that is handed to the disk at a time: a message that is saved meanwhile waits behind all of it. */
const SYNC_BYTES = 4 * BLOCK_BYTES;
/** Written data that a slow disk may be behind with; then it gets more at a time. */
const MAX_UNSYNCED_BYTES = 8 * SYNC_BYTES;

/** A file that is written while what came before is made durable. */
export class SyncedFile {
  #unsynced = 0;
  /** Stays, rejected, after a failure. */
  #syncing: Promise<void> | null = null;

  constructor(readonly handle: FileHandle) {}

  /** @throws what the operating system says, also of earlier bytes */
  async write(bytes: Uint8Array, at: number): Promise<void> {
    // In this thread: a slow disk must not take those that the whole process shares.
    for (let done = 0; done < bytes.length;) {
      done += writeSync(this.handle.fd, bytes, done, bytes.length - done, at + done);
    }
    this.#unsynced += bytes.length;
    this.#startSync();
    if (this.#unsynced >= MAX_UNSYNCED_BYTES) await this.#syncing;
  }

  /** What was written survives a power cut. */
  async sync(): Promise<void> {
    await this.#syncing;
    await this.#datasync();
  }

  async close(): Promise<void> {
    await this.#syncing?.catch(() => undefined);
    await this.handle.close();
  }

  #startSync(): void {
    if (this.#syncing !== null || this.#unsynced < SYNC_BYTES) return;
    this.#syncing = this.#datasync();
    this.#syncing.then(
      () => {
        this.#syncing = null;
        this.#startSync();
      },
      // Who writes or syncs next hears of it.
      () => undefined,
    );
  }

  /** Of what a disk did not take nobody knows which part it was: that is its failure, whatever the reason. */
  async #datasync(): Promise<void> {
    this.#unsynced = 0;
    try {
      await this.handle.datasync();
    } catch (cause) {
      throw Object.assign(new Error(errorMessage(cause), { cause }), { code: 'EIO' });
    }
  }
}
