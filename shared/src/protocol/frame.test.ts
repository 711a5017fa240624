import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, encodeJsonFrame, type Frame, FRAME_KIND, FrameDecoder } from './frame.js';
import { MAX_JSON_FRAME_BYTES } from './limits.js';

function decode(chunks: Iterable<Buffer>, decoder = new FrameDecoder()): Frame[] {
  return [...chunks]
    .flatMap((chunk) => [...decoder.push(chunk)])
    .map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload) }));
}

const aFrame = fc.record({
  kind: fc.constantFrom(FRAME_KIND.json, FRAME_KIND.batch),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

describe('FrameDecoder', () => {
  it('gives back what was encoded, wherever the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(aFrame, { maxLength: 8 }),
        fc.array(fc.nat(40), { minLength: 1 }),
        (frames, cuts) => {
          const stream = Buffer.concat(frames.map(({ kind, payload }) => encodeFrame(kind, payload)));
          const chunks: Buffer[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const size = 1 + (cuts[turn % cuts.length] ?? 0);
            chunks.push(stream.subarray(at, at + size));
            at += size;
          }
          expect(decode(chunks)).toEqual(frames);
        },
      ),
    );
  });

  it('gives back what was encoded one byte at a time, and knows when it is in a frame', () => {
    const decoder = new FrameDecoder();
    const bytes = encodeJsonFrame('{"type":"ping"}');
    const states = [...bytes].map((byte) => {
      const frames = [...decoder.push(Buffer.from([byte]))];
      return [frames.length, decoder.midFrame] as const;
    });
    expect(states.slice(0, -1).every(([count, midFrame]) => count === 0 && midFrame)).toBe(true);
    expect(states.at(-1)).toEqual([1, false]);
  });

  it('takes a payload of the limit and refuses one byte more before it has arrived', () => {
    const largest = Buffer.alloc(MAX_JSON_FRAME_BYTES, 0x20);
    expect(decode([encodeFrame(FRAME_KIND.json, largest)])[0]?.payload.length).toBe(MAX_JSON_FRAME_BYTES);
    expect(() => encodeFrame(FRAME_KIND.json, Buffer.alloc(MAX_JSON_FRAME_BYTES + 1))).toThrow(
      expect.objectContaining({ code: 'frame-too-large' }),
    );
    const header = Buffer.alloc(5);
    header.writeUInt32BE(MAX_JSON_FRAME_BYTES + 2);
    header.writeUInt8(FRAME_KIND.json, 4);
    expect(() => decode([header])).toThrow(expect.objectContaining({ code: 'frame-too-large' }));
  });

  it.each([
    ['a promise of 4 GiB', 'ffffffff', 'frame-too-large'],
    ['a promise of 4 GiB of a known kind', 'ffffffff01', 'frame-too-large'],
    ['an empty frame', '00000000', 'frame-empty'],
    ['an unknown kind', '0000000203', 'frame-kind-unknown'],
    ['kind 0', '0000000200', 'frame-kind-unknown'],
  ])('refuses %s by its header alone', (_what, hex, code) => {
    expect(() => decode([Buffer.from(hex, 'hex')])).toThrow(expect.objectContaining({ code }));
  });

  it('takes a frame with nothing but its kind', () => {
    expect(decode([Buffer.from('0000000101', 'hex')])).toEqual([
      { kind: FRAME_KIND.json, payload: Buffer.alloc(0) },
    ]);
  });
});
