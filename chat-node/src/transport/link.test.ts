import {
  encodeFrame,
  encodeJsonFrame,
  encodeWireFrame,
  FRAME_KIND,
  FrameDecoder,
  MAX_BATCH_BYTES,
  MAX_UNHANDLED_FRAMES,
  ProtocolError,
  WINDOW_BYTES,
  type WireFrame,
} from '@p2p-chat/shared';
import { ManualClock, memoryDuplexPair } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { testClock, TestFeed } from '../testing/feeds.js';
import { RecordingHandler } from '../testing/recording-handler.js';
import { FrameStream } from './frame-stream.js';
import { Link } from './link.js';

const PEER = { peerId: 'bob', user: 'Bob', instance: 'b', agent: 'x/1', address: null };
const ID = 'a'.repeat(52);
const DIGESTS = { type: 'digests', conversations: [[ID, '0'.repeat(32)]] } satisfies WireFrame;
const STATE = { type: 'state', conversation: ID, feeds: [] } satisfies WireFrame;
const WANT = { type: 'want', conversation: ID, author: ID, segments: [], more: false } satisfies WireFrame;
const PRESENCE = { type: 'presence', state: 'away', status: '', user: 'Bob' } satisfies WireFrame;

const LARGE_BATCH = encodeFrame(FRAME_KIND.batch, Buffer.alloc(MAX_BATCH_BYTES));
/** More than the window never fits, and a little less always does. */
const LARGE_BATCHES = WINDOW_BYTES / MAX_BATCH_BYTES;

function start() {
  const clock = new ManualClock();
  const { a: near, b: far } = memoryDuplexPair();
  const handler = new RecordingHandler();
  const ends: { error: Error | null; reason: string | null }[] = [];
  const stream = new FrameStream(near, clock);
  const link = new Link(
    { peer: PEER, outbound: false, openedAt: 0 },
    stream,
    handler,
    (_link, error, reason) => ends.push({ error, reason }),
  );
  stream.start(link);
  stream.handOver(link);
  const received: unknown[] = [];
  const decoder = new FrameDecoder();
  far.on('data', (chunk: Buffer) => {
    for (const { kind, payload } of decoder.push(chunk)) {
      received.push(kind === FRAME_KIND.batch ? Buffer.from(payload) : JSON.parse(payload.toString()));
    }
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await clock.advance(0);
  };
  return { clock, near, far, handler, ends, link, received, settle };
}

/** A handler whose work waits for the test. */
function gate(handler: RecordingHandler): { open: () => void; fail: (error: Error) => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  handler.gate = promise;
  handler.gate.catch(() => undefined);
  return { open: resolve, fail: reject };
}

describe('Link', () => {
  it.each([
    ['typing', encodeWireFrame({ type: 'typing' }), MAX_UNHANDLED_FRAMES],
    ['presence', encodeWireFrame(PRESENCE), MAX_UNHANDLED_FRAMES],
    ['digests', encodeWireFrame(DIGESTS), MAX_UNHANDLED_FRAMES],
    ['state', encodeWireFrame(STATE), MAX_UNHANDLED_FRAMES],
    ['want', encodeWireFrame(WANT), MAX_UNHANDLED_FRAMES],
    ['small batches', encodeFrame(FRAME_KIND.batch, Buffer.from('x')), MAX_UNHANDLED_FRAMES],
    ['large batches', LARGE_BATCH, LARGE_BATCHES],
  ])(
    'takes so many frames of %s that are not dealt with and not one more, in one chunk or in many, and then goes on',
    async (_what, frame, most) => {
      for (const inOneChunk of [true, false]) {
        const { near, far, handler, settle } = start();
        const { open } = gate(handler);
        const frames = Array.from({ length: most - 1 }, () => frame);
        if (inOneChunk) far.write(Buffer.concat(frames));
        else for (const one of frames) far.write(one);
        await settle();
        expect([handler.frames.length, near.isPaused()]).toEqual([most - 1, false]);
        const further = [frame, frame, frame];
        if (inOneChunk) far.write(Buffer.concat(further));
        else for (const one of further) far.write(one);
        await settle();
        expect([handler.frames.length, near.isPaused()]).toEqual([most, true]);
        open();
        await settle();
        expect([handler.frames.length, near.isPaused()]).toEqual([most + 2, false]);
      }
    },
  );

  it('sends frames, and batches as their bytes', async () => {
    const { link, received, settle } = start();
    const batch = new TestFeed('Alice', ID).batch(['hello'], { clock: testClock(1) });
    link.send(STATE);
    link.sendBatch(batch);
    await settle();
    expect(received).toEqual([STATE, Buffer.from(batch.bytes)]);
  });

  it('hands on what is for the core, in order', async () => {
    const { far, handler, settle } = start();
    for (const frame of [DIGESTS, STATE, WANT, PRESENCE, { type: 'typing' } as const])
      far.write(encodeWireFrame(frame));
    await settle();
    expect(handler.frames).toEqual([DIGESTS, STATE, WANT, PRESENCE, { type: 'typing' }]);
  });

  it('ends with what its handler says of a frame, and tells the far end where that is its fault', async () => {
    const fault = new ProtocolError('signature-wrong', 'It is not signed.');
    for (const [error, told] of [
      [fault, [{ type: 'error', code: 'signature-wrong', detail: 'It is not signed.' }]],
      [new Error('a fault of ours'), []],
    ] as const) {
      const { far, handler, ends, received, settle } = start();
      const { fail } = gate(handler);
      far.write(encodeWireFrame(STATE));
      await settle();
      fail(error);
      await settle();
      expect(ends).toEqual([{ error, reason: null }]);
      expect(received).toEqual(told);
    }
  });

  it('ends with the words of a bye or an error', async () => {
    for (const [frame, reason] of [
      [{ type: 'bye', reason: 'logout' }, 'logout'],
      [{ type: 'error', code: 'frame-malformed', detail: 'what' }, 'frame-malformed: what'],
    ] as const) {
      const { far, ends, settle } = start();
      far.write(encodeWireFrame(frame));
      await settle();
      expect(ends).toEqual([{ error: null, reason }]);
    }
  });

  it('refuses a second hello', async () => {
    const { far, ends, settle } = start();
    const hello = { protocol: 1, user: 'Bob', agent: '', instance: '', port: 0 };
    far.write(encodeJsonFrame(JSON.stringify({ type: 'hello', ...hello })));
    await settle();
    expect(ends).toMatchObject([{ error: { code: 'hello-repeated' } }]);
  });
});
