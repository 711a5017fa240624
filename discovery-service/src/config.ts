import {
  ADDRESS_TAKES,
  DISCOVERY_PORT,
  type Environment,
  LEASE_SECONDS,
  listenAddress,
  LOG_LEVELS,
  type LogLevel,
  SettingError,
  Settings,
} from '@p2p-chat/shared';

/** The settings of the service, checked and complete. */
export abstract class Config {
  /** Address to listen on. */
  abstract readonly host: string;
  /** Port to listen on; 0 for any free one. */
  abstract readonly port: number;
  /** How long a lease lasts without a renewal. */
  abstract readonly leaseSeconds: number;
  /** Whether plain entries, without a signature, are refused. */
  abstract readonly requireSigned: boolean;
  /** Where the entries are kept: in memory, or in a MongoDB that replicas share. */
  abstract readonly store: StoreChoice;
  /** Whether the service announces itself on the network. */
  abstract readonly mdns: boolean;
  abstract readonly logLevel: LogLevel;
}

export type StoreChoice = { kind: 'memory' } | { kind: 'mongodb'; uri: string };

/** Shortest lease: clients ask no more often than every second. */
const MIN_LEASE_SECONDS = 2;
/** Longest lease: somebody who is gone for an hour is not online. */
const MAX_LEASE_SECONDS = 3_600;

const LEASE_TAKES = `whole seconds from ${MIN_LEASE_SECONDS} to ${MAX_LEASE_SECONDS}`;
const STORE_TAKES =
  'memory, or for replicas a connection string of MongoDB such as mongodb://db.example/discovery';

/** Every variable, what it takes and what stands for it when it is not set; for the usage text. */
export const SETTINGS = [
  {
    variable: 'DISCOVERY_HOST',
    takes: ADDRESS_TAKES,
    fallback: '0.0.0.0',
  },
  {
    variable: 'DISCOVERY_PORT',
    takes: 'a port, 1 to 65535, or 0 for any free one',
    fallback: `${DISCOVERY_PORT}`,
  },
  {
    variable: 'DISCOVERY_LEASE_SECONDS',
    takes: LEASE_TAKES,
    fallback: `${LEASE_SECONDS}`,
  },
  { variable: 'DISCOVERY_REQUIRE_SIGNED', takes: 'on or off', fallback: 'off' },
  { variable: 'DISCOVERY_MDNS', takes: 'on or off', fallback: 'on' },
  { variable: 'DISCOVERY_STORE', takes: STORE_TAKES, fallback: 'memory' },
  { variable: 'LOG_LEVEL', takes: LOG_LEVELS.join(', '), fallback: 'info' },
] as const;

/**
 * Reads the settings from the environment.
 * @throws {SettingError} for the first one that is wrong
 */
export function readConfig(env: Environment): Config {
  const settings = new Settings(env);
  return Object.freeze({
    host: listenAddress(settings, 'DISCOVERY_HOST') ?? '0.0.0.0',
    port: settings.port('DISCOVERY_PORT') ?? DISCOVERY_PORT,
    leaseSeconds:
      settings.integer('DISCOVERY_LEASE_SECONDS', {
        min: MIN_LEASE_SECONDS,
        max: MAX_LEASE_SECONDS,
        takes: LEASE_TAKES,
      }) ?? LEASE_SECONDS,
    requireSigned: settings.switch('DISCOVERY_REQUIRE_SIGNED') ?? false,
    store: readStore(settings),
    mdns: settings.switch('DISCOVERY_MDNS') ?? true,
    logLevel: settings.word('LOG_LEVEL', LOG_LEVELS) ?? 'info',
  });
}

function readStore(settings: Settings): StoreChoice {
  const text = settings.text('DISCOVERY_STORE') ?? 'memory';
  if (text.toLowerCase() === 'memory') return { kind: 'memory' };
  if (/^mongodb(\+srv)?:\/\/[^\s/]+/.test(text)) return { kind: 'mongodb', uri: text };
  return settings.refuse('DISCOVERY_STORE', { takes: STORE_TAKES, shown: withoutPassword(text) });
}

// Whatever stands before an @ may be a user and a password.
function withoutPassword(text: string): string {
  return text.replace(/[^/@\s]*@/, '***@');
}

/** The error for a connection string that the driver does not take. */
export function wrongStore(uri: string): SettingError {
  return new SettingError('DISCOVERY_STORE', uri, { takes: STORE_TAKES, shown: withoutPassword(uri) });
}
