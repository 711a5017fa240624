import { describe, expect, it } from 'vitest';
import { FrameDecoder } from './frame.js';
import { MAX_BODY_BYTES, MAX_IDS_PER_FRAME, MAX_JSON_FRAME_BYTES, MAX_MESSAGES_PER_FRAME } from './limits.js';
import {
  encodeMessage,
  encodeWireFrame,
  packMessages,
  parseFrame,
  type ParsedFrame,
  type WireMessage,
} from './messages.js';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const HELLO = {
  type: 'hello',
  protocol: 1,
  user: 'Ann',
  agent: 'x/1',
  instance: 'i',
  features: [],
  port: 7780,
};
const MESSAGE: WireMessage = { id: ID, clock: '0000000000010000', sentAt: 1, kind: 'text', body: 'hi' };

const parse = (value: unknown): ParsedFrame => parseFrame(Buffer.from(JSON.stringify(value)));
const payloads = (frames: Buffer[]): ParsedFrame[] =>
  frames.flatMap((bytes) => [...new FrameDecoder().push(bytes)].map(({ payload }) => parseFrame(payload)));

describe('parseFrame', () => {
  it('gives back each frame that is encoded', () => {
    const frames = [
      HELLO as ParsedFrame & { type: 'hello' },
      { type: 'ack', ids: [ID] },
      { type: 'ack', ids: [ID], of: 'receipt' },
      { type: 'receipt', ids: [ID], state: 'read' },
      { type: 'reject', id: ID, code: 'body-too-large' },
      { type: 'reject', id: ID, code: 'busy', retryAfterMs: 5 },
      { type: 'ping' },
      { type: 'pong' },
      { type: 'presence', state: 'dnd', status: 'in a talk', user: 'Ann' },
      { type: 'typing' },
      { type: 'bye', reason: 'logout' },
      { type: 'error', code: 'c', detail: 'd' },
    ] as const;
    for (const frame of frames) expect(payloads([encodeWireFrame(frame as never)])).toEqual([frame]);
  });

  it('ignores fields that it does not know, `__proto__` among them', () => {
    const raw = JSON.stringify({ ...HELLO, later: 1 }).replace('{', '{"__proto__":{"user":"Eve"},');
    const hello = parseFrame(Buffer.from(raw));
    expect(hello).toEqual(HELLO);
    expect(({} as { user?: string }).user).toBeUndefined();
  });

  it.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['no object', Buffer.from('[]')],
    ['null', Buffer.from('null')],
    ['no type', Buffer.from('{}')],
    ['an unknown type', Buffer.from('{"type":"nuke"}')],
    ['10,000 levels', Buffer.from('['.repeat(10_000) + ']'.repeat(10_000))],
    ['no ids', Buffer.from('{"type":"ack","ids":[]}')],
    ['an id that is none', Buffer.from('{"type":"ack","ids":["x"]}')],
    ['ids that are an operator', Buffer.from('{"type":"ack","ids":{"$gt":""}}')],
    ['no messages', Buffer.from('{"type":"message","messages":[]}')],
    ['a message without id', Buffer.from('{"type":"message","messages":[{"body":"x"}]}')],
    ['a receipt of another state', Buffer.from(`{"type":"receipt","ids":["${ID}"],"state":"seen"}`)],
    ['a negative wait', Buffer.from(`{"type":"reject","id":"${ID}","code":"x","retryAfterMs":-1}`)],
    ['a hello with a forged name', Buffer.from(JSON.stringify({ ...HELLO, user: 'a\u202eb' }))],
    ['a hello with a port past the last', Buffer.from(JSON.stringify({ ...HELLO, port: 65_536 }))],
    ['a hello with 65 features', Buffer.from(JSON.stringify({ ...HELLO, features: Array(65).fill('x') }))],
    ['a presence of no known state', Buffer.from('{"type":"presence","state":"x","status":"","user":"a"}')],
    ['a presence without a name', Buffer.from('{"type":"presence","state":"away","status":""}')],
    [
      'a status of two lines',
      Buffer.from(JSON.stringify({ type: 'presence', state: 'away', status: 'a\nb', user: 'a' })),
    ],
    ['a long reason', Buffer.from(JSON.stringify({ type: 'bye', reason: 'x'.repeat(257) }))],
  ])('refuses %s', (_what, payload) => {
    expect(() => parseFrame(payload)).toThrow(expect.objectContaining({ code: 'frame-malformed' }));
  });

  it('says which version it speaks before it looks at anything else of a hello', () => {
    expect(() => parse({ type: 'hello', protocol: 2 })).toThrow(
      expect.objectContaining({ code: 'version-mismatch' }),
    );
  });

  it('takes as many ids and messages as the limits and no more', () => {
    expect(parse({ type: 'ack', ids: Array(MAX_IDS_PER_FRAME).fill(ID) })).toBeDefined();
    expect(() => parse({ type: 'ack', ids: Array(MAX_IDS_PER_FRAME + 1).fill(ID) })).toThrow();
    expect(parse({ type: 'message', messages: Array(MAX_MESSAGES_PER_FRAME).fill(MESSAGE) })).toBeDefined();
    expect(() =>
      parse({ type: 'message', messages: Array(MAX_MESSAGES_PER_FRAME + 1).fill(MESSAGE) }),
    ).toThrow();
  });

  it.each([
    ['a body of one byte', { body: 'x' }, true],
    ['an empty body', { body: '' }, 'malformed-message'],
    ['a body of the limit', { body: 'x'.repeat(MAX_BODY_BYTES) }, true],
    ['a body past the limit', { body: 'x'.repeat(MAX_BODY_BYTES + 1) }, 'body-too-large'],
    ['a body past the limit in bytes only', { body: 'é'.repeat(MAX_BODY_BYTES / 2) + 'x' }, 'body-too-large'],
    ['half a character', { body: 'x\ud800' }, 'malformed-message'],
    ['a body that is an operator', { body: { $gt: '' } }, 'malformed-message'],
    ['a number past 2^53', { sentAt: 2 ** 53 }, 'malformed-message'],
    ['a clock of the other half', { clock: '8000000000000000' }, 'malformed-message'],
    ['a clock in upper case', { clock: '00000000000A0000' }, 'malformed-message'],
  ])('judges %s alone, without harm to the others of its frame', (_what, change, verdict) => {
    const frame = parse({ type: 'message', messages: [MESSAGE, { ...MESSAGE, ...change }] });
    const [good, other] = frame.type === 'message' ? frame.messages : [];
    expect(good).toMatchObject({ ok: true, message: MESSAGE });
    expect(other).toMatchObject(verdict === true ? { ok: true } : { ok: false, id: ID, code: verdict });
  });
});

describe('packMessages', () => {
  it('keeps the order over as many frames as it takes', () => {
    const messages = Array.from({ length: 3_000 }, (_, index) => ({
      ...MESSAGE,
      body: `${index} ${'é'.repeat(index % 90)}`,
    }));
    const parsed = payloads(packMessages(messages.map(encodeMessage)));
    const bodies = parsed.flatMap((frame) => (frame.type === 'message' ? frame.messages : []));
    expect(bodies.map((one) => (one.ok ? one.message : null))).toEqual(messages);
  });

  it('puts a message of the largest body alone in a frame', () => {
    expect(packMessages([encodeMessage({ ...MESSAGE, body: '"'.repeat(MAX_BODY_BYTES) })])).toHaveLength(1);
  });

  it('refuses a body whose escapes do not fit a frame', () => {
    const fits = Math.floor((MAX_JSON_FRAME_BYTES - 300) / 6);
    expect(encodeMessage({ ...MESSAGE, body: '\u0001'.repeat(fits) })).toBeDefined();
    expect(() => encodeMessage({ ...MESSAGE, body: '\u0001'.repeat(MAX_BODY_BYTES) })).toThrow(
      expect.objectContaining({ code: 'frame-too-large' }),
    );
  });
});
