import { hash, randomBytes, sign } from 'node:crypto';
import {
  type Batch,
  createBatch,
  encodeFrame,
  encodeJsonFrame,
  FRAME_KIND,
  hex,
  peerIdOfKey,
  type Tip,
  tipOf,
} from '@p2p-chat/shared';
import { testKeys } from '@p2p-chat/shared/testing';
import type { SeededRandom } from '../chaos/seeded-random.ts';
import { mutate, NASTY_JSON } from './case.ts';

export const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

/** A peer that sends, with a key of its own. */
export interface Author {
  peerId: string;
  keys: ReturnType<typeof testKeys>;
}

/** The author of a number, the same in every run. */
export function authorOf(nth: number): Author {
  const keys = testKeys(`fuzz ${nth}`);
  return { peerId: peerIdOfKey(keys.publicKey), keys };
}

/** Every value of a frame is now and then one that parsers have stumbled over. */
const field = (random: SeededRandom, usual: string): string =>
  random.chance(0.08) ? random.pick(NASTY_JSON) : usual;

const CLEAN_HELLO = encodeJsonFrame(
  '{"type":"hello","protocol":1,"user":"Eve","agent":"x/1","instance":"i","port":1}',
);

/** What one peer sends in one case: frames of both kinds, some of them broken after they were signed. */
export function input(random: SeededRandom, author: Author, conversation: string): Buffer {
  const segment = hex(Uint8Array.from({ length: 16 }, () => random.integer(0, 255)));
  const feed = new OddFeed(random, author, conversation, segment);
  const frames = Array.from({ length: random.integer(0, 4) }, () =>
    random.chance(0.4) ? feed.frame() : encodeJsonFrame(frame(random, author, conversation, feed.tip)),
  );
  // Mostly past a good hello, or little would reach what lies behind it.
  if (random.chance(0.7)) return Buffer.concat([CLEAN_HELLO, mutate(Buffer.concat(frames), random)]);
  return mutate(Buffer.concat(random.shuffle([encodeJsonFrame(hello(random)), ...frames])), random);
}

/** A segment whose author signs what no node writes: it has the key, so hash and signature are right. */
class OddFeed {
  #last: Batch | null = null;

  readonly random: SeededRandom;
  readonly author: Author;
  readonly conversation: string;
  readonly segment: string;

  constructor(random: SeededRandom, author: Author, conversation: string, segment: string) {
    this.random = random;
    this.author = author;
    this.conversation = conversation;
    this.segment = segment;
  }

  /** The last batch as a tip; one that nobody has where there is none. */
  get tip(): Tip {
    if (this.#last !== null) return tipOf(this.#last);
    return { segment: this.segment, seq: 1, clock: '019ad73584000000', hash: '0'.repeat(64) };
  }

  frame(): Buffer {
    const { random } = this;
    const batch = this.#batch();
    if (random.chance(0.8)) this.#last = batch;
    // Once more, or with bytes that nobody signed.
    const bytes = random.chance(0.2) ? mutate(Buffer.from(batch.bytes), random) : batch.bytes;
    return Buffer.from(encodeFrame(FRAME_KIND.batch, bytes));
  }

  #batch(): Batch {
    const { random } = this;
    const before = this.#last;
    const odd = (share = 0.04): boolean => random.chance(share);
    const first = odd() ? random.pick([0, 2, 2 ** 48, 2 ** 52]) : (before?.first ?? 0) + (before?.count ?? 1);
    const own = before === null || odd() ? [] : [tipOf(before)];
    const strange = { segment: 'f'.repeat(32), seq: 1, clock: '0000000000010000', hash: '1'.repeat(64) };
    const follows = odd() ? [...own, strange] : odd() ? [...own, ...own] : own;
    const from = odd() ? random.pick([0, 2 ** 47 - 1, 2 ** 48 - 1]) : Date.UTC(2026, 0, 1) + 1_000 * first;
    const entries = Array.from({ length: random.integer(1, 3) }, (_, nth) => ({
      clock:
        (from % 2 ** 48).toString(16).padStart(12, '0') + (odd() ? 0 : nth + 1).toString(16).padStart(4, '0'),
      sentAt: odd() ? random.pick([0, Number.MAX_SAFE_INTEGER]) : from,
      content: this.#content(),
    }));
    const conversation = odd() ? this.author.peerId : this.conversation;
    const header = { conversation, author: this.author.peerId, segment: this.segment, first, follows };
    return createBatch(header, entries, {
      sha256,
      random: (length) => randomBytes(length),
      sign: (message) => sign(null, message, this.author.keys.privateKey),
    });
  }

  #content(): string {
    const { random } = this;
    if (random.chance(0.1)) return random.pick(NASTY_JSON);
    const more = random.chance(0.1) ? `,"body":${random.pick(NASTY_JSON)}` : '';
    return `{"kind":${field(random, '"text"')},"body":${field(random, '"hi"')}${more}}`;
  }
}

function hello(random: SeededRandom): string {
  return (
    `{"type":"hello","protocol":${field(random, '1')},"user":${field(random, '"Eve"')},` +
    `"agent":${field(random, '"x/1"')},"instance":${field(random, '"i"')},"port":${field(random, '7780')}}`
  );
}

function frame(
  random: SeededRandom,
  author: Author,
  conversation: string,
  { segment, seq, clock, hash }: Tip,
) {
  const of = field(random, `"${conversation}"`);
  const by = field(random, `"${author.peerId}"`);
  const mark = `"segment":${field(random, `"${segment}"`)},"seq":${field(random, String(seq))}`;
  switch (random.integer(0, 9)) {
    case 0:
    case 1: {
      const tips = field(
        random,
        `[{${mark},"clock":${field(random, `"${clock}"`)},"hash":${field(random, `"${hash}"`)}}]`,
      );
      const hold = random.chance(0.2) ? `,"hold":${field(random, '60000')}` : '';
      const feed = `{"author":${by},"tips":${tips},"read":${field(random, `[{${mark}}]`)}}`;
      return `{"type":"state","conversation":${of},"feeds":${field(random, `[${feed}]`)}${hold}}`;
    }
    case 2: {
      const segments = field(random, `[["${segment}",${field(random, String(seq))}]]`);
      return `{"type":"want","conversation":${of},"author":${by},"segments":${segments},"more":${field(random, 'false')}}`;
    }
    case 3:
      return `{"type":"digests","conversations":${field(random, `[[${of},"${hash.slice(32)}"]]`)}}`;
    case 4:
      return `{"type":"presence","state":${field(random, '"away"')},"status":${field(random, '"x"')},"user":${field(random, '"Eve"')}}`;
    case 5:
      return `{"type":"bye","reason":${field(random, '"x"')}}`;
    case 6:
      return `{"type":"error","code":${field(random, '"x"')},"detail":${field(random, '"y"')}}`;
    case 7:
      return hello(random);
    case 8:
      return '{"type":"typing"}';
    default:
      return '{"type":"ping"}';
  }
}
