import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { vectorAlice, vectorBob, type VectorPerson } from '../testing/vectors.js';
import {
  type Batch,
  type BatchHeader,
  createBatch,
  entriesOf,
  eraseEntries,
  fitsBatch,
  hasErased,
  hex,
  leafOf,
  type NewEntry,
  storedBatch,
  type Tip,
  tipOf,
  verifyBatch,
} from './batch.js';
import { contentText } from './content.js';
import { ProtocolError } from './frame.js';
import { directConversation } from './conversation.js';
import {
  CLOCK_LIMIT,
  MAX_BATCH_BYTES,
  MAX_BATCH_CONTENT_BYTES,
  MAX_BATCH_ENTRIES,
  MAX_BATCH_SPAN_MS,
  MAX_CONTENT_BYTES,
  MAX_FOLLOWED_TIPS,
  MAX_SEQ,
} from './limits.js';

const SEGMENT = '000102030405060708090a0b0c0d0e0f';
const SENT_AT = 1_764_547_200_000;
const MALFORMED = expect.objectContaining({ code: 'batch-malformed' }) as Error;

let alice: VectorPerson;
let header: BatchHeader;

beforeEach(() => {
  alice = vectorAlice();
  const conversation = directConversation(alice.peerId, vectorBob().peerId, alice.sha256);
  header = { conversation, author: alice.peerId, segment: SEGMENT, first: 1, follows: [] };
});

const clock = (ms: number, counter = 0): string =>
  (SENT_AT + ms).toString(16).padStart(12, '0') + counter.toString(16).padStart(4, '0');
const entry = (change: Partial<NewEntry> = {}): NewEntry => ({
  clock: clock(0),
  sentAt: SENT_AT,
  content: contentText({ kind: 'text', body: 'Hi Zoë' }),
  ...change,
});
const entries = (count: number, content = '{}'): NewEntry[] =>
  Array.from({ length: count }, (_, nth) => entry({ clock: clock(0, nth), content }));
const tip = (n: number, change: Partial<Tip> = {}): Tip => ({
  segment: n.toString(16).padStart(32, 'f'),
  seq: 1,
  clock: clock(-1),
  hash: '0'.repeat(64),
  ...change,
});
/** A batch that is signed, whether or not it may be. */
const signed = (change: Partial<BatchHeader>, all: readonly NewEntry[] = [entry()]): Batch =>
  createBatch({ ...header, ...change }, all, alice);
const verify = (batch: { bytes: Uint8Array }): Batch => verifyBatch(batch.bytes, alice);

describe('a batch', () => {
  it('has the bytes and hashes of the examples in docs/protocol.md', () => {
    const first = signed({});
    expect(hex(first.bytes)).toBe(
      'd8ec26ef843034a8460cc6cd52250e003c227f405f08568f16b06c082bf183ea' +
        '06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9' +
        '000102030405060708090a0b0c0d0e0f' +
        '0000000000000001' +
        '000100' +
        '019ad735840000000000019ad735840000010203040506070000002' +
        '07b226b696e64223a2274657874222c22626f6479223a224869205a6fc3ab227d' +
        'eaa1d5016852e58a05faa2ff11e19bd78faec37440194d2b581dfd0096f209ad' +
        '53db69f067293bd17574ea8ab2f8a2b089cb6f90e65a7dc78ca689b8f9b81b0a',
    );
    expect(first.hash).toBe('e76a7e17eb74555c6b596f44f7e3c09bf37861919db33b05fca356fe695a3b35');
    const second = signed({ first: 2, follows: [tipOf(first)] }, [
      entry({ clock: clock(0, 1), content: contentText({ kind: 'text', body: 'a' }) }),
      entry({ clock: clock(0, 2), sentAt: SENT_AT + 1, content: contentText({ kind: 'text', body: 'b' }) }),
    ]);
    expect(second.hash).toBe('68bd53317081b952f2b37802d4b0818c4dc9a7be569c4eeba55072b5cf0b4402');
  });

  it('is the same after it was verified, or read from a store, with all its entries', () => {
    const anEntry = fc.record({
      sentAt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      content: fc.string({ unit: 'binary', maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(anEntry, { minLength: 1, maxLength: 9 }), fc.nat(3), (list, tips) => {
        const all = list.map((one, nth) => ({ ...one, clock: clock(0, nth) }));
        const follows = Array.from({ length: tips }, (_, n) => tip(n));
        const batch = signed({ follows }, all);
        expect(verify(batch)).toEqual(batch);
        expect(storedBatch(batch.bytes, batch.hash)).toEqual(batch);
        expect(entriesOf(batch)).toEqual(all.map((one, nth) => ({ ...one, seq: 1 + nth, erased: false })));
      }),
    );
  });

  it('is taken with no byte changed, none missing and none more', () => {
    const { bytes } = signed({}, entries(3));
    for (let at = 0; at < bytes.length; at += 1) {
      for (const bit of [1, 128]) {
        const changed = bytes.slice();
        changed[at] = (changed[at] as number) ^ bit;
        expect(() => verify({ bytes: changed })).toThrow(ProtocolError);
      }
      expect(() => verify({ bytes: bytes.subarray(0, at) })).toThrow(MALFORMED);
    }
    expect(() => verify({ bytes: Uint8Array.from([...bytes, 0]) })).toThrow(MALFORMED);
  });

  it('is nobody else to sign', () => {
    const bob = vectorBob();
    const forged = createBatch(header, [entry()], bob);
    expect(() => verify(forged)).toThrow(expect.objectContaining({ code: 'signature-wrong' }) as Error);
    expect(() => verifyBatch(signed({}).bytes, bob)).toThrow(
      expect.objectContaining({ code: 'signature-wrong' }) as Error,
    );
  });

  it('gives a content that is no UTF-8 as an empty text', () => {
    const batch = signed({}, [entry({ content: 'ab' })]);
    const bytes = batch.bytes.slice();
    bytes[bytes.length - 65] = 0xff;
    expect(entriesOf({ ...batch, bytes }).map(({ content }) => content)).toEqual(['']);
  });

  describe('is taken up to its bounds and refused past them:', () => {
    it.each<[string, () => Batch, () => Batch]>([
      [
        'the number of its entries',
        () => signed({}, entries(MAX_BATCH_ENTRIES)),
        () => signed({}, entries(MAX_BATCH_ENTRIES + 1)),
      ],
      [
        'the content of several entries',
        () =>
          signed({}, [
            entry({ content: 'x' }),
            entry({ clock: clock(1), content: 'x'.repeat(MAX_BATCH_CONTENT_BYTES - 1) }),
          ]),
        () =>
          signed({}, [
            entry({ content: 'x' }),
            entry({ clock: clock(1), content: 'x'.repeat(MAX_BATCH_CONTENT_BYTES) }),
          ]),
      ],
      [
        'the content of one entry',
        () => signed({}, [entry({ content: 'x'.repeat(MAX_CONTENT_BYTES) })]),
        () => signed({}, [entry({ content: 'x'.repeat(MAX_CONTENT_BYTES + 1) })]),
      ],
      [
        'its span',
        () => signed({}, [entry(), entry({ clock: clock(MAX_BATCH_SPAN_MS) })]),
        () => signed({}, [entry(), entry({ clock: clock(MAX_BATCH_SPAN_MS + 1) })]),
      ],
      [
        'the tips that it follows',
        () => signed({ follows: Array.from({ length: MAX_FOLLOWED_TIPS }, (_, n) => tip(n)) }),
        () => signed({ follows: Array.from({ length: MAX_FOLLOWED_TIPS + 1 }, (_, n) => tip(n)) }),
      ],
      [
        'its numbers',
        () => signed({ first: MAX_SEQ, follows: [tip(0, { segment: SEGMENT, seq: MAX_SEQ - 1 })] }),
        () => signed({ first: MAX_SEQ + 1, follows: [tip(0, { segment: SEGMENT, seq: MAX_SEQ })] }),
      ],
      [
        'when it was sent',
        () => signed({}, [entry({ sentAt: Number.MAX_SAFE_INTEGER })]),
        () => signed({}, [entry({ sentAt: 2 ** 53 })]),
      ],
      [
        'its clock',
        () => signed({}, [entry({ clock: before(CLOCK_LIMIT) })]),
        () => signed({}, [entry({ clock: CLOCK_LIMIT })]),
      ],
    ])('%s', (_what, most, more) => {
      expect(verify(most()).bytes.length).toBeLessThanOrEqual(MAX_BATCH_BYTES);
      expect(() => verify(more())).toThrow(MALFORMED);
    });
  });

  it.each<[string, () => Batch]>([
    ['without an entry', () => ({ ...signed({}), bytes: withoutEntries() })],
    ['over all bounds', () => ({ ...signed({}), bytes: new Uint8Array(MAX_BATCH_BYTES + 1) })],
    ['with entry 0', () => signed({ first: 0 })],
    ['that does not name the one before it', () => signed({ first: 2 })],
    [
      'that names another one before it',
      () => signed({ first: 3, follows: [tip(0, { segment: SEGMENT, seq: 1 })] }),
    ],
    ['that is first and follows its own segment', () => signed({ follows: [tip(0, { segment: SEGMENT })] })],
    ['that follows a segment twice', () => signed({ follows: [tip(1), tip(1, { seq: 2 })] })],
    ['that follows entry 0', () => signed({ follows: [tip(1, { seq: 0 })] })],
    ['that is as early as what it follows', () => signed({ follows: [tip(1, { clock: clock(0) })] })],
    ['whose clocks stand still', () => signed({}, [entry(), entry()])],
    ['whose clocks fall', () => signed({}, [entry({ clock: clock(1) }), entry()])],
  ])('is refused %s', (_what, make) => {
    expect(() => verify(make())).toThrow(MALFORMED);
  });

  it('takes as many contents as fit, and at least one', () => {
    expect(fitsBatch([])).toBe(0);
    expect(fitsBatch([MAX_CONTENT_BYTES, 1])).toBe(1);
    expect(fitsBatch([1, MAX_BATCH_CONTENT_BYTES - 1, 1])).toBe(2);
    expect(fitsBatch(Array<number>(MAX_BATCH_ENTRIES + 1).fill(1))).toBe(MAX_BATCH_ENTRIES);
  });
});

function before(limit: string): string {
  return (BigInt(`0x${limit}`) - 1n).toString(16).padStart(16, '0');
}

function withoutEntries(): Uint8Array {
  const { bytes } = signed({});
  const start = 32 + 32 + 16 + 8 + 2 + 1;
  const none = new Uint8Array(start + 64);
  none.set(bytes.subarray(0, start));
  none.set([0, 0], start - 3);
  return none;
}

describe('a batch with erased entries', () => {
  const three = (): Batch =>
    signed(
      {},
      ['one', 'two', 'three'].map((body, nth) =>
        entry({ clock: clock(nth), content: contentText({ kind: 'text', body }) }),
      ),
    );

  it('verifies as before, with the same hash and the same leaves', () => {
    const whole = three();
    const erased = eraseEntries(whole, new Set([1, 3]), alice.sha256);
    expect(Buffer.from(erased.bytes).includes('one')).toBe(false);
    expect(Buffer.from(erased.bytes).includes('two')).toBe(true);
    expect(verify(erased)).toEqual(erased);
    expect(erased.hash).toBe(whole.hash);
    expect(hasErased(whole)).toBe(false);
    expect(hasErased(erased)).toBe(true);
    for (const seq of [1, 2, 3])
      expect(leafOf(erased, seq, alice.sha256)).toBe(leafOf(whole, seq, alice.sha256));
    expect(entriesOf(erased)).toEqual([
      { seq: 1, clock: clock(0), sentAt: SENT_AT, content: '', erased: true },
      { seq: 2, clock: clock(1), sentAt: SENT_AT, content: '{"kind":"text","body":"two"}', erased: false },
      { seq: 3, clock: clock(2), sentAt: SENT_AT + 2, content: '', erased: true },
    ]);
    expect(eraseEntries(erased, new Set([1, 3]), alice.sha256)).toEqual(erased);
  });

  it('is that of another author, or another text, nowhere', () => {
    const { bytes } = eraseEntries(three(), new Set([2]), alice.sha256);
    const changed = Uint8Array.from(bytes);
    const leaf = Buffer.from(bytes).indexOf(Buffer.alloc(8, 0xff)) + 8;
    changed[leaf] = (changed[leaf] as number) ^ 1;
    expect(() => verify({ bytes: changed })).toThrow(
      expect.objectContaining({ code: 'signature-wrong' }) as Error,
    );
    expect(() => verify({ bytes: bytes.subarray(0, leaf + 20) })).toThrow(MALFORMED);
  });

  it('fits a frame where all of its entries are erased', () => {
    const all = signed({}, entries(MAX_BATCH_ENTRIES));
    const erased = eraseEntries(all, new Set(all.bytes.keys()), alice.sha256);
    expect(verify(erased).count).toBe(MAX_BATCH_ENTRIES);
    expect(erased.bytes.length).toBeLessThan(MAX_BATCH_BYTES);
  });
});
