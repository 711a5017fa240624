import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  encodeJsonFrame,
  FrameDecoder,
  idAt,
  isMessageUuid,
  isWireClock,
  MAX_BODY_BYTES,
  MAX_IDS_PER_FRAME,
  type ParsedFrame,
  type ParsedMessage,
  type ParsedRunFrame,
  parseFrame,
  splitIds,
} from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import type { LinkHandler } from '../../chat-node/dist/chat/ports/peer-link.js';
import { LinkTable } from '../../chat-node/dist/transport/link-table.js';
import type { SeededRandom } from '../chaos/seeded-random.ts';
import { FuzzFailure, mutate, NASTY_JSON, randomOf } from './case.ts';

/** Cases between two turns of the event loop, in which rejections would show. */
const CASES_PER_TURN = 500;
/** The id of every message that is not mutated. */
export const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
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
  frames = 0;
  closed = false;

  write(bytes: Buffer): boolean {
    // What goes out is well-formed, whatever came in.
    for (const { payload } of this.sent.push(bytes)) {
      parseFrame(payload);
      this.frames += 1;
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

/** Fails a case where something is handed on that is not valid. */
class Judge implements LinkHandler {
  opened = 0;
  closed = 0;

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
  async onMessages(_link: unknown, messages: readonly ParsedMessage[]): Promise<void> {
    assert.equal(this.opened, 1, 'a message before the hello');
    for (const one of messages) {
      if (!one.ok) {
        assert.ok(isMessageUuid(one.id));
        continue;
      }
      const { id, clock, sentAt, kind, body } = one.message;
      assert.ok(isMessageUuid(id) && isWireClock(clock), 'an id or a clock that is none');
      assert.ok(Number.isSafeInteger(sentAt) && sentAt >= 0, 'a time that is none');
      assert.ok(
        typeof kind === 'string' && typeof body === 'string' && body.isWellFormed(),
        'a malformed text',
      );
      assert.ok(Buffer.byteLength(body) <= MAX_BODY_BYTES && one.bytes === Buffer.byteLength(body), 'a size');
      assert.deepEqual(Object.keys(one.message).sort(), ['body', 'clock', 'id', 'kind', 'sentAt']);
    }
  }
  async onRun(link: unknown, run: ParsedRunFrame): Promise<void> {
    const { count, kind, bodies } = run;
    assert.deepEqual(
      [run.ids.length, run.clocks.length, run.sentAt.length],
      [36 * count, 16 * count, 16 * count],
    );
    assert.equal(bodies.length, count, 'a body for each id');
    // What holds for messages holds for those of a run.
    const messages = bodies.map((body, at): ParsedMessage => {
      const clock = run.clocks.slice(at * 16, (at + 1) * 16);
      const sentAt = Number(run.sentAt.slice(at * 16, (at + 1) * 16));
      const message = { id: idAt(run.ids, at), clock, sentAt, kind, body };
      return { ok: true, message, bytes: Buffer.byteLength(body) };
    });
    await this.onMessages(link, messages);
  }
  onFrame(_link: unknown, frame: Extract<ParsedFrame, { type: 'ack' | 'receipt' | 'reject' }>): void {
    assert.equal(this.opened, 1, 'a frame before the hello');
    const ids = frame.type === 'reject' ? [frame.id] : frame.type === 'ack' ? splitIds(frame.ids) : frame.ids;
    assert.ok(
      ids.length > 0 && ids.length <= MAX_IDS_PER_FRAME && ids.every(isMessageUuid),
      'ids that are none',
    );
  }
}

/**
 * Feeds mutated frames and sequences of frames to the decoder and the state
 * machine of a link.
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
      onProtocolError: () => undefined,
    },
    judge,
    () => 1,
  );
  const line = new Line();
  table.establish(line as unknown as Duplex, 'peer', 'host', false).catch(() => undefined);
  const bytes = input(random);
  for (let at = 0; at < bytes.length && !line.closed;) {
    const size = random.chance(0.2) ? random.integer(1, 9) : bytes.length;
    line.emit('data', bytes.subarray(at, at + size));
    at += size;
  }
  line.destroy();
  assert.equal(judge.closed, judge.opened, 'a link that was opened is told to be closed, once');
  assert.equal(clock.timers, 0, 'a timer outlives its link');
}

const CLEAN_HELLO = encodeJsonFrame(
  '{"type":"hello","protocol":1,"user":"Eve","agent":"x/1","instance":"i","features":[],"port":1}',
);

/** Mostly past a good hello, or little would reach what lies behind it. */
export function input(random: SeededRandom): Buffer {
  const frames = Array.from({ length: random.integer(0, 4) }, () => frame(random));
  if (random.chance(0.7)) return Buffer.concat([CLEAN_HELLO, mutate(together(frames), random)]);
  return mutate(together(random.shuffle([hello(random), ...frames])), random);
}

const together = (frames: readonly string[]): Buffer => Buffer.concat(frames.map(encodeJsonFrame));

const field = (random: SeededRandom, usual: string): string =>
  random.chance(0.08) ? random.pick(NASTY_JSON) : usual;

function hello(random: SeededRandom): string {
  return (
    `{"type":"hello","protocol":${field(random, '1')},"user":${field(random, '"Eve"')},` +
    `"agent":${field(random, '"x/1"')},"instance":${field(random, '"i"')},` +
    `"features":${field(random, '["f"]')},"port":${field(random, '7780')}}`
  );
}

function frame(random: SeededRandom): string {
  const ids = field(random, `["${ID}"]`);
  switch (random.integer(0, 12)) {
    case 0:
      return `{"type":"ack","ids":${random.chance(0.5) ? ids : field(random, `"${ID}${ID}"`)}}`;
    case 1:
      return `{"type":"receipt","ids":${ids},"state":${field(random, '"read"')}}`;
    case 2:
      return `{"type":"reject","id":${field(random, `"${ID}"`)},"code":${field(random, '"x"')},"retryAfterMs":${field(random, '5')}}`;
    case 3:
      return '{"type":"ping"}';
    case 4:
      return `{"type":"bye","reason":${field(random, '"x"')}}`;
    case 5:
      return `{"type":"error","code":${field(random, '"x"')},"detail":${field(random, '"y"')}}`;
    case 6:
      return hello(random);
    case 7:
      return `{"type":"presence","state":${field(random, '"away"')},"status":${field(random, '"x"')},"user":${field(random, '"Eve"')}}`;
    case 8:
      return '{"type":"typing"}';
    case 9:
    case 10:
      return run(random);
    default: {
      const messages = Array.from({ length: random.integer(1, 3) }, () => message(random));
      return `{"type":"message","messages":[${messages.join(',')}]}`;
    }
  }
}

function run(random: SeededRandom): string {
  const count = random.integer(1, 3);
  const column = (one: string): string => field(random, `"${one.repeat(count)}"`);
  const bodies = Array.from({ length: count }, () => field(random, '"hi"'));
  return (
    `{"type":"run","kind":${field(random, '"text"')},"ids":${column(ID)},` +
    `"clocks":${column('0000000000010000')},"sentAt":${column('0000000000000001')},` +
    `"bodies":${field(random, `[${bodies.join(',')}]`)}}`
  );
}

function message(random: SeededRandom): string {
  return (
    `{"id":${field(random, `"${ID}"`)},"clock":${field(random, '"0000000000010000"')},` +
    `"sentAt":${field(random, '1')},"kind":${field(random, '"text"')},"body":${field(random, '"hi"')}}`
  );
}
