import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_KIND, FrameDecoder } from './frame.js';
import {
  MAX_AGENT_CHARACTERS,
  MAX_BINARY_FRAME_BYTES,
  MAX_DETAIL_CHARACTERS,
  MAX_FEATURES,
  MAX_INSTANCE_CHARACTERS,
  MAX_STATUS_CHARACTERS,
  MAX_USER_NAME_CHARACTERS,
  TARGET_BATCH_BYTES,
} from './limits.js';
import { encodeMessage, packMessages, parseFrame } from '../protocol/frames.js';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const HELLO = {
  type: 'hello',
  protocol: 1,
  user: 'Ann',
  agent: 'x/1',
  instance: 'i',
  features: [] as string[],
  port: 7780,
};

const PRESENCE = { type: 'presence', state: 'away', status: '', user: 'Ann' };

describe('a limit of a frame', () => {
  const x = (length: number): string => 'x'.repeat(length);
  it.each<[string, number, (length: number) => object]>([
    ['user', MAX_USER_NAME_CHARACTERS, (length) => ({ ...HELLO, user: '🦊'.repeat(length) })],
    ['agent', MAX_AGENT_CHARACTERS, (length) => ({ ...HELLO, agent: x(length) })],
    ['instance', MAX_INSTANCE_CHARACTERS, (length) => ({ ...HELLO, instance: x(length) })],
    ['features', MAX_FEATURES, (length) => ({ ...HELLO, features: Array(length).fill('f') as string[] })],
    ['a feature', MAX_AGENT_CHARACTERS, (length) => ({ ...HELLO, features: [x(length)] })],
    ['port', 65_535, (port) => ({ ...HELLO, port })],
    ['status', MAX_STATUS_CHARACTERS, (length) => ({ ...PRESENCE, status: '🦊'.repeat(length) })],
    ['user of a presence', MAX_USER_NAME_CHARACTERS, (length) => ({ ...PRESENCE, user: x(length) })],
    ['reason', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'bye', reason: x(length) })],
    ['code of an error', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'error', code: x(length), detail: '' })],
    ['detail', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'error', code: '', detail: x(length) })],
    ['code of a reject', MAX_DETAIL_CHARACTERS, (length) => ({ type: 'reject', id: ID, code: x(length) })],
    ['retryAfterMs', 2 ** 31 - 1, (retryAfterMs) => ({ type: 'reject', id: ID, code: '', retryAfterMs })],
  ])('%s is taken at %i and refused just past it', (_field, limit, frame) => {
    const parse = (size: number) => parseFrame(Buffer.from(JSON.stringify(frame(size))));
    expect(parse(limit)).toEqual(frame(limit));
    expect(() => parse(limit + 1)).toThrow(expect.objectContaining({ code: 'frame-malformed' }));
  });

  it('holds for binary frames too', () => {
    const largest = encodeFrame(FRAME_KIND.binary, Buffer.alloc(MAX_BINARY_FRAME_BYTES));
    expect([...new FrameDecoder().push(largest)]).toHaveLength(1);
    const header = Buffer.from([0, 0, 0, 0, FRAME_KIND.binary]);
    header.writeUInt32BE(MAX_BINARY_FRAME_BYTES + 2);
    expect(() => [...new FrameDecoder().push(header)]).toThrow(
      expect.objectContaining({ code: 'frame-too-large' }),
    );
  });

  it('kind of a message is judged with the message', () => {
    const verdict = (length: number) => {
      const message = { id: ID, clock: '0000000000010000', sentAt: 1, kind: x(length), body: 'x' };
      const frame = parseFrame(Buffer.from(JSON.stringify({ type: 'message', messages: [message] })));
      return frame.type === 'message' && frame.messages[0]?.ok;
    };
    expect(verdict(MAX_AGENT_CHARACTERS)).toBe(true);
    expect(verdict(MAX_AGENT_CHARACTERS + 1)).toBe(false);
  });
});

describe('a batch', () => {
  it('grows up to its target and not past it', () => {
    const body = 'x'.repeat(1_000);
    const one = encodeMessage({ id: ID, clock: '0000000000010000', sentAt: 1, kind: 'text', body });
    const fit = Math.floor(TARGET_BATCH_BYTES / (one.length + 1));
    expect(packMessages(Array<string>(fit).fill(one))).toHaveLength(1);
    expect(packMessages(Array<string>(fit + 1).fill(one))).toHaveLength(2);
  });
});
