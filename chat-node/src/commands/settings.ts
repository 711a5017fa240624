import type { Environment } from '../profile/profile.js';

/** The flags that every command takes. */
export interface ProfileFlags {
  user?: string;
  home?: string;
}

/** The flags of the commands that run a node. */
export interface NodeFlags extends ProfileFlags {
  port?: string;
  discovery?: string[];
  peers?: string[];
  mongodb?: string;
}

/** The settings: the environment, and the flags that were given over it. */
export function settings(env: Environment, flags: NodeFlags): Environment {
  const given = {
    P2P_CHAT_USER: flags.user,
    P2P_CHAT_HOME: flags.home,
    P2P_CHAT_PORT: flags.port,
    DISCOVERY_URLS: flags.discovery?.join(','),
    P2P_CHAT_PEERS: flags.peers?.join(','),
    MONGODB_URI: flags.mongodb,
  };
  return { ...env, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}
