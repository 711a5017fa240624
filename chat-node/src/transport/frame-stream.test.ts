import type { Duplex } from 'node:stream';
import {
  encodeFrame,
  encodeJsonFrame,
  encodeWireFrame,
  FRAME_KIND,
  FrameDecoder,
  LINK_DEAD_MS,
  MAX_JSON_FRAME_BYTES,
  MAX_UNREAD_BYTES,
  MID_FRAME_STALL_MS,
  PING_INTERVAL_MS,
  ProtocolError,
} from '@p2p-chat/shared';
import { ManualClock, memoryDuplexPair, type MemoryLine } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { FrameStream, type StreamFrame } from './frame-stream.js';

const FRAME = { type: 'typing' } as const;
const CONVERSATION = 'a'.repeat(52);

class Far {
  readonly received: Record<string, unknown>[] = [];
  readonly #decoder = new FrameDecoder();
  ended = false;

  constructor(readonly stream: Duplex) {
    stream.on('data', (chunk: Buffer) => {
      for (const { payload } of this.#decoder.push(chunk))
        this.received.push(JSON.parse(payload.toString()) as Record<string, unknown>);
    });
    stream.on('close', () => (this.ended = true));
    stream.on('error', () => undefined);
  }

  get types(): unknown[] {
    return this.received.map(({ type }) => type);
  }
}

interface World {
  clock: ManualClock;
  frames: FrameStream;
  near: Duplex;
  far: Far;
  line: MemoryLine;
  taken: StreamFrame[];
  ends: (Error | null)[];
  /** Lets what is on its way arrive. */
  settle: () => Promise<void>;
}

function start(
  { isOpen = true, ...options }: { maxChunk?: number; isOpen?: boolean } = {},
  clock = new ManualClock(),
): World {
  const { a, b, line } = memoryDuplexPair(options);
  const frames = new FrameStream(a, clock);
  const taken: StreamFrame[] = [];
  const ends: (Error | null)[] = [];
  const handler = {
    onFrame: (frame: StreamFrame) => void taken.push(frame),
    onEnd: (error: Error | null) => void ends.push(error),
  };
  frames.start(handler);
  if (isOpen) frames.handOver(handler);
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await clock.advance(0);
  };
  return { clock, frames, near: a, far: new Far(b), line, taken, ends, settle };
}

describe('FrameStream', () => {
  it('hands on frames in their order, wherever the bytes are cut, and answers pings itself', async () => {
    const { far, taken, settle } = start({ maxChunk: 1 });
    far.stream.write(
      Buffer.concat([
        encodeWireFrame(FRAME),
        encodeWireFrame({ type: 'ping' }),
        encodeWireFrame({ type: 'pong' }),
      ]),
    );
    far.stream.write(encodeWireFrame({ type: 'bye', reason: 'x' }));
    await settle();
    expect(taken).toEqual([FRAME, { type: 'bye', reason: 'x' }]);
    expect(far.types).toEqual(['pong']);
  });

  it('asks after 15 s of silence, not before, and is content with any answer', async () => {
    const { clock, far, ends, settle } = start();
    await clock.advance(PING_INTERVAL_MS - 1);
    await settle();
    expect(far.types).toEqual([]);
    await clock.advance(1);
    await settle();
    expect(far.types).toEqual(['ping']);
    for (let round = 0; round < 10; round += 1) {
      far.stream.write(encodeWireFrame({ type: 'pong' }));
      await settle();
      await clock.advance(PING_INTERVAL_MS);
      await settle();
    }
    expect(ends).toEqual([]);
    expect(far.types.length).toBe(11);
  });

  it('looks at the same moments as all others, whenever it began', async () => {
    const clock = new ManualClock();
    const first = start({}, clock);
    await clock.advance(2_300);
    const second = start({}, clock);
    // The second one was silent for 15 s at 17.3 s.
    await clock.advance(19_999 - clock.monotonic());
    await second.settle();
    expect([first.far.types, second.far.types]).toEqual([['ping'], []]);
    await clock.advance(1);
    await second.settle();
    expect([first.far.types, second.far.types]).toEqual([['ping', 'ping'], ['ping']]);
  });

  it('is dead after 45 s of silence, not before', async () => {
    const { clock, far, ends, settle } = start();
    await clock.advance(LINK_DEAD_MS - 1);
    expect(ends).toEqual([]);
    await clock.advance(1);
    await settle();
    expect(ends).toEqual([
      expect.objectContaining({ message: expect.stringContaining('45 seconds') as string }),
    ]);
    expect(far.ended).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('counts the 45 s from the last byte, whenever it came', async () => {
    const { clock, far, ends, settle } = start();
    await clock.advance(3_000);
    far.stream.write(encodeWireFrame(FRAME));
    await settle();
    await clock.advance(LINK_DEAD_MS - 1);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toHaveLength(1);
  });

  it('gives up a frame that stalls for 10 s, not before, with a typed error', async () => {
    const { clock, far, ends, settle } = start();
    far.stream.write(encodeWireFrame(FRAME).subarray(0, 20));
    await settle();
    await clock.advance(MID_FRAME_STALL_MS - 1);
    expect(ends).toEqual([]);
    await clock.advance(1);
    await settle();
    expect(far.received).toMatchObject([{ type: 'error', code: 'frame-stalled' }]);
    expect(ends).toEqual([expect.any(ProtocolError)]);
    expect(far.ended).toBe(true);
  });

  it('bears a frame that comes a byte every few seconds', async () => {
    const { clock, far, taken, settle } = start();
    for (const byte of encodeWireFrame({ type: 'bye', reason: '' })) {
      far.stream.write(Buffer.from([byte]));
      await settle();
      await clock.advance(MID_FRAME_STALL_MS - 5_000);
    }
    expect(taken).toEqual([{ type: 'bye', reason: '' }]);
  });

  it.each([
    ['a frame over the limit', Buffer.from([0, 4, 0, 2, 1]), 'frame-too-large'],
    ['an empty frame', Buffer.alloc(4), 'frame-empty'],
    ['an unknown kind', Buffer.from([0, 0, 0, 1, 9]), 'frame-kind-unknown'],
    ['no JSON', encodeJsonFrame('{'), 'frame-malformed'],
    [
      'bytes that are no UTF-8',
      encodeFrame(FRAME_KIND.json, Buffer.from([0x22, 0xff, 0x22])),
      'frame-malformed',
    ],
    ['a list', encodeJsonFrame('[]'), 'frame-malformed'],
    ['10,000 levels', encodeJsonFrame(`${'['.repeat(10_000)}${']'.repeat(10_000)}`), 'frame-malformed'],
    ['an unknown type', encodeJsonFrame('{"type":"__proto__"}'), 'frame-malformed'],
    [
      'a number past 2^53',
      encodeJsonFrame(`{"type":"state","conversation":"${CONVERSATION}","feeds":[],"hold":9007199254740993}`),
      'frame-malformed',
    ],
  ])('ends with one typed error on %s, and takes nothing after it', async (_what, bytes, code) => {
    const { far, taken, ends, clock, settle } = start();
    far.stream.write(Buffer.concat([bytes, encodeWireFrame(FRAME)]));
    await settle();
    expect(far.received).toEqual([{ type: 'error', code, detail: expect.any(String) as string }]);
    expect(ends).toEqual([expect.objectContaining({ code })]);
    expect(taken).toEqual([]);
    expect(far.ended).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('takes a frame of the largest size', async () => {
    const { far, taken, ends, settle } = start();
    const text = '{"type":"bye","reason":"x"}';
    far.stream.write(encodeJsonFrame(text.padEnd(MAX_JSON_FRAME_BYTES, ' ')));
    await settle();
    expect(ends).toEqual([]);
    expect(taken).toEqual([{ type: 'bye', reason: 'x' }]);
  });

  it('reads no more while more than 8 MiB wait for the far end, and goes on when it reads', async () => {
    const { frames, far, near, line, taken, settle } = start();
    line.block();
    const largest = encodeJsonFrame('{}'.padEnd(MAX_JSON_FRAME_BYTES, ' '));
    const fits = Math.floor(MAX_UNREAD_BYTES / largest.length);
    for (let count = 0; count < fits; count += 1) frames.sendBytes(largest);
    expect(near.isPaused()).toBe(false);
    frames.sendBytes(largest);
    expect(near.writableLength).toBeGreaterThan(MAX_UNREAD_BYTES);
    expect(near.isPaused()).toBe(true);
    far.stream.write(encodeWireFrame(FRAME));
    await settle();
    expect(taken).toEqual([]);
    line.heal();
    await settle();
    expect(near.isPaused()).toBe(false);
    expect(taken).toEqual([FRAME]);
    expect(far.received).toHaveLength(fits + 1);
  });

  it("hands on a batch as its bytes, which are nobody else's", async () => {
    const { far, taken, settle } = start();
    const bytes = Buffer.from('any bytes');
    far.stream.write(encodeFrame(FRAME_KIND.batch, bytes));
    await settle();
    expect(taken).toEqual([{ type: 'batch', bytes: new Uint8Array(bytes) }]);
  });

  it.each(['ping', 'pong'] as const)('takes no %s before the hello', async (type) => {
    const { far, ends, settle } = start({ isOpen: false });
    far.stream.write(encodeWireFrame({ type }));
    await settle();
    expect(far.received).toMatchObject([{ type: 'error', code: 'hello-expected' }]);
    expect(ends).toMatchObject([{ code: 'hello-expected' }]);
  });

  it('stops in the middle of what has arrived where it is held, and goes on there', async () => {
    const { frames, far, taken, settle } = start();
    frames.handOver({
      onFrame: (frame) => {
        taken.push(frame);
        if (taken.length % 2 === 0) frames.hold('window');
      },
      onEnd: () => undefined,
    });
    far.stream.write(Buffer.concat(Array.from({ length: 5 }, () => encodeWireFrame(FRAME))));
    await settle();
    expect(taken).toHaveLength(2);
    frames.release('window');
    expect(taken).toHaveLength(4);
    frames.release('window');
    await settle();
    expect(taken).toHaveLength(5);
  });

  it('hands on nothing of what stands behind its end', async () => {
    const { frames, far, taken, settle } = start();
    frames.handOver({
      onFrame: (frame) => {
        taken.push(frame);
        frames.close();
      },
      onEnd: () => undefined,
    });
    far.stream.write(Buffer.concat([encodeWireFrame(FRAME), encodeWireFrame(FRAME)]));
    far.stream.write(encodeWireFrame(FRAME));
    await settle();
    expect(taken).toEqual([FRAME]);
  });

  it('bears a frame that stands still while it is not read', async () => {
    const { clock, frames, far, ends, settle } = start();
    far.stream.write(encodeWireFrame(FRAME).subarray(0, 20));
    await settle();
    frames.hold('unread');
    await clock.advance(MID_FRAME_STALL_MS * 2);
    expect(ends).toEqual([]);
  });

  it('goes on when every reason to hold is gone, and not before', () => {
    const { frames, near } = start();
    frames.hold('window');
    frames.hold('unread');
    frames.release('window');
    expect(near.isPaused()).toBe(true);
    frames.release('window');
    expect(near.isPaused()).toBe(true);
    frames.release('unread');
    expect(near.isPaused()).toBe(false);
  });

  it('does not call the far end dead for what it does not read itself, and says that it lives', async () => {
    const { clock, frames, far, ends, settle } = start();
    frames.hold('window');
    await clock.advance(LINK_DEAD_MS * 3);
    await settle();
    expect(ends).toEqual([]);
    expect(far.types.every((type) => type === 'ping')).toBe(true);
    expect(far.types.length).toBeGreaterThanOrEqual((LINK_DEAD_MS * 3) / PING_INTERVAL_MS);
    frames.release('window');
    await clock.advance(LINK_DEAD_MS);
    expect(ends).toHaveLength(1);
  });

  it('calls a far end dead that neither reads nor speaks', async () => {
    const { clock, frames, line, ends } = start();
    line.block();
    for (let sent = 0; sent <= MAX_UNREAD_BYTES; sent += MAX_JSON_FRAME_BYTES)
      frames.sendBytes(encodeJsonFrame('{}'.padEnd(MAX_JSON_FRAME_BYTES, ' ')));
    await clock.advance(LINK_DEAD_MS);
    expect(ends).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  it('closes once the last frame has left, and sends nothing after it', async () => {
    const { clock, frames, far, ends, settle } = start();
    frames.close({ type: 'bye', reason: 'logout' });
    frames.send({ type: 'ping' });
    frames.close({ type: 'bye', reason: 'again' });
    await settle();
    expect(far.received).toEqual([{ type: 'bye', reason: 'logout' }]);
    expect(far.ended).toBe(true);
    expect(ends).toEqual([null]);
    expect(clock.timers).toBe(0);
  });

  it('gives a far end that does not read 2 s to take the last frame, then tears down', async () => {
    const { clock, frames, near, line, settle } = start();
    line.block();
    frames.close({ type: 'bye', reason: 'logout' });
    await clock.advance(1_999);
    expect(near.destroyed).toBe(false);
    await clock.advance(1);
    await settle();
    expect(near.destroyed).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('tells of its end once, with the reason, when the line breaks', async () => {
    const { line, ends, clock, settle } = start();
    line.cut();
    await settle();
    expect(ends).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
    expect(clock.timers).toBe(0);
  });
});
