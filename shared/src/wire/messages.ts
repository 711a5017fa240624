import { areMessageIds, countIds, idAt, MESSAGE_CLOCK_LENGTH, MESSAGE_ID_LENGTH } from '../message-id.js';
import { isStatusText, isUserName } from '../text.js';
import { encodeJsonFrame, ProtocolError } from '../protocol/frame.js';
import {
  MAX_AGENT_CHARACTERS,
  MAX_BODY_BYTES,
  MAX_DETAIL_CHARACTERS,
  MAX_FEATURES,
  MAX_IDS_PER_FRAME,
  MAX_INSTANCE_CHARACTERS,
  MAX_JSON_FRAME_BYTES,
  MAX_MESSAGES_PER_FRAME,
  MAX_STATUS_CHARACTERS,
  PROTOCOL_VERSION,
  TARGET_BATCH_BYTES,
} from '../protocol/limits.js';
import { type RunFrame, SENT_AT_LENGTH } from './run.js';

/** First from both sides, once. */
export interface HelloFrame {
  type: 'hello';
  protocol: number;
  user: string;
  /** Program and version, for people who look for a fault. */
  agent: string;
  /** Random per start of a node: tells a restart from a second link. */
  instance: string;
  /** Optional abilities of the sender; unknown ones are ignored. */
  features: string[];
  /** Port of the sender's own peer gateway, so that a link that came in can be dialled later. */
  port: number;
}

/** One message as it travels. */
export interface WireMessage {
  /** UUIDv7 of the sender (RFC 9562); with the sender's peer id the unique key at the receiver. */
  id: string;
  /** Hybrid logical clock, 16 lower-case hexadecimal digits; see docs/protocol.md. */
  clock: string;
  /** The sender's wall clock, milliseconds since 1970; for display only. */
  sentAt: number;
  /** What the body is; a kind that the receiver does not know is rejected for good. */
  kind: string;
  body: string;
}

/** One or more messages, in the order in which they were written. */
export interface MessageFrame {
  type: 'message';
  messages: WireMessage[];
}

/** These messages (or, with `of: receipt`, these receipts) are durable here. */
export interface AckFrame {
  type: 'ack';
  /** A list; to a peer that announced `run`, one after the other in one text. */
  ids: string[] | string;
  of?: 'receipt';
}

/** A person has read these messages. */
export interface ReceiptFrame {
  type: 'receipt';
  ids: string[];
  state: 'read';
}

/** This message was not taken. Without `retryAfterMs` that is final. */
export interface RejectFrame {
  type: 'reject';
  id: string;
  code: string;
  retryAfterMs?: number;
}

export interface PingFrame {
  type: 'ping';
}
export interface PongFrame {
  type: 'pong';
}

/** The sender closes the link in good order. */
export interface ByeFrame {
  type: 'bye';
  reason: ByeReason;
}
/** `logout`: the node goes offline; `duplicate`: another link to the same peer stays. Others are shown as they are. */
export type ByeReason = string;

/** The sender closes the link because of what the receiver did. */
export interface ErrorFrame {
  type: 'error';
  code: string;
  detail: string;
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
}

/** The sender's person is writing to the receiver's. It expires by itself. */
export interface TypingFrame {
  type: 'typing';
}

/** Abilities that a hello may announce. A frame of one is sent only to who announced it. */
export const FEATURES = { presence: 'presence', typing: 'typing', run: 'run' } as const;
export type Feature = keyof typeof FEATURES;

export type WireFrame =
  | HelloFrame
  | MessageFrame
  | RunFrame
  | AckFrame
  | ReceiptFrame
  | RejectFrame
  | PingFrame
  | PongFrame
  | PresenceFrame
  | TypingFrame
  | ByeFrame
  | ErrorFrame;

/** A frame that carries no messages. */
export type PlainFrame = Exclude<WireFrame, MessageFrame | RunFrame>;

/** An entry of a message frame: well-formed, or to be rejected for good with a code. */
export type ParsedMessage =
  | { ok: true; message: WireMessage; bytes: number }
  | { ok: false; id: string; code: 'body-too-large' | 'malformed-message' };

/** A message frame after parsing: every entry has at least an id that can be answered. */
export interface ParsedMessageFrame {
  type: 'message';
  messages: ParsedMessage[];
}

/** A run after parsing: well-formed as a whole. */
export interface ParsedRunFrame extends RunFrame {
  count: number;
  /** Of the whole payload. */
  bytes: number;
  /** The bodies as JSON: as they came, where that is certain. */
  encodedBodies: string;
}

/** An ack after parsing: its ids are one text, however they came. */
export interface ParsedAckFrame extends AckFrame {
  ids: string;
}

export type ParsedFrame =
  Exclude<PlainFrame, AckFrame> | ParsedMessageFrame | ParsedRunFrame | ParsedAckFrame;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// The first digit is 0 to 7: the other half of the range stays free, so that
// a clock can always go on from the greatest that a peer can send.
const CLOCK = /^[0-7][0-9a-f]{15}$/;
const CLOCKS = /^(?:[0-7][0-9a-f]{15})+$/;
const TIMES = /^(?:[0-8][0-9]{15})+$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether the text is a UUID in lower case. */
export function isMessageUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/** Whether the text is a hybrid logical clock as it may come from a peer. */
export function isWireClock(value: unknown): value is string {
  return typeof value === 'string' && CLOCK.test(value);
}

/**
 * Parses the payload of a JSON frame.
 *
 * Fields that are not known are ignored, so that a later version can add some.
 * @throws {ProtocolError} `frame-malformed` (not UTF-8, not JSON, a field is
 *   missing or wrong) or `version-mismatch` (a hello of another protocol)
 */
export function parseFrame(payload: Uint8Array): ParsedFrame {
  const { value, encodedBodies } = parseObject(payload);
  switch (value['type']) {
    case 'message':
      return { type: 'message', messages: parseMessages(value['messages']) };
    case 'run':
      return parseRun(value, payload.length, encodedBodies);
    case 'ack':
      return value['of'] === 'receipt'
        ? { type: 'ack', ids: ackedIds(value['ids']), of: 'receipt' }
        : { type: 'ack', ids: ackedIds(value['ids']) };
    case 'ping':
      return { type: 'ping' };
    case 'pong':
      return { type: 'pong' };
    case 'receipt':
      if (value['state'] !== 'read') throw malformed('state of a receipt is "read"');
      return { type: 'receipt', ids: ids(value['ids']), state: 'read' };
    case 'reject':
      return parseReject(value);
    case 'presence':
      return parsePresence(value);
    case 'typing':
      return { type: 'typing' };
    case 'hello':
      return parseHello(value);
    case 'bye':
      return { type: 'bye', reason: text(value['reason'], 'reason', MAX_DETAIL_CHARACTERS) };
    case 'error':
      return {
        type: 'error',
        code: text(value['code'], 'code', MAX_DETAIL_CHARACTERS),
        detail: text(value['detail'], 'detail', MAX_DETAIL_CHARACTERS),
      };
    default:
      throw malformed('type is not known');
  }
}

/**
 * Any frame but those of messages as bytes.
 * @throws {ProtocolError} `frame-too-large`
 */
export function encodeWireFrame(frame: PlainFrame): Buffer {
  return encodeJsonFrame(JSON.stringify(frame));
}

/**
 * A message as the text that {@link packMessages} puts into frames.
 * @throws {ProtocolError} `frame-too-large` where its escapes make it longer
 *   than a frame (a body of control characters: each takes six bytes)
 */
export function encodeMessage(message: WireMessage): string {
  // By hand where nothing needs an escape; it takes a third less.
  const { id, clock, sentAt } = message;
  const [kind, body] = [JSON.stringify(message.kind), JSON.stringify(message.body)];
  const encoded = `{"id":"${id}","clock":"${clock}","sentAt":${sentAt},"kind":${kind},"body":${body}}`;
  // The cheap bound first: UTF-8 takes at most three bytes for a UTF-16 unit.
  if (encoded.length * 3 + ENVELOPE_BYTES > MAX_JSON_FRAME_BYTES) {
    const bytes = Buffer.byteLength(encoded) + ENVELOPE_BYTES;
    if (bytes > MAX_JSON_FRAME_BYTES) {
      throw new ProtocolError(
        'frame-too-large',
        `The message takes ${bytes} bytes of at most ${MAX_JSON_FRAME_BYTES}.`,
      );
    }
  }
  return encoded;
}

const ENVELOPE_START = '{"type":"message","messages":[';
const ENVELOPE_END = ']}';
const ENVELOPE_BYTES = ENVELOPE_START.length + ENVELOPE_END.length;

/** Packs encoded messages, in order, into as few frames as the batch size allows. */
export function packMessages(encoded: readonly string[]): Buffer[] {
  const frames: Buffer[] = [];
  let batch: string[] = [];
  let bytes = 0;
  for (const one of encoded) {
    const size = Buffer.byteLength(one) + 1;
    if (batch.length > 0 && (bytes + size > TARGET_BATCH_BYTES || batch.length === MAX_MESSAGES_PER_FRAME)) {
      frames.push(encodeJsonFrame(ENVELOPE_START + batch.join(',') + ENVELOPE_END));
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += size;
  }
  if (batch.length > 0) frames.push(encodeJsonFrame(ENVELOPE_START + batch.join(',') + ENVELOPE_END));
  return frames;
}

interface ParsedObject {
  value: Record<string, unknown>;
  /** The text of its last member, where that is `bodies` of a run. */
  encodedBodies: string | null;
}

function parseObject(payload: Uint8Array): ParsedObject {
  let value: unknown;
  try {
    const text = UTF8.decode(payload);
    const run = text.startsWith(RUN_START) ? splitRun(text) : null;
    if (run !== null) return run;
    value = JSON.parse(text);
  } catch (error) {
    throw malformed('the payload is not JSON in UTF-8', error);
  }
  if (!isRecord(value)) throw malformed('the payload is not an object');
  return { value, encodedBodies: null };
}

const RUN_START = '{"type":"run",';
const BODIES_START = ',"bodies":';

/**
 * Parses a run as our own nodes write it, bodies last: they are stored as they
 * came and not written anew. Where what is in front of them is an object
 * without its brace, and they are a value by themselves, the two are the whole.
 * @returns null where it is not such a text
 */
function splitRun(text: string): ParsedObject | null {
  const end = text.indexOf(BODIES_START);
  if (end === -1 || !text.endsWith('}')) return null;
  const encodedBodies = text.slice(end + BODIES_START.length, -1);
  try {
    const value = JSON.parse(`${text.slice(0, end)}}`) as Record<string, unknown>;
    value['bodies'] = JSON.parse(encodedBodies);
    return { value, encodedBodies };
  } catch {
    return null;
  }
}

function parseHello(value: Record<string, unknown>): HelloFrame {
  // Before anything else: another version may have another hello.
  const protocol = value['protocol'];
  if (!isInteger(protocol, 0, Number.MAX_SAFE_INTEGER)) throw malformed('protocol is a number');
  if (protocol !== PROTOCOL_VERSION) {
    throw new ProtocolError(
      'version-mismatch',
      `This node speaks version ${PROTOCOL_VERSION} of the protocol, the other one ${protocol}. Update the older one.`,
    );
  }
  const user = value['user'];
  if (!isUserName(user)) throw malformed('user is a name of 1 to 64 characters');
  const port = value['port'];
  if (!isInteger(port, 0, 65_535)) throw malformed('port is 0 to 65535');
  const features = value['features'];
  if (!Array.isArray(features) || features.length > MAX_FEATURES) throw malformed('features is a short list');
  return {
    type: 'hello',
    protocol,
    user,
    agent: text(value['agent'], 'agent', MAX_AGENT_CHARACTERS),
    instance: text(value['instance'], 'instance', MAX_INSTANCE_CHARACTERS),
    features: features.map((feature) => text(feature, 'feature', MAX_AGENT_CHARACTERS)),
    port,
  };
}

function parseMessages(value: unknown): ParsedMessage[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_MESSAGES_PER_FRAME) {
    throw malformed(`messages is a list of 1 to ${MAX_MESSAGES_PER_FRAME}`);
  }
  return value.map(parseMessage);
}

/** @returns the run; or its entries one by one, where one of them is to be rejected for good */
function parseRun(
  { kind, ids, clocks, sentAt, bodies }: Record<string, unknown>,
  bytes: number,
  encodedBodies: string | null,
): ParsedRunFrame | ParsedMessageFrame {
  if (!areMessageIds(ids)) throw malformed('ids of a run are UUIDs, one after the other');
  const count = countIds(ids);
  if (count > MAX_MESSAGES_PER_FRAME) throw malformed(`a run has 1 to ${MAX_MESSAGES_PER_FRAME} messages`);
  if (!Array.isArray(bodies) || bodies.length !== count) throw malformed('a run has a body for each id');
  const hasClocks = isText(clocks, count * MESSAGE_CLOCK_LENGTH) && CLOCKS.test(clocks);
  const hasTimes = isText(sentAt, count * SENT_AT_LENGTH) && TIMES.test(sentAt);
  if (!hasClocks || !hasTimes) throw malformed('a run has a clock and a time for each id');
  if (typeof kind !== 'string' || kind.length > MAX_AGENT_CHARACTERS)
    throw malformed('kind of a run is a name');
  if (bodies.every(isBody)) {
    const texts = { ids, clocks, sentAt, bodies, encodedBodies: encodedBodies ?? JSON.stringify(bodies) };
    return { type: 'run', count, bytes, kind, ...texts };
  }
  const messages = bodies.map((body: unknown, at) =>
    parseMessage({
      id: idAt(ids, at),
      clock: clocks.slice(at * MESSAGE_CLOCK_LENGTH, (at + 1) * MESSAGE_CLOCK_LENGTH),
      sentAt: Number(sentAt.slice(at * SENT_AT_LENGTH, (at + 1) * SENT_AT_LENGTH)),
      kind,
      body,
    }),
  );
  return { type: 'message', messages };
}

function isText(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === length;
}

function isBody(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.isWellFormed() &&
    // The cheap bound first.
    (value.length * 3 <= MAX_BODY_BYTES || Buffer.byteLength(value) <= MAX_BODY_BYTES)
  );
}

function parseMessage(value: unknown): ParsedMessage {
  if (!isRecord(value) || !isMessageUuid(value['id'])) throw malformed('id of a message is a UUID');
  const { id, clock, sentAt, kind, body } = value;
  if (
    !isWireClock(clock) ||
    !isInteger(sentAt, 0, Number.MAX_SAFE_INTEGER) ||
    typeof kind !== 'string' ||
    kind.length > MAX_AGENT_CHARACTERS ||
    typeof body !== 'string' ||
    body === '' ||
    !body.isWellFormed()
  ) {
    return { ok: false, id, code: 'malformed-message' };
  }
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_BODY_BYTES) return { ok: false, id, code: 'body-too-large' };
  return { ok: true, message: { id, clock, sentAt, kind, body }, bytes };
}

function parseReject(value: Record<string, unknown>): RejectFrame {
  const { id, retryAfterMs } = value;
  if (!isMessageUuid(id)) throw malformed('id of a reject is a UUID');
  const code = text(value['code'], 'code', MAX_DETAIL_CHARACTERS);
  if (retryAfterMs === undefined) return { type: 'reject', id, code };
  if (!isInteger(retryAfterMs, 0, 2 ** 31 - 1)) throw malformed('retryAfterMs is a number of milliseconds');
  return { type: 'reject', id, code, retryAfterMs };
}

function parsePresence({ state, status, user }: Record<string, unknown>): PresenceFrame {
  const known = PRESENCE_STATES.find((one) => one === state);
  if (known === undefined) throw malformed(`state of a presence is one of ${PRESENCE_STATES.join(', ')}`);
  if (!isStatusText(status))
    throw malformed(`status is one line of at most ${MAX_STATUS_CHARACTERS} characters`);
  if (!isUserName(user)) throw malformed('user is a name of 1 to 64 characters');
  return { type: 'presence', state: known, status, user };
}

/** The ids of an ack, one after the other. */
function ackedIds(value: unknown): string {
  if (typeof value !== 'string') return ids(value).join('');
  if (value.length > MAX_IDS_PER_FRAME * MESSAGE_ID_LENGTH || !areMessageIds(value)) {
    throw malformed(`ids is a text of 1 to ${MAX_IDS_PER_FRAME} UUIDs`);
  }
  return value;
}

function ids(value: unknown): string[] {
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    value.length > MAX_IDS_PER_FRAME ||
    !value.every(isMessageUuid)
  ) {
    throw malformed(`ids is a list of 1 to ${MAX_IDS_PER_FRAME} UUIDs`);
  }
  return value;
}

function text(value: unknown, field: string, maxLength: number): string {
  if (typeof value !== 'string' || value.length > maxLength || !value.isWellFormed()) {
    throw malformed(`${field} is a text of at most ${maxLength} characters`);
  }
  return value;
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError('frame-malformed', `Malformed frame: ${reason}.`, cause);
}
