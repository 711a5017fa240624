import { isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import {
  DISCOVERY_PORT,
  type Environment,
  hostKind,
  isQuoted,
  listenAddress,
  LOG_LEVELS,
  type LogLevel,
  PEER_PORT,
  type Refusal,
  safeLine,
  SettingError,
  Settings,
  zoneMissing,
} from '@p2p-chat/shared';
import type { FixedSettings } from '../core/presence/own-profile.js';
import type { PeerAddress } from '../core/peers/peer.js';
import { type Profile, resolveProfile } from '../profile/profile.js';
import { type FileSettings, readFileSettings } from './file-settings.js';
import { readMessageCommand } from './message-command.js';

/** Everything that can be set, read once at start. */
export interface NodeConfig extends Profile {
  /** Address that the peer gateway listens on; '' for all. */
  host: string;
  port: number;
  /** Whether a free port may be taken instead: not where it was set. */
  portMayMove: boolean;
  /** Port of the control API; 0 for any free one. */
  controlPort: number;
  /** Port of the page; null where the profile keeps its own. */
  pagePort: number | null;
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
  /** Who may write: all, strangers as a request; contacts only; or everyone, without being asked about. */
  contacts: 'all' | 'only' | 'everyone';
  files: FileSettings;
  /** Whether the node keeps metrics. */
  metrics: boolean;
  logLevel: LogLevel;
  /** Whether the node ends when the process that started it does. */
  attached: boolean;
}

/**
 * Reads the settings from the environment.
 * @throws {SettingError} for the first one that is wrong
 */
export function readConfig(env: Environment): NodeConfig {
  const settings = new Settings(env);
  const port = settings.port('P2P_CHAT_PORT');
  const urls = settings.list('DISCOVERY_URLS');
  const host = listenAddress(settings, 'P2P_CHAT_HOST') ?? '';
  const receipts = settings.switch('P2P_CHAT_RECEIPTS') ?? null;
  const typing = settings.switch('P2P_CHAT_TYPING') ?? null;
  return Object.freeze({
    ...resolveProfile(env),
    host: host === '0.0.0.0' || host === '::' ? '' : host,
    port: port ?? PEER_PORT,
    portMayMove: port === undefined,
    controlPort: settings.port('P2P_CHAT_CONTROL_PORT') ?? 0,
    pagePort: settings.port('P2P_CHAT_WEB_PORT') ?? null,
    // An empty list is one of none, the only way to say so.
    discoveryUrls: (urls ?? [`http://127.0.0.1:${DISCOVERY_PORT}`]).map(readUrl),
    discoveryUrlsSet: urls !== undefined,
    mdns: settings.switch('P2P_CHAT_MDNS') ?? true,
    sameMachine: settings.switch('P2P_CHAT_SAME_MACHINE') ?? true,
    interfaces: (settings.list('P2P_CHAT_INTERFACES') ?? []).map(readInterface),
    staticPeers: (settings.list('P2P_CHAT_PEERS') ?? []).map(readPeerAddress),
    mongodbUri: readMongodbUri(settings),
    receipts,
    typing,
    fixed: {
      ...(receipts === null ? {} : { receipts: 'P2P_CHAT_RECEIPTS' }),
      ...(typing === null ? {} : { typing: 'P2P_CHAT_TYPING' }),
    },
    onMessage: readMessageCommand(settings, env['PATH']),
    contacts: settings.word('P2P_CHAT_CONTACTS', ['all', 'only', 'everyone']) ?? 'all',
    files: readFileSettings(settings),
    metrics: settings.switch('P2P_CHAT_METRICS') ?? false,
    logLevel: settings.word('LOG_LEVEL', LOG_LEVELS) ?? 'info',
    attached: env['P2P_CHAT_ATTACHED'] === '1',
  });
}

function readInterface(name: string): string {
  if (!isQuoted(name) && safeLine(name) === name) return name;
  throw new SettingError('P2P_CHAT_INTERFACES', name, {
    takes: 'names of interfaces like eth0 or wlan*, separated by commas',
  });
}

function readUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '') {
    throw new SettingError('DISCOVERY_URLS', text, {
      takes: 'URLs like http://192.0.2.7:7777, separated by commas',
    });
  }
  return url.href.replace(/\/$/, '');
}

const PEERS_TAKE: Refusal = {
  takes: 'addresses like 192.0.2.7:7780 or [fe80::1%eth0]:7780, separated by commas',
};
const MAX_PORT = 65_535;

function readPeerAddress(text: string): PeerAddress {
  const wrong = (because?: string): SettingError =>
    new SettingError('P2P_CHAT_PEERS', text, { ...PEERS_TAKE, because });
  const [, bracketed, bare = '', digits] =
    /^(?:\[([^\]]*)\]|([^:/?#@\\\s]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  // An IPv6 address without brackets has no port: nobody could tell it from the last group.
  const host = isIPv6(text) ? text : (bracketed ?? domainToASCII(bare));
  const port = digits === undefined ? PEER_PORT : Number(digits);
  if (bracketed !== undefined && !isIPv6(bracketed)) throw wrong();
  if (zoneMissing(host) !== undefined) throw wrong(zoneMissing(host));
  if (hostKind(host) === 'unusable' || port === 0 || port > MAX_PORT) throw wrong();
  return { host, port };
}

function readMongodbUri(settings: Settings): string | null {
  const uri = settings.text('MONGODB_URI');
  if (uri === undefined) return null;
  if (/^mongodb(\+srv)?:\/\/.+/.test(uri)) return uri;
  return settings.refuse('MONGODB_URI', {
    takes: 'mongodb://host/database, or mongodb://%2Fpath%2Fto%2Fsocket/database',
    shown: '(hidden)', // It may hold a password.
  });
}
