import type { Clock } from '@p2p-chat/shared';
import { StorageError } from '../errors.js';

/** A refusal is old news after this, in milliseconds: whoever still waits has asked again by then. */
export const STORAGE_PROBLEM_MS = 90_000;

/** Whether messages can be kept at the moment, by how the last attempt ended. */
export class StorageHealth {
  #problem: StorageError | null = null;
  #at = 0;

  constructor(private readonly clock: Clock) {}

  /** What the storage refused with last; null where all is well. */
  get problem(): StorageError | null {
    return this.clock.monotonic() - this.#at < STORAGE_PROBLEM_MS ? this.#problem : null;
  }

  /** Something could not be kept. Errors that are not the storage's say nothing about it. */
  failed(error: unknown): void {
    if (!(error instanceof StorageError)) return;
    this.#problem = error;
    this.#at = this.clock.monotonic();
  }

  /** Something was kept. */
  worked(): void {
    this.#problem = null;
  }
}
