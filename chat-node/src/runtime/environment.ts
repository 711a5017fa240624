import { randomUUID } from 'node:crypto';
import type { Clock, ProblemView } from '@p2p-chat/shared';
import type { PageStore } from '../core/ports/page.store.js';
import type { ProfileSettings, ProfileStore } from '../core/ports/profile.store.js';
import type { Identity } from '../profile/keystore.js';
import type { NodeConfig } from './config.js';
import type { Logger } from './logger.js';

/** The profile of a node, locked and read. */
export interface OpenProfile {
  identity: Identity;
  /** What the user has set, and where that is kept. */
  settings: ProfileSettings;
  store: ProfileStore;
  /** Where its page is, and which browsers may use it. */
  page: PageStore;
  /** To be called when the disk of the profile keeps something from working. */
  diskFailed: () => void;
  /** What is wrong with the folder of the profile; null where nothing is. */
  problem: () => ProblemView | null;
}

export interface NodeEnvironmentParts {
  config: NodeConfig;
  profile: OpenProfile;
  clock: Clock;
  /** 0 to 1, as Math.random. */
  random: () => number;
  logger: Logger;
  /** Called when the node is to end. */
  onLogout: () => void;
}

/** What a node is made from, given at its start. Also the DI token. */
export class NodeEnvironment {
  readonly config: NodeConfig;
  readonly profile: OpenProfile;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly onLogout: () => void;
  /** Tells this start from others. */
  readonly instance = randomUUID();

  constructor(parts: NodeEnvironmentParts) {
    this.config = parts.config;
    this.profile = parts.profile;
    this.clock = parts.clock;
    this.random = parts.random;
    this.logger = parts.logger;
    this.onLogout = parts.onLogout;
  }

  get storage(): 'sqlite' | 'mongodb' {
    return this.config.mongodbUri === null ? 'sqlite' : 'mongodb';
  }
}
