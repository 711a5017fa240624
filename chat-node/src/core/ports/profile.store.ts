import type { PresenceState } from '@p2p-chat/shared';

/** What a person has set for their profile. */
export interface ProfileSettings {
  /** The name that others see. */
  user: string;
  presence: PresenceState;
  /** A short text for others to see; may be empty. */
  status: string;
  /** Whether others are told what was read here. */
  receipts: boolean;
  /** Whether others are told that something is being written to them. */
  typing: boolean;
}

/** Keeps the settings of a profile across restarts. */
export abstract class ProfileStore {
  /**
   * Makes the settings durable.
   * @throws {StorageError}
   */
  abstract save(settings: ProfileSettings): Promise<void>;
}
