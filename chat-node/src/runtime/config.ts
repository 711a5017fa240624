import { DISCOVERY_PORT, P2pChatError, PEER_PORT } from '@p2p-chat/shared';
import type { FixedSettings } from '../chat/own-profile.js';
import type { PeerAddress } from '../chat/peer.js';
import type { LogLevel } from './logger.js';
import { type Environment, type Profile, resolveProfile } from '../profile/profile.js';

/** Everything that can be set, read once at start. */
export interface NodeConfig extends Profile {
  /** Address that the peer gateway listens on; '' for all. */
  host: string;
  port: number;
  /** Whether a free port may be taken instead: not where it was set. */
  portMayMove: boolean;
  /** Port of the control API; 0 for any free one. */
  controlPort: number;
  discoveryUrls: readonly string[];
  /** Whether somebody asked for them: nobody misses a default one that is not there. */
  discoveryUrlsSet: boolean;
  /** Whether peers and discovery services are looked for by multicast DNS. */
  mdns: boolean;
  /** Whether nodes of the same machine are looked for over loopback. */
  sameMachine: boolean;
  /** Names of the interfaces that multicast uses; empty for all that face a local network. */
  interfaces: readonly string[];
  staticPeers: readonly PeerAddress[];
  /** Chooses MongoDB; null for SQLite. */
  mongodbUri: string | null;
  /** Whether others are told what was read here; null where that is not set. */
  receipts: boolean | null;
  /** Whether others are told that something is being written to them; null where that is not set. */
  typing: boolean | null;
  /** Which of these are set, by their variables: the profile cannot change them. */
  fixed: FixedSettings;
  /** The program to run for each message that arrives, and its arguments; empty for none. */
  onMessage: readonly string[];
  /** Who may write: everyone, strangers as a request; or contacts only. */
  contacts: 'all' | 'only';
  logLevel: LogLevel;
  /** Whether the node ends when the process that started it does. */
  attached: boolean;
}

/** A setting is wrong. The message names the variable, what it got and what it takes. */
export class SettingError extends P2pChatError {
  constructor(variable: string, got: string, takes: string) {
    super('invalid-setting', `${variable} is ${JSON.stringify(got)}; it takes ${takes}.`, {
      hint: `Correct ${variable} or unset it.`,
    });
  }
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/**
 * Reads the settings from the environment.
 * @throws {SettingError} or the profile's error, code `invalid-setting`
 */
export function readConfig(env: Environment): NodeConfig {
  const port = env['P2P_CHAT_PORT'] ?? '';
  const host = env['P2P_CHAT_HOST'] ?? '';
  const receipts = env['P2P_CHAT_RECEIPTS'] || null;
  const typing = env['P2P_CHAT_TYPING'] || null;
  return Object.freeze({
    ...resolveProfile(env),
    host: host === '0.0.0.0' || host === '::' ? '' : host,
    port: port === '' ? PEER_PORT : readPort('P2P_CHAT_PORT', port),
    portMayMove: port === '',
    controlPort: env['P2P_CHAT_CONTROL_PORT']
      ? readPort('P2P_CHAT_CONTROL_PORT', env['P2P_CHAT_CONTROL_PORT'])
      : 0,
    discoveryUrls: list(env['DISCOVERY_URLS'] ?? `http://127.0.0.1:${DISCOVERY_PORT}`).map(readUrl),
    discoveryUrlsSet: env['DISCOVERY_URLS'] !== undefined,
    mdns: readSwitch('P2P_CHAT_MDNS', env['P2P_CHAT_MDNS'] || 'on'),
    sameMachine: readSwitch('P2P_CHAT_SAME_MACHINE', env['P2P_CHAT_SAME_MACHINE'] || 'on'),
    interfaces: list(env['P2P_CHAT_INTERFACES'] ?? ''),
    staticPeers: list(env['P2P_CHAT_PEERS'] ?? '').map(readAddress),
    mongodbUri: readMongodbUri(env['MONGODB_URI'] ?? ''),
    receipts: receipts === null ? null : readSwitch('P2P_CHAT_RECEIPTS', receipts),
    typing: typing === null ? null : readSwitch('P2P_CHAT_TYPING', typing),
    fixed: {
      ...(receipts === null ? {} : { receipts: 'P2P_CHAT_RECEIPTS' }),
      ...(typing === null ? {} : { typing: 'P2P_CHAT_TYPING' }),
    },
    onMessage: readCommand('P2P_CHAT_ON_MESSAGE', env['P2P_CHAT_ON_MESSAGE'] ?? ''),
    contacts: readContacts(env['P2P_CHAT_CONTACTS'] || 'all'),
    logLevel: readLogLevel(env['LOG_LEVEL'] ?? 'info'),
    attached: env['P2P_CHAT_ATTACHED'] === '1',
  });
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function readPort(variable: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new SettingError(variable, text, 'a port, 1 to 65535, or 0 for any free one');
  return port;
}

function readUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '') {
    throw new SettingError('DISCOVERY_URLS', text, 'URLs like http://192.0.2.7:7777, separated by commas');
  }
  return url.href.replace(/\/$/, '');
}

function readAddress(text: string): PeerAddress {
  const url = URL.parse(`tcp://${text}`);
  const host = url?.hostname.replace(/^\[|\]$/g, '') ?? '';
  if (url === null || host === '' || `${url.pathname}${url.search}${url.hash}${url.username}` !== '') {
    throw new SettingError('P2P_CHAT_PEERS', text, 'addresses like 192.0.2.7:7780, separated by commas');
  }
  return { host, port: url.port === '' ? PEER_PORT : Number(url.port) };
}

function readMongodbUri(text: string): string | null {
  if (text === '') return null;
  // The value may hold a password, so it is not repeated.
  if (!/^mongodb(\+srv)?:\/\/.+/.test(text)) {
    throw new SettingError(
      'MONGODB_URI',
      '(hidden)',
      'mongodb://host/database, or mongodb://%2Fpath%2Fto%2Fsocket/database',
    );
  }
  return text;
}

function readSwitch(variable: string, text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new SettingError(variable, text, 'on or off');
  return text === 'on';
}

// A path is the program as it is, spaces and all; what has arguments is a list in JSON.
function readCommand(variable: string, text: string): string[] {
  if (!text.startsWith('[')) return text === '' ? [] : [text];
  const wrong = new SettingError(variable, text, 'a path, or a list in JSON like ["/usr/bin/notify", "-u"]');
  let command: unknown;
  try {
    command = JSON.parse(text);
  } catch {
    throw wrong;
  }
  if (!Array.isArray(command) || !command.every((part) => typeof part === 'string')) throw wrong;
  if (command.length === 0 || command[0] === '') throw wrong;
  return command;
}

function readContacts(text: string): NodeConfig['contacts'] {
  if (text !== 'all' && text !== 'only') throw new SettingError('P2P_CHAT_CONTACTS', text, 'all or only');
  return text;
}

function readLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((one) => one === text);
  if (level === undefined) throw new SettingError('LOG_LEVEL', text, LOG_LEVELS.join(', '));
  return level;
}
