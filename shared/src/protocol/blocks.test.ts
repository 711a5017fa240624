import { describe, expect, it } from 'vitest';
import {
  BLOCK_ANSWER_HEADER_BYTES,
  BLOCK_REQUEST_BYTES,
  BlockAnswerDecoder,
  type BlockRequest,
  BlockRequestDecoder,
  encodeAnswerHeader,
  encodeBlockRequest,
} from './blocks.js';

const request: BlockRequest = {
  kind: 'block',
  conversation: `${'a'.repeat(51)}q`,
  root: '0f'.repeat(32),
  index: 65_535,
};

function* byteByByte(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1) yield bytes.subarray(at, at + 1);
}

describe('a request for a block', () => {
  it('is read as it was written, byte by byte and several at once', () => {
    const all: BlockRequest[] = [
      request,
      { ...request, kind: 'hashes', index: 0 },
      { ...request, kind: 'done', index: 0 },
    ];
    const bytes = Buffer.concat(all.map(encodeBlockRequest));
    expect(bytes.length).toBe(3 * BLOCK_REQUEST_BYTES);
    const slow = new BlockRequestDecoder();
    expect([...byteByByte(bytes)].flatMap((byte) => [...slow.push(byte)])).toEqual(all);
    expect([...new BlockRequestDecoder().push(bytes)]).toEqual(all);
  });

  it('of no known kind ends the connection', () => {
    const bytes = encodeBlockRequest(request);
    bytes[0] = 9;
    expect(() => [...new BlockRequestDecoder().push(bytes)]).toThrow('There is no request of kind 9.');
  });
});

const awaited = (length: number | null | undefined) => (typeof length === 'number' ? { length } : null);

describe('an answer', () => {
  const payload = new Uint8Array([1, 2, 3]);

  it('is read byte by byte, and what is absent is null', () => {
    const expected = [3, 3, 0];
    const decoder = new BlockAnswerDecoder(() => awaited(expected[0]));
    const bytes = Buffer.concat([
      encodeAnswerHeader('here', 3),
      payload,
      encodeAnswerHeader('absent', 0),
      encodeAnswerHeader('here', 0),
    ]);
    expect(bytes).toHaveLength(3 * BLOCK_ANSWER_HEADER_BYTES + payload.length);
    const answers: (Uint8Array | null)[] = [];
    for (const byte of byteByByte(bytes)) {
      for (const answer of decoder.push(byte)) {
        answers.push(answer);
        expected.shift();
      }
    }
    expect(answers).toEqual([payload, null, new Uint8Array(0)]);
  });

  it.each([
    ['that is larger than what was asked for', encodeAnswerHeader('here', 4), 3],
    ['that is smaller', encodeAnswerHeader('here', 2), 3],
    ['that was not asked for', encodeAnswerHeader('here', 3), null],
    ['that is absent and has bytes', encodeAnswerHeader('absent', 3), 3],
    ['of no known kind', new Uint8Array([7, 0, 0, 0, 3]), 3],
  ])('%s is refused before anything is allocated', (_, bytes, expected) => {
    expect(() => [...new BlockAnswerDecoder(() => awaited(expected)).push(bytes)]).toThrow();
  });
});
