import { isIP } from 'node:net';
import { DISCOVERY_PORT, hostKind, LEASE_SECONDS, P2pChatError } from '@p2p-chat/shared';

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

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type StoreChoice = { kind: 'memory' } | { kind: 'mongodb'; uri: string };

/** Shortest lease: clients ask no more often than every second. */
const MIN_LEASE_SECONDS = 2;
/** Longest lease: somebody who is gone for an hour is not online. */
const MAX_LEASE_SECONDS = 3_600;

/** A setting that the service does not take; the message is for the person who starts it. */
export class ConfigError extends P2pChatError {
  constructor(
    readonly variable: string,
    got: string,
    takes: string,
  ) {
    super('config-invalid', `${variable} is ${JSON.stringify(got)}; it takes ${takes}.`);
  }
}

const STORE_TAKES =
  'memory, or for replicas a connection string of MongoDB such as mongodb://db.example/discovery';

/** Every variable, what it takes and what stands for it when it is not set; for the usage text. */
export const SETTINGS = [
  {
    variable: 'DISCOVERY_HOST',
    takes: 'an address of this machine, or 0.0.0.0 or :: for all',
    fallback: '0.0.0.0',
  },
  {
    variable: 'DISCOVERY_PORT',
    takes: 'a port from 1 to 65535, or 0 for any free one',
    fallback: `${DISCOVERY_PORT}`,
  },
  {
    variable: 'DISCOVERY_LEASE_SECONDS',
    takes: `whole seconds from ${MIN_LEASE_SECONDS} to ${MAX_LEASE_SECONDS}`,
    fallback: `${LEASE_SECONDS}`,
  },
  { variable: 'DISCOVERY_REQUIRE_SIGNED', takes: 'on or off', fallback: 'off' },
  { variable: 'DISCOVERY_MDNS', takes: 'on or off', fallback: 'on' },
  { variable: 'DISCOVERY_STORE', takes: STORE_TAKES, fallback: 'memory' },
  { variable: 'LOG_LEVEL', takes: LOG_LEVELS.join(', '), fallback: 'info' },
] as const;
type Variable = (typeof SETTINGS)[number]['variable'];

/**
 * Reads the settings from the environment. A variable that is empty counts as
 * not set.
 * @throws {ConfigError} for the first one that is wrong
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = <T>(variable: Variable, parse: (text: string) => T | undefined): T => {
    const { fallback, takes } = SETTINGS.find((one) => one.variable === variable)!;
    const text = env[variable]?.trim() || fallback;
    const value = parse(text);
    if (value === undefined) throw new ConfigError(variable, withoutPassword(text), takes);
    return value;
  };
  return Object.freeze({
    host: read('DISCOVERY_HOST', parseHost),
    port: read('DISCOVERY_PORT', (text) => parseInteger(text, 0, 65_535)),
    leaseSeconds: read('DISCOVERY_LEASE_SECONDS', (text) =>
      parseInteger(text, MIN_LEASE_SECONDS, MAX_LEASE_SECONDS),
    ),
    requireSigned: read('DISCOVERY_REQUIRE_SIGNED', parseSwitch),
    store: read('DISCOVERY_STORE', parseStore),
    mdns: read('DISCOVERY_MDNS', parseSwitch),
    logLevel: read('LOG_LEVEL', (text) => LOG_LEVELS.find((level) => level === text.toLowerCase())),
  });
}

function parseHost(text: string): string | undefined {
  return isIP(text) !== 0 || hostKind(text) !== 'unusable' ? text : undefined;
}

function parseStore(text: string): StoreChoice | undefined {
  if (text === 'memory') return { kind: 'memory' };
  return /^mongodb(\+srv)?:\/\/[^\s/]+/.test(text) ? { kind: 'mongodb', uri: text } : undefined;
}

// Whatever stands before an @ may be a user and a password.
function withoutPassword(text: string): string {
  return text.replace(/[^/@\s]*@/, '***@');
}

/** The error for a connection string that the driver does not take. */
export function wrongStore(uri: string): ConfigError {
  return new ConfigError('DISCOVERY_STORE', withoutPassword(uri), STORE_TAKES);
}

function parseInteger(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,9}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

function parseSwitch(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case 'on':
      return true;
    case 'off':
      return false;
    default:
      return undefined;
  }
}
