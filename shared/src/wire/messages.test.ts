import { describe, expect, it } from 'vitest';
import { FrameDecoder } from '../protocol/frame.js';
import {
  MAX_BODY_BYTES,
  MAX_IDS_PER_FRAME,
  MAX_JSON_FRAME_BYTES,
  MAX_MESSAGES_PER_FRAME,
} from '../protocol/limits.js';
import {
  encodeMessage,
  encodeWireFrame,
  packMessages,
  parseFrame,
  type ParsedFrame,
  type WireMessage,
} from './messages.js';
import { encodeRun, type EncodedRun, fitsFrame } from './run.js';

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
      { type: 'ack', ids: ID + ID },
      { type: 'ack', ids: ID, of: 'receipt' },
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

describe('runs', () => {
  const OTHER = '01890a5d-ac96-774b-bcce-b302099a8058';
  const RUN: EncodedRun = {
    kind: 'text',
    ids: ID + OTHER,
    clocks: '00000000000100007fffffffffffffff',
    sentAt: '00000000000000018999999999999999',
    bodies: JSON.stringify(['hi "you"', '\u{1f600}']),
  };
  const frame = { ...RUN, type: 'run', bodies: JSON.parse(RUN.bodies) as string[] };

  it('come back as they were encoded', () => {
    const [parsed] = payloads([encodeRun(RUN)]);
    const rest = { count: 2, bytes: encodeRun(RUN).length - 5, encodedBodies: RUN.bodies };
    expect(parsed).toEqual({ ...frame, ...rest });
  });

  /** A run whose text is ours up to the bodies. */
  const withEnd = (end: string): ParsedFrame => {
    const { kind, ids, clocks, sentAt } = RUN;
    const start = JSON.stringify({ type: 'run', kind, ids, clocks, sentAt }).slice(0, -1);
    return parseFrame(Buffer.from(`${start},${end}`));
  };

  it.each([
    ['spaces', '"bodies": [ "one" , "two" ] }'],
    ['fields after the bodies', '"bodies":["one","two"],"later":1}'],
    ['bodies twice, of which the last count', '"bodies":["x"],"bodies":["one","two"]}'],
    ['space after the end', '"bodies":["one","two"]}\n'],
    ['a field that looks like the bodies', '"later":",\\"bodies\\":","bodies":["one","two"]}'],
  ])('are taken with %s', (_, end) => {
    const parsed = withEnd(end);
    expect(parsed).toMatchObject({ type: 'run', bodies: ['one', 'two'] });
    expect(JSON.parse((parsed as { encodedBodies: string }).encodedBodies)).toEqual(['one', 'two']);
  });

  it.each([
    ['an end too many', '"bodies":["one","two"]}}'],
    ['no end', '"bodies":["one","two"]'],
    ['no bodies', '"bodies":}'],
    ['half a list', '"bodies":["one","two"}'],
  ])('with %s are malformed', (_, end) => {
    expect(() => withEnd(end)).toThrow(expect.objectContaining({ code: 'frame-malformed' }) as Error);
  });

  it.each([
    ['ids that are none', { ids: `${ID}x${OTHER.slice(1)}` }],
    ['ids as a list', { ids: [ID, OTHER] }],
    ['no ids', { ids: '', clocks: '', sentAt: '', bodies: [] }],
    ['a body too few', { bodies: ['hi'] }],
    ['a body too many', { bodies: ['hi', 'there', 'you'] }],
    ['bodies that are no list', { bodies: 'hi' }],
    ['a clock too few', { clocks: '0000000000010000' }],
    ['a clock of the upper half', { clocks: '00000000000100008000000000000000' }],
    ['clocks that are none', { clocks: '0000000000010000000000000001000g' }],
    ['a time too few', { sentAt: '0000000000000001' }],
    ['a time past any number', { sentAt: '00000000000000019000000000000000' }],
    ['times that are none', { sentAt: '000000000000000100000000000000-1' }],
    ['no kind', { kind: undefined }],
    ['a kind that is a tale', { kind: 'x'.repeat(65) }],
  ])('with %s are malformed', (_, change) => {
    expect(() => parse({ ...frame, ...change })).toThrow(
      expect.objectContaining({ code: 'frame-malformed' }) as Error,
    );
  });

  it.each([
    ['no text', 7, 'malformed-message'],
    ['an empty body', '', 'malformed-message'],
    ['half a character', '\ud800', 'malformed-message'],
    ['a body that is too large', 'x'.repeat(MAX_BODY_BYTES + 1), 'body-too-large'],
    ['a body of many bytes that is too large', `${'\u20ac'.repeat(MAX_BODY_BYTES / 3)}xx`, 'body-too-large'],
  ])('with %s are taken one by one, and that one is rejected', (_, body, code) => {
    expect(parse({ ...frame, bodies: ['hi', body] })).toEqual({
      type: 'message',
      messages: [
        {
          ok: true,
          bytes: 2,
          message: { id: ID, clock: '0000000000010000', sentAt: 1, kind: 'text', body: 'hi' },
        },
        { ok: false, id: OTHER, code },
      ],
    });
  });

  it(`take a body of ${MAX_BODY_BYTES} bytes`, () => {
    const bodies = ['x'.repeat(MAX_BODY_BYTES), '\u{10ffff}'.repeat(MAX_BODY_BYTES / 4)];
    expect(parse({ ...frame, bodies })).toMatchObject({ type: 'run', bodies });
  });

  const many = (count: number): Omit<EncodedRun, 'bodies'> & { bodies: string[] } => ({
    kind: 'text',
    ids: ID.repeat(count),
    clocks: '0000000000010000'.repeat(count),
    sentAt: '0000000000000001'.repeat(count),
    bodies: Array<string>(count).fill('x'),
  });
  const encoded = (count: number): EncodedRun => ({
    ...many(count),
    bodies: JSON.stringify(many(count).bodies),
  });

  it(`hold ${MAX_MESSAGES_PER_FRAME} messages and no more`, () => {
    expect(parse({ type: 'run', ...many(MAX_MESSAGES_PER_FRAME) })).toMatchObject({
      count: MAX_MESSAGES_PER_FRAME,
    });
    expect(() => parse({ type: 'run', ...many(MAX_MESSAGES_PER_FRAME + 1) })).toThrow('messages');
    expect(fitsFrame(encoded(MAX_MESSAGES_PER_FRAME))).toBe(true);
    expect(fitsFrame(encoded(MAX_MESSAGES_PER_FRAME + 1))).toBe(false);
  });

  it(`fit a frame of ${MAX_JSON_FRAME_BYTES} bytes exactly, in characters of any length`, () => {
    const bytesOf = (bodies: string[]): number =>
      encodeRun({ ...RUN, bodies: JSON.stringify(bodies) }).length;
    // The header of five bytes counts its kind.
    const room = MAX_JSON_FRAME_BYTES + 5 - bytesOf(['', '']);
    for (const character of ['x', '\u20ac']) {
      const size = Buffer.byteLength(character);
      const body = character.repeat(Math.floor(room / size)) + 'x'.repeat(room % size);
      const [fits, not] = [
        [body, ''],
        [`${body}x`, ''],
      ].map((bodies) => ({
        ...RUN,
        bodies: JSON.stringify(bodies),
      })) as [EncodedRun, EncodedRun];
      expect(fitsFrame(fits)).toBe(true);
      expect(encodeRun(fits)).toHaveLength(MAX_JSON_FRAME_BYTES + 5);
      expect(fitsFrame(not)).toBe(false);
      expect(() => encodeRun(not)).toThrow(expect.objectContaining({ code: 'frame-too-large' }) as Error);
    }
  });

  it('fit a frame with any one message that a message frame holds', () => {
    // Whatever escapes a body has, its run is shorter than its message frame.
    const body = '\u0001'.repeat(100);
    const run = encodeRun({ ...encoded(1), bodies: JSON.stringify([body]) });
    const [message] = packMessages([encodeMessage({ ...MESSAGE, sentAt: Number.MAX_SAFE_INTEGER, body })]);
    expect(run.length).toBeLessThanOrEqual(message?.length ?? 0);
  });
});

describe('acks', () => {
  it('come as a list or as one text', () => {
    expect(parse({ type: 'ack', ids: [ID, ID] })).toEqual({ type: 'ack', ids: ID + ID });
    expect(parse({ type: 'ack', ids: ID + ID })).toEqual({ type: 'ack', ids: ID + ID });
    expect(parse({ type: 'ack', ids: ID.repeat(MAX_IDS_PER_FRAME) })).toMatchObject({ type: 'ack' });
  });

  it.each([
    ['an empty text', ''],
    ['half an id', ID.slice(1)],
    ['an id and a half', ID + ID.slice(18)],
    ['too many', ID.repeat(MAX_IDS_PER_FRAME + 1)],
  ])('of %s are malformed', (_, ids) => {
    expect(() => parse({ type: 'ack', ids })).toThrow(
      expect.objectContaining({ code: 'frame-malformed' }) as Error,
    );
  });
});
