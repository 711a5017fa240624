import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Batch,
  CLOCK_LIMIT,
  clockMs,
  directConversation,
  encodeWireFrame,
  entriesOf,
  FRAME_KIND,
  FrameDecoder,
  isPeerId,
  lastSeq,
  MAX_BATCH_ENTRIES,
  MAX_BATCH_SPAN_MS,
  MAX_FEEDS_PER_FRAME,
  MAX_SEGMENTS_PER_FRAME,
  MAX_SEQ,
  parseFrame,
  ProtocolError,
  readContent,
  storedBatch,
  verifyBatch,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import type { IncomingFrame, LinkHandler } from '../../chat-node/dist/core/ports/peer-link.js';
import { LinkTable } from '../../chat-node/dist/transport/link-table.js';
import type { SeededRandom } from '../chaos/seeded-random.ts';
import { FuzzFailure, randomOf } from './case.ts';
import { authorOf, input, sha256 } from './frames.ts';

/** Cases between two turns of the event loop, in which rejections would show. */
const CASES_PER_TURN = 500;
const AUTHOR = authorOf(0);
const CONVERSATION = directConversation(AUTHOR.peerId, authorOf(1).peerId, sha256);
export const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A byte stream that delivers in the same turn: the state machine under test is the one above it. */
export class Line extends EventEmitter {
  readonly writableLength = 0;
  readonly sent = new FrameDecoder();
  closed = false;

  write(bytes: Buffer): boolean {
    // What goes out is well-formed, whatever came in.
    for (const { kind, payload } of this.sent.push(bytes)) {
      if (kind === FRAME_KIND.json) parseFrame(payload);
      else storedBatch(payload, '');
    }
    return true;
  }
  end(): void {
    // The far end closes when it has read the last frame: at the end of the case.
  }
  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.emit('close');
  }
  pause(): void {
    // Nothing is kept back here.
  }
  resume(): void {
    // The same.
  }
}

/** Feeds bytes to a line in pieces, as a network would. */
export function feedInPieces(line: Line, bytes: Buffer, random: SeededRandom): void {
  for (let at = 0; at < bytes.length && !line.closed;) {
    const size = random.chance(0.2) ? random.integer(1, 9) : bytes.length;
    line.emit('data', bytes.subarray(at, at + size));
    at += size;
  }
}

/** Notes where something is handed on, or passes as verified, that is not valid. */
class Judge implements LinkHandler {
  opened = 0;
  closed = 0;
  fault: Error | null = null;

  prefers(): boolean {
    return false;
  }
  admits(): boolean {
    return true;
  }
  onOpen(): void {
    this.opened += 1;
  }
  onClosed(): void {
    this.closed += 1;
  }
  async onFrame(_link: unknown, frame: IncomingFrame): Promise<void> {
    try {
      assert.deepEqual([this.opened, this.closed], [1, 0], 'a frame before the hello, or after the end');
      if (frame.type === 'batch') judgeBatch(frame.bytes);
      else judgeFrame(frame);
    } catch (error) {
      // What is malformed or not signed ends the link; all else is a finding.
      if (error instanceof ProtocolError) throw error;
      this.fault = error instanceof Error ? error : new Error(String(error));
    }
  }
}

function judgeFrame(frame: Exclude<IncomingFrame, { type: 'batch' }>): void {
  // It is the same frame when it is written and read again.
  assert.deepEqual(parseFrame(Buffer.from(encodeWireFrame(frame)).subarray(5)), frame);
  if (frame.type === 'state') {
    assert.ok(isPeerId(frame.conversation) && frame.feeds.length <= MAX_FEEDS_PER_FRAME);
    for (const { author, tips = [], read = [] } of frame.feeds) {
      assert.ok(isPeerId(author), 'an author who is none');
      for (const { segment, seq } of [...tips, ...read]) judgePlace(segment, seq);
      for (const { clock } of tips) assert.ok(/^[0-9a-f]{16}$/.test(clock) && clock < CLOCK_LIMIT, 'a clock');
    }
  }
  if (frame.type === 'want') {
    assert.ok(isPeerId(frame.conversation) && isPeerId(frame.author), 'a feed that is none');
    assert.ok(frame.segments.length <= MAX_SEGMENTS_PER_FRAME, 'too many segments');
    for (const [segment, seq] of frame.segments) judgePlace(segment, seq);
  }
}

function judgePlace(segment: string, seq: number): void {
  assert.ok(/^[0-9a-f]{32}$/.test(segment), 'a segment that is none');
  assert.ok(Number.isSafeInteger(seq) && seq >= 1 && seq <= MAX_SEQ, 'a number that is none');
}

function judgeBatch(bytes: Uint8Array): void {
  const batch = verifyBatch(bytes, {
    sha256,
    verify: (author, message, signature) =>
      author === AUTHOR.peerId && verify(null, message, AUTHOR.keys.publicKey, signature),
  });
  assert.deepEqual(storedBatch(bytes, batch.hash), batch, 'it is another batch from a store');
  judgeVerified(batch);
}

/** What holds of every batch that passes as verified. */
export function judgeVerified(batch: Batch): void {
  judgePlace(batch.segment, batch.first);
  judgePlace(batch.segment, lastSeq(batch));
  const entries = entriesOf(batch);
  assert.equal(entries.length, batch.count);
  assert.ok(entries.length >= 1 && entries.length <= MAX_BATCH_ENTRIES, 'a number of entries');
  assert.deepEqual([entries[0]?.clock, entries.at(-1)?.clock], [batch.firstClock, batch.lastClock]);
  assert.ok(batch.lastClock < CLOCK_LIMIT, 'a clock past the end');
  assert.ok(clockMs(batch.lastClock) - clockMs(batch.firstClock) <= MAX_BATCH_SPAN_MS, 'a long batch');
  for (const [nth, { clock, sentAt, content }] of entries.entries()) {
    const before = entries[nth - 1]?.clock ?? '';
    assert.ok(
      clock > before && batch.follows.every((tip) => tip.clock < clock),
      'a clock that does not rise',
    );
    assert.ok(Number.isSafeInteger(sentAt) && sentAt >= 0, 'a time that is none');
    const read = readContent(content);
    if (read.kind === 'text') assert.ok(read.body !== '' && read.body.isWellFormed(), 'a malformed text');
  }
}

/**
 * Feeds mutated frames, batches and sequences of both to the decoder, the state
 * machine of a link and the verification of batches.
 * @param from the first case
 * @throws {FuzzFailure}
 */
export async function fuzzWire(seed: number, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    try {
      runCase(randomOf(seed, index));
    } catch (error) {
      throw new FuzzFailure('wire', seed, index, error);
    }
    if (index % CASES_PER_TURN === 0) await nextTurn();
  }
  await nextTurn();
  assert.equal(({} as { polluted?: boolean }).polluted, undefined, 'a prototype was changed');
}

function runCase(random: SeededRandom): void {
  const clock = new ManualClock();
  const judge = new Judge();
  const table = new LinkTable(
    {
      self: 'me',
      user: 'Me',
      agent: 'fuzz/1',
      instance: 'me',
      clock,
      logger: silent,
      onGone: () => undefined,
      onProtocolError: () => undefined,
    },
    judge,
    () => 1,
  );
  const line = new Line();
  const learn = (): void => undefined;
  table.establish(line as unknown as Duplex, 'peer', 'host', false, learn).catch(() => undefined);
  feedInPieces(line, input(random, AUTHOR, CONVERSATION), random);
  line.destroy();
  if (judge.fault !== null) throw judge.fault;
  assert.equal(judge.closed, judge.opened, 'a link that was opened is told to be closed, once');
  assert.equal(clock.timers, 0, 'a timer outlives its link');
}
