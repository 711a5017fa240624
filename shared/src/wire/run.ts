import { countIds } from '../message-id.js';
import { encodeJsonFrame } from '../protocol/frame.js';
import { MAX_JSON_FRAME_BYTES, MAX_MESSAGES_PER_FRAME } from '../protocol/limits.js';

/** Characters of a time in a {@link RunFrame}: decimal digits, the first of them at most 8. */
export const SENT_AT_LENGTH = 16;

/**
 * Messages of one kind as columns, in the order in which they were written.
 * Shorter than a frame of entries, and read with a few checks instead
 * of some for each message. Only to a peer that announced the feature.
 */
export interface RunFrame {
  type: 'run';
  kind: string;
  /** One after the other, {@link MESSAGE_ID_LENGTH} characters each. */
  ids: string;
  /** One after the other, {@link MESSAGE_CLOCK_LENGTH} characters each. */
  clocks: string;
  /** One after the other, {@link SENT_AT_LENGTH} characters each. */
  sentAt: string;
  bodies: string[];
}

/** A {@link RunFrame} whose bodies are JSON already: what was stored is not written anew to be sent. */
export interface EncodedRun extends Omit<RunFrame, 'type' | 'bodies'> {
  /** A JSON list. */
  bodies: string;
}

/**
 * A run as bytes.
 * @throws {ProtocolError} `frame-too-large`
 */
export function encodeRun({ kind, ids, clocks, sentAt, bodies }: EncodedRun): Buffer {
  // Ids, clocks and times need no escapes.
  const start = `{"type":"run","kind":${JSON.stringify(kind)},"ids":"${ids}"`;
  return encodeJsonFrame(`${start},"clocks":"${clocks}","sentAt":"${sentAt}","bodies":${bodies}}`);
}

/** Whether a run is within {@link MAX_MESSAGES_PER_FRAME} and fits a frame. */
export function fitsFrame({ kind, ids, clocks, sentAt, bodies }: EncodedRun): boolean {
  if (countIds(ids) > MAX_MESSAGES_PER_FRAME) return false;
  const rest =
    RUN_ENVELOPE_BYTES + Buffer.byteLength(JSON.stringify(kind)) + ids.length + clocks.length + sentAt.length;
  // The cheap bound first: UTF-8 takes at most three bytes for a UTF-16 unit.
  if (rest + bodies.length * 3 <= MAX_JSON_FRAME_BYTES) return true;
  return rest + Buffer.byteLength(bodies) <= MAX_JSON_FRAME_BYTES;
}

const RUN_ENVELOPE_BYTES = '{"type":"run","kind":,"ids":"","clocks":"","sentAt":"","bodies":}'.length;
