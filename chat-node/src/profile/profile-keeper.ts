import { type Clock, errorMessage, P2pChatError, type Timer } from '@p2p-chat/shared';
import type { Logger } from '../runtime/logger.js';
import type { ProfileLock } from './profile-lock.js';

/** How often a profile whose disk failed is tried again, in milliseconds: sooner than a person starts another node on it. */
export const PROFILE_RETRY_MS = 1_000;

/** Attempts that find another node on the profile before this one gives way: one that cannot start lets go of it again. */
export const PROFILE_TAKEN_ATTEMPTS = 15;

export interface ProfileKeeperParts {
  readonly lock: ProfileLock;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the disk is back. It may have lost what was written shortly before it failed. */
  readonly onBack: () => void;
  /** Called where another node took the profile meanwhile: this one must end. */
  readonly onTaken: () => void;
}

/**
 * Holds a profile for as long as its disk works. A file that is open would keep
 * a disk that failed from being unmounted and repaired, so the lock is let go
 * of, which is safe where nobody else can write to the disk either, and taken
 * again as soon as the disk is back.
 */
export class ProfileKeeper {
  #retry: Timer | null = null;
  #taken = 0;

  constructor(private readonly parts: ProfileKeeperParts) {}

  /** To be called when something on the disk could not be written or read. */
  diskFailed(): void {
    const { lock, logger } = this.parts;
    if (this.#retry !== null || lock.isOnWorkingDisk) return;
    lock.release();
    logger.warn('the disk of the profile takes no writes; its files are closed until it does');
    this.#taken = 0;
    this.#wait();
  }

  /** Lets go of the profile for good. */
  release(): void {
    this.#retry?.clear();
    this.#retry = null;
    this.parts.lock.release();
  }

  #wait(): void {
    this.#retry = this.parts.clock.setTimeout(() => this.#takeAgain(), PROFILE_RETRY_MS);
  }

  #takeAgain(): void {
    const { lock, logger, onBack, onTaken } = this.parts;
    this.#retry = null;
    try {
      lock.takeAgain();
    } catch (error) {
      if (error instanceof P2pChatError && error.code === 'profile-in-use') this.#taken += 1;
      if (this.#taken < PROFILE_TAKEN_ATTEMPTS) return this.#wait();
      logger.error({ error: errorMessage(error) }, 'another node has taken the profile; this one ends');
      return onTaken();
    }
    logger.info('the disk of the profile is back');
    onBack();
  }
}
