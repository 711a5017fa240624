import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameDecoder } from './frame.js';
import { encodeWireFrame, parseFrame, PRESENCE_STATES, type WireFrame } from './frames.js';
import {
  CLOCK_LIMIT,
  MAX_DIGESTS_PER_FRAME,
  MAX_FEED_TIPS,
  MAX_FEEDS_PER_FRAME,
  MAX_HOLD_MS,
  MAX_OPERATIONS_PER_FRAME,
  MAX_ROSTER_HASHES,
  MAX_SEGMENTS_PER_FRAME,
  MAX_SEQ,
} from './limits.js';

const ID = 'a'.repeat(52);
const SEGMENT = '0'.repeat(32);
const HASH = 'f'.repeat(64);
const TIP = { segment: SEGMENT, seq: 1, clock: '019ad73584000000', hash: HASH };
const MARK = { segment: SEGMENT, seq: 1 };
const STATE = {
  type: 'state',
  conversation: ID,
  feeds: [{ author: ID, tips: [TIP], read: [MARK] }],
  hold: 5,
};
const WANT = { type: 'want', conversation: ID, author: ID, segments: [[SEGMENT, 1]], more: false };
const ROSTER = { type: 'roster', conversation: ID, have: [HASH], operations: ['AAAA'], more: false };
const DIGESTS = { type: 'digests', conversations: [[ID, SEGMENT]] };

const parse = (frame: object): WireFrame => parseFrame(Buffer.from(JSON.stringify(frame)));
const MALFORMED = expect.objectContaining({ code: 'frame-malformed' }) as Error;

const anId = fc.constantFrom(ID, 'b'.repeat(51) + 'a', '7'.repeat(51) + 'q');
const aSegment = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((n) => n.toString(16).padStart(32, '0'));
const aHash = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((n) => n.toString(16).padStart(64, '0'));
const aSeq = fc.integer({ min: 1, max: MAX_SEQ });
const aMark = fc.record({ segment: aSegment, seq: aSeq });
const aTip = fc.record({ segment: aSegment, seq: aSeq, clock: fc.constant(TIP.clock), hash: aHash });
const aStatement = fc.record(
  { author: anId, tips: fc.array(aTip, { maxLength: 3 }), read: fc.array(aMark, { maxLength: 3 }) },
  { requiredKeys: ['author'] },
);
const aFrame: fc.Arbitrary<WireFrame> = fc.oneof(
  fc.record({
    type: fc.constant('digests' as const),
    conversations: fc.array(fc.tuple(anId, aSegment), { maxLength: 4 }),
  }),
  fc.record(
    {
      type: fc.constant('state' as const),
      conversation: anId,
      feeds: fc.array(aStatement, { maxLength: 3 }),
      hold: fc.nat({ max: MAX_HOLD_MS }),
    },
    { requiredKeys: ['type', 'conversation', 'feeds'] },
  ),
  fc.record({
    type: fc.constant('want' as const),
    conversation: anId,
    author: anId,
    segments: fc.array(fc.tuple(aSegment, aSeq), { maxLength: 4 }),
    more: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('presence' as const),
    state: fc.constantFrom(...PRESENCE_STATES),
    status: fc.constantFrom('', 'at lunch 🍜'),
    user: fc.constantFrom('Zoë', 'bob'),
  }),
  fc.constantFrom<WireFrame>(
    { type: 'typing' },
    { type: 'ping' },
    { type: 'pong' },
    { type: 'bye', reason: 'logout' },
    { type: 'error', code: 'x', detail: 'y' },
  ),
);

describe('a frame', () => {
  it('is the same on both sides', () => {
    fc.assert(
      fc.property(aFrame, (frame) => {
        const [read] = [...new FrameDecoder().push(Buffer.from(encodeWireFrame(frame)))];
        expect(parseFrame(read?.payload ?? Buffer.alloc(0))).toEqual(frame);
      }),
    );
  });

  it('may have fields that a later version adds, which are passed over', () => {
    const later = { ...STATE, news: 1, feeds: [{ ...STATE.feeds[0], roster: [] }] };
    expect(parse(later)).toEqual(STATE);
    expect(parse({ type: 'ping', at: 1 })).toEqual({ type: 'ping' });
  });

  it.each<[string, number, (size: number) => object]>([
    ['digests', MAX_DIGESTS_PER_FRAME, (n) => ({ ...DIGESTS, conversations: Array(n).fill([ID, SEGMENT]) })],
    ['feeds', MAX_FEEDS_PER_FRAME, (n) => ({ ...STATE, feeds: Array(n).fill({ author: ID }) })],
    [
      'tips of a feed',
      MAX_FEED_TIPS,
      (n) => ({ ...STATE, feeds: [{ author: ID, tips: Array(n).fill(TIP) }] }),
    ],
    [
      'marks of a feed',
      MAX_FEED_TIPS,
      (n) => ({ ...STATE, feeds: [{ author: ID, read: Array(n).fill(MARK) }] }),
    ],
    ['milliseconds of a hold', MAX_HOLD_MS, (hold) => ({ ...STATE, hold })],
    ['operations', MAX_OPERATIONS_PER_FRAME, (n) => ({ ...ROSTER, operations: Array(n).fill('AAAA') })],
    ['hashes of operations', MAX_ROSTER_HASHES, (n) => ({ ...ROSTER, have: Array(n).fill(HASH) })],
    ['segments', MAX_SEGMENTS_PER_FRAME, (n) => ({ ...WANT, segments: Array(n).fill([SEGMENT, 1]) })],
    ['the number of an entry', MAX_SEQ, (seq) => ({ ...WANT, segments: [[SEGMENT, seq]] })],
  ])('takes so many %s and not one more: %i', (_what, limit, frame) => {
    expect(parse(frame(limit))).toEqual(frame(limit));
    expect(() => parse(frame(limit + 1))).toThrow(MALFORMED);
  });

  it.each<[string, object]>([
    ['of no type', {}],
    ['of a type that there is not', { type: 'toString' }],
    ['a state of no conversation', { ...STATE, conversation: 'x' }],
    ['a conversation with bits beyond its 32 bytes', { ...STATE, conversation: `${'a'.repeat(51)}b` }],
    ['a state without feeds', { ...STATE, feeds: undefined }],
    ['a feed of nobody', { ...STATE, feeds: [{}] }],
    ['a feed that is none', { ...STATE, feeds: [null] }],
    ['a tip without a hash', { ...STATE, feeds: [{ author: ID, tips: [{ ...TIP, hash: undefined }] }] }],
    ['a tip of the year 2200', { ...STATE, feeds: [{ author: ID, tips: [{ ...TIP, clock: CLOCK_LIMIT }] }] }],
    ['a digest in capitals', { ...DIGESTS, conversations: [[ID, 'F'.repeat(32)]] }],
    ['a digest that is no pair', { ...DIGESTS, conversations: [[ID]] }],
    ['a mark of entry 0', { ...STATE, feeds: [{ author: ID, read: [{ segment: SEGMENT, seq: 0 }] }] }],
    [
      'a mark of half an entry',
      { ...STATE, feeds: [{ author: ID, read: [{ segment: SEGMENT, seq: 1.5 }] }] },
    ],
    ['a hold of less than nothing', { ...STATE, hold: -1 }],
    ['a want that does not say whether more comes', { ...WANT, more: undefined }],
    ['a presence of no kind', { type: 'presence', state: 'x', status: '', user: 'a' }],
    ['a presence of two lines', { type: 'presence', state: 'away', status: 'a\nb', user: 'a' }],
  ])('is refused: %s', (_what, frame) => {
    expect(() => parse(frame)).toThrow(MALFORMED);
  });

  it.each([
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['no JSON', Buffer.from('{')],
    ['no object', Buffer.from('[]')],
    ['nothing', Buffer.from('null')],
  ])('is refused where it is %s', (_what, payload) => {
    expect(() => parseFrame(payload)).toThrow(MALFORMED);
  });

  it('of another version of the protocol says so, whatever else it has', () => {
    expect(() => parse({ type: 'hello', protocol: 2 })).toThrow(
      expect.objectContaining({ code: 'version-mismatch' }) as Error,
    );
  });
});
