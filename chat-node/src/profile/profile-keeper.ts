import { type Clock, errorMessage, P2pChatError, type ProblemView, type Timer } from '@p2p-chat/shared';
import type { Logger } from '../runtime/logger.js';
import type { ProfileLock } from './profile-lock.js';

/** How often it is looked whether the profile is where it was, in milliseconds: a folder is deleted by hand. */
export const PROFILE_LOOK_MS = 1_000;

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
  #watch: Timer | null = null;
  #taken = 0;
  #problem: ProblemView | null = null;

  constructor(private readonly parts: ProfileKeeperParts) {}

  /** What is wrong with the folder of the profile; null where nothing is. */
  get problem(): ProblemView | null {
    return this.#problem;
  }

  /** To be called when something on the disk could not be written or read. */
  diskFailed(): void {
    if (this.#problem === null && !this.parts.lock.isOnWorkingDisk) this.#lost();
  }

  /** Looks now and then whether the profile is where it was, until the release. */
  watch(): void {
    this.#watch = this.parts.clock.setTimeout(() => {
      this.watch();
      if (this.#problem === null && !this.parts.lock.isInPlace) this.#lost();
    }, PROFILE_LOOK_MS);
  }

  /** Lets go of the profile for good. */
  release(): void {
    this.#watch?.clear();
    this.#retry?.clear();
    this.#retry = null;
    this.parts.lock.release();
  }

  #lost(): void {
    const { lock } = this.parts;
    const whereabouts = lock.whereabouts();
    // A disk that failed can be unmounted only where nothing on it is open. A folder that was moved stays held.
    if (whereabouts === null) lock.release();
    this.#taken = 0;
    if (whereabouts === 'deleted') return this.#deleted();
    if (whereabouts !== null) lock.noteMoved(whereabouts.movedTo);
    this.#say(whereabouts);
    this.#wait();
  }

  #say(whereabouts: ReturnType<ProfileLock['whereabouts']>): void {
    const { lock, logger } = this.parts;
    this.#problem = problemOf(lock.home, whereabouts);
    logger.warn({ code: this.#problem.code, home: lock.home }, this.#problem.detail);
  }

  #deleted(): void {
    const { lock, logger, onBack, onTaken } = this.parts;
    this.#say('deleted');
    lock.unlock();
    try {
      lock.keepPlace();
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'another node has taken the place of the profile');
      if (error instanceof P2pChatError && error.code === 'profile-in-use') onTaken();
      return;
    }
    onBack();
  }

  #wait(): void {
    this.#retry = this.parts.clock.setTimeout(() => this.#takeAgain(), PROFILE_RETRY_MS);
  }

  #takeAgain(): void {
    const { lock, logger, onBack, onTaken } = this.parts;
    this.#retry = null;
    if (lock.whereabouts() === 'deleted') return this.#deleted();
    try {
      lock.takeAgain();
    } catch (error) {
      if (error instanceof P2pChatError && error.code === 'profile-in-use') this.#taken += 1;
      if (this.#taken < PROFILE_TAKEN_ATTEMPTS) return this.#wait();
      logger.error({ error: errorMessage(error) }, 'another node has taken the profile; this one ends');
      return onTaken();
    }
    this.#problem = null;
    logger.info('the disk of the profile is back');
    onBack();
  }
}

function problemOf(home: string, whereabouts: ReturnType<ProfileLock['whereabouts']>): ProblemView {
  if (whereabouts === 'deleted') {
    return {
      code: 'profile-deleted',
      detail: `The folder of this profile, ${home}, was deleted; nothing is saved any more.`,
      hint: 'Stop the node (p2p-chat logout). Then put a backup of the folder in its place, or start anew as a new person.',
    };
  }
  if (whereabouts !== null) {
    return {
      code: 'profile-moved',
      detail: `The folder of this profile was moved from ${home} to ${whereabouts.movedTo}; nothing is saved until it is back.`,
      hint: `Move it back, or stop the node and start it with P2P_CHAT_HOME=${whereabouts.movedTo}.`,
    };
  }
  return {
    code: 'profile-unavailable',
    detail: `The folder of this profile, ${home}, cannot be reached or takes no writes.`,
    hint: 'Check that its disk is mounted and works; the node goes on by itself.',
  };
}
