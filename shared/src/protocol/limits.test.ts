import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_KIND, FrameDecoder } from './frame.js';
import { parseFrame } from './frames.js';
import {
  MAX_AGENT_CHARACTERS,
  MAX_BATCH_BYTES,
  MAX_DETAIL_CHARACTERS,
  MAX_INSTANCE_CHARACTERS,
  MAX_STATUS_CHARACTERS,
  MAX_USER_NAME_CHARACTERS,
} from './limits.js';

const HELLO = { type: 'hello', protocol: 1, user: 'Ann', agent: 'x/1', instance: 'i', port: 7780 };
const PRESENCE = { type: 'presence', state: 'away', status: '', user: 'Ann' };

describe('a limit of a frame', () => {
  const x = (length: number): string => 'x'.repeat(length);
  it.each<[string, number, (length: number) => object]>([
    ['user', MAX_USER_NAME_CHARACTERS, (length) => ({ ...HELLO, user: '🦊'.repeat(length) })],
    ['agent', MAX_AGENT_CHARACTERS, (length) => ({ ...HELLO, agent: x(length) })],
    ['instance', MAX_INSTANCE_CHARACTERS, (length) => ({ ...HELLO, instance: x(length) })],
    ['port', 65_535, (port) => ({ ...HELLO, port })],
    ['status', MAX_STATUS_CHARACTERS, (length) => ({ ...PRESENCE, status: '🦊'.repeat(length) })],
    ['user of a presence', MAX_USER_NAME_CHARACTERS, (length) => ({ ...PRESENCE, user: x(length) })],
    ['reason', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'bye', reason: x(length) })],
    ['code of an error', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'error', code: x(length), detail: '' })],
    ['detail', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'error', code: '', detail: x(length) })],
  ])('%s is taken at %i and refused just past it', (_field, limit, frame) => {
    const parse = (size: number) => parseFrame(Buffer.from(JSON.stringify(frame(size))));
    expect(parse(limit)).toEqual(frame(limit));
    expect(() => parse(limit + 1)).toThrow(expect.objectContaining({ code: 'frame-malformed' }));
  });

  it('holds for batches by their header alone', () => {
    const largest = encodeFrame(FRAME_KIND.batch, Buffer.alloc(MAX_BATCH_BYTES));
    expect([...new FrameDecoder().push(largest)]).toHaveLength(1);
    const header = Buffer.from([0, 0, 0, 0, FRAME_KIND.batch]);
    header.writeUInt32BE(MAX_BATCH_BYTES + 2);
    expect(() => [...new FrameDecoder().push(header)]).toThrow(
      expect.objectContaining({ code: 'frame-too-large' }),
    );
  });
});
