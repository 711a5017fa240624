import { isPeerId } from '../peer-id.js';
import { isStatusText, isUserName } from '../text.js';
import type { Tip } from './batch.js';
import type { FeedStatement, ReadMark } from './conversation.js';
import { encodeJsonFrame, ProtocolError } from './frame.js';
import {
  CLOCK_LIMIT,
  MAX_AGENT_CHARACTERS,
  MAX_DETAIL_CHARACTERS,
  MAX_DIGESTS_PER_FRAME,
  MAX_FEED_TIPS,
  MAX_FEEDS_PER_FRAME,
  MAX_HOLD_MS,
  MAX_INSTANCE_CHARACTERS,
  MAX_OPERATIONS_PER_FRAME,
  MAX_ROSTER_HASHES,
  MAX_SEGMENTS_PER_FRAME,
  MAX_SEQ,
  MAX_STATUS_CHARACTERS,
  PROTOCOL_VERSION,
} from './limits.js';

/** First from both sides, once. */
export interface HelloFrame {
  type: 'hello';
  protocol: number;
  user: string;
  /** Program and version, for people who look for a fault. */
  agent: string;
  /** Random per start of a node: tells a restart from a second link. */
  instance: string;
  /** Port of the sender's own peer gateway, so that a link that came in can be dialled later; 0 for none. */
  port: number;
}

/** One digest for each conversation that the two ends share; first after both hellos, from both sides. */
export interface DigestsFrame {
  type: 'digests';
  /** Conversation id and digest, 32 hexadecimal digits. */
  conversations: [conversation: string, digest: string][];
}

/**
 * What its sender holds of some feeds, durably, and what its person has read.
 * It is also the acknowledgement. It speaks for its sender alone.
 */
export interface StateFrame {
  type: 'state';
  conversation: string;
  feeds: FeedStatement[];
  /** Nothing more of this conversation is taken for now: milliseconds after which to try again. A `state` without it takes it back. */
  hold?: number;
}

/** What its sender holds of a feed, segment by segment: its receiver sends what it has beyond. */
export interface WantFrame {
  type: 'want';
  conversation: string;
  author: string;
  /** Segment and the seq of its last entry. */
  segments: [segment: string, seq: number][];
  /** Whether more segments follow in another frame. */
  more: boolean;
  /** Nothing more of the feed is asked for: somebody else passes it on. */
  stop?: boolean;
}

/**
 * Operations of a group's roster, and by what hashes its sender holds others: where these are told, the
 * receiver sends what the sender lacks.
 */
export interface RosterFrame {
  type: 'roster';
  conversation: string;
  /** Operations that the sender holds with all that they name: the latest ones, and some before. Absent: nothing is asked. */
  have?: string[];
  /** See `operationText`; each after those that it names. */
  operations: string[];
  /** Whether more operations follow in another frame. */
  more: boolean;
}

/** What somebody shows of themselves: `dnd` is "do not disturb". */
export type PresenceState = 'online' | 'away' | 'dnd';
export const PRESENCE_STATES: readonly PresenceState[] = ['online', 'away', 'dnd'];

/** How the sender's person is, in whole: at the opening of a link, and at each change. */
export interface PresenceFrame {
  type: 'presence';
  state: PresenceState;
  /** A short text of theirs; may be empty. */
  status: string;
  /** The name they show now. */
  user: string;
  /** Only where they let nobody know what they read. */
  receipts?: false;
}

/** The sender's person is writing to the receiver's. It expires by itself. */
export interface TypingFrame {
  type: 'typing';
}

/** Is anybody there? */
export interface PingFrame {
  type: 'ping';
}

/** The answer to a ping. */
export interface PongFrame {
  type: 'pong';
}

/** The sender closes the link in good order. */
export interface ByeFrame {
  type: 'bye';
  /** `logout`: the node goes offline; `duplicate`: another link to the same peer stays; `busy`: no more links. Others are shown as they are. */
  reason: string;
}

/** The sender closes the link because of what the receiver did. */
export interface ErrorFrame {
  type: 'error';
  code: string;
  detail: string;
}

/** What the payload of a frame of kind 1 says. */
export type WireFrame =
  | HelloFrame
  | DigestsFrame
  | StateFrame
  | WantFrame
  | RosterFrame
  | PresenceFrame
  | TypingFrame
  | PingFrame
  | PongFrame
  | ByeFrame
  | ErrorFrame;

type Fields = Record<string, unknown>;

const SEGMENT = /^[0-9a-f]{32}$/;
const DIGEST = SEGMENT;
const HASH = /^[0-9a-f]{64}$/;
const CLOCK = /^[0-9a-f]{16}$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses the payload of a JSON frame. Fields that are not known are ignored,
 * so that a later version can add some.
 * @throws {ProtocolError} `frame-malformed` (not UTF-8, not JSON, a field is
 *   missing or wrong) or `version-mismatch` (a hello of another protocol)
 */
export function parseFrame(payload: Uint8Array): WireFrame {
  const fields = parseObject(payload);
  switch (fields['type']) {
    case 'hello':
      return parseHello(fields);
    case 'digests':
      return parseDigests(fields);
    case 'state':
      return parseState(fields);
    case 'want':
      return parseWant(fields);
    case 'roster':
      return parseRoster(fields);
    case 'presence':
      return parsePresence(fields);
    case 'typing':
      return { type: 'typing' };
    case 'ping':
      return { type: 'ping' };
    case 'pong':
      return { type: 'pong' };
    case 'bye':
      return { type: 'bye', reason: text(fields, 'reason', MAX_DETAIL_CHARACTERS) };
    case 'error':
      return {
        type: 'error',
        code: text(fields, 'code', MAX_DETAIL_CHARACTERS),
        detail: text(fields, 'detail', MAX_DETAIL_CHARACTERS),
      };
    default:
      throw malformed('type is not known');
  }
}

/**
 * A frame as bytes, with its header.
 * @throws {ProtocolError} `frame-too-large`
 */
export function encodeWireFrame(frame: WireFrame): Uint8Array {
  return encodeJsonFrame(JSON.stringify(frame));
}

function parseObject(payload: Uint8Array): Fields {
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(payload));
  } catch (error) {
    throw malformed('the payload is not JSON in UTF-8', error);
  }
  return record(value, 'the payload');
}

function parseHello(fields: Fields): HelloFrame {
  // Before anything else: another version may have another hello.
  const protocol = integer(fields, 'protocol', 0, Number.MAX_SAFE_INTEGER);
  if (protocol !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      'version-mismatch',
      `This node speaks version ${PROTOCOL_VERSION} of the protocol, the other one ${protocol}. Update the older one.`,
    );
  }
  return {
    type: 'hello',
    protocol,
    user: userName(fields),
    agent: text(fields, 'agent', MAX_AGENT_CHARACTERS),
    instance: text(fields, 'instance', MAX_INSTANCE_CHARACTERS),
    port: integer(fields, 'port', 0, 65_535),
  };
}

function parseDigests(fields: Fields): DigestsFrame {
  const conversations = list(fields, 'conversations', MAX_DIGESTS_PER_FRAME).map((one): [string, string] => {
    const [conversation, digest] = pair(one);
    return [id(conversation, 'conversation'), matching(digest, DIGEST, 'digest')];
  });
  return { type: 'digests', conversations };
}

function parseState(fields: Fields): StateFrame {
  const state: StateFrame = {
    type: 'state',
    conversation: id(fields['conversation'], 'conversation'),
    feeds: list(fields, 'feeds', MAX_FEEDS_PER_FRAME).map((one) => statement(record(one, 'a feed'))),
  };
  return fields['hold'] === undefined ? state : { ...state, hold: integer(fields, 'hold', 0, MAX_HOLD_MS) };
}

function parseRoster(fields: Fields): RosterFrame {
  const frame: RosterFrame = {
    type: 'roster',
    conversation: id(fields['conversation'], 'conversation'),
    operations: list(fields, 'operations', MAX_OPERATIONS_PER_FRAME).map((one) => {
      if (typeof one !== 'string') throw malformed('an operation is base64');
      return one;
    }),
    more: flag(fields, 'more'),
  };
  if (fields['have'] === undefined) return frame;
  const have = list(fields, 'have', MAX_ROSTER_HASHES).map((hash) => matching(hash, HASH, 'hash'));
  return { ...frame, have };
}

function parseWant(fields: Fields): WantFrame {
  const stop = fields['stop'] === true ? { stop: true } : {};
  return {
    ...stop,
    type: 'want',
    conversation: id(fields['conversation'], 'conversation'),
    author: id(fields['author'], 'author'),
    segments: list(fields, 'segments', MAX_SEGMENTS_PER_FRAME).map((one): [string, number] => {
      const [segment, seq] = pair(one);
      return [matching(segment, SEGMENT, 'segment'), seqOf(seq)];
    }),
    more: flag(fields, 'more'),
  };
}

function parsePresence(fields: Fields): PresenceFrame {
  const state = PRESENCE_STATES.find((one) => one === fields['state']);
  if (state === undefined) throw malformed(`state of a presence is one of ${PRESENCE_STATES.join(', ')}`);
  const { status } = fields;
  if (!isStatusText(status)) {
    throw malformed(`status is one line of at most ${MAX_STATUS_CHARACTERS} characters`);
  }
  const receipts = fields['receipts'] === false ? ({ receipts: false } as const) : {};
  return { type: 'presence', state, status, user: userName(fields), ...receipts };
}

function statement(fields: Fields): FeedStatement {
  const author = id(fields['author'], 'author');
  const tips = fields['tips'] === undefined ? null : list(fields, 'tips', MAX_FEED_TIPS).map(tip);
  const read = fields['read'] === undefined ? null : list(fields, 'read', MAX_FEED_TIPS).map(mark);
  return { author, ...(tips === null ? {} : { tips }), ...(read === null ? {} : { read }) };
}

function tip(value: unknown): Tip {
  const fields = record(value, 'a tip');
  const clock = matching(fields['clock'], CLOCK, 'clock');
  if (clock >= CLOCK_LIMIT) throw malformed('clock of a tip is out of range');
  return { ...mark(fields), clock, hash: matching(fields['hash'], HASH, 'hash') };
}

function mark(value: unknown): ReadMark {
  const fields = record(value, 'a mark');
  return { segment: matching(fields['segment'], SEGMENT, 'segment'), seq: seqOf(fields['seq']) };
}

function seqOf(value: unknown): number {
  if (!isInteger(value, 1, MAX_SEQ)) throw malformed('seq is a number from 1 on');
  return value;
}

function id(value: unknown, field: string): string {
  if (!isPeerId(value)) throw malformed(`${field} is 32 bytes in base32`);
  return value;
}

function matching(value: unknown, pattern: RegExp, field: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw malformed(`${field} is hexadecimal digits`);
  return value;
}

function pair(value: unknown): unknown[] {
  if (!Array.isArray(value) || value.length !== 2) throw malformed('an entry of a list is a pair');
  return value;
}

function list(fields: Fields, field: string, max: number): unknown[] {
  const value = fields[field];
  if (!Array.isArray(value) || value.length > max) throw malformed(`${field} is a list of at most ${max}`);
  return value;
}

function userName(fields: Fields): string {
  const { user } = fields;
  if (!isUserName(user)) throw malformed('user is a name of 1 to 64 characters');
  return user;
}

function text(fields: Fields, field: string, maxLength: number): string {
  const value = fields[field];
  if (typeof value !== 'string' || value.length > maxLength || !value.isWellFormed()) {
    throw malformed(`${field} is a text of at most ${maxLength} characters`);
  }
  return value;
}

function flag(fields: Fields, field: string): boolean {
  const value = fields[field];
  if (typeof value !== 'boolean') throw malformed(`${field} is true or false`);
  return value;
}

function integer(fields: Fields, field: string, min: number, max: number): number {
  const value = fields[field];
  if (!isInteger(value, min, max)) throw malformed(`${field} is a number from ${min} to ${max}`);
  return value;
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function record(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`${what} is not an object`);
  }
  return value as Fields;
}

function malformed(reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError('frame-malformed', `Malformed frame: ${reason}.`, cause);
}
