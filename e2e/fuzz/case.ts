import { SeededRandom } from '../chaos/seeded-random.ts';

/** A case broke a promise. The message replays it. */
export class FuzzFailure extends Error {
  constructor(target: string, seed: number, index: number, cause: unknown) {
    const what = cause instanceof Error ? cause.message : String(cause);
    super(`${what}\nReplay: make fuzz ARGS='--target ${target} --seed ${seed} --case ${index}'`, { cause });
    this.name = 'FuzzFailure';
  }
}

/** The random numbers of one case, the same whichever cases run before it. */
export function randomOf(seed: number, index: number): SeededRandom {
  return new SeededRandom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35));
}

/** What parsers have stumbled over before. */
export const NASTY_TEXTS: readonly string[] = [
  '',
  '\0',
  '\u001b[2J\u001b[31m',
  '\u001b]8;;http://x\u0007y\u001b]8;;\u0007',
  '\u001b]52;c;aGk=\u0007',
  '\u001bP1;2|x\u001b\\',
  '\u009b31m',
  '\u009d0;title\u009c',
  '\r\n',
  '\b\b\b',
  '\u202e\u2066',
  '\u200d\u200b\ufeff',
  '\ud800',
  '\udfff',
  'é'.repeat(100),
  'e' + '\u0301'.repeat(200),
  '\u{10ffff}',
  '__proto__',
  'constructor',
  '{"$gt":""}',
  '../../etc/passwd',
  '%s%n%x',
  "'; DROP TABLE messages; --",
];

/** The same as JSON values. */
export const NASTY_JSON: readonly string[] = [
  ...NASTY_TEXTS.map((text) => JSON.stringify(text)),
  'null',
  'true',
  '-1',
  '0.5',
  '1e999',
  '9007199254740993',
  '-0',
  '[]',
  '{}',
  '{"__proto__":{"polluted":true}}',
  '{"$gt":""}',
  '['.repeat(1_000) + ']'.repeat(1_000),
];

/** Changes bytes in some of the ways in which they go wrong. */
export function mutate(bytes: Buffer, random: SeededRandom): Buffer {
  let changed = Buffer.from(bytes);
  for (let count = random.integer(0, 6); count > 0; count -= 1) {
    const at = random.integer(0, Math.max(0, changed.length - 1));
    const length = random.integer(1, 16);
    const [before, middle, after] = [
      changed.subarray(0, at),
      changed.subarray(at, at + length),
      changed.subarray(at + length),
    ];
    switch (random.integer(0, 7)) {
      case 0:
        if (changed.length > 0) changed[at] = (changed[at] ?? 0) ^ (1 << random.integer(0, 7));
        break;
      case 1:
        if (changed.length > 0) changed[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5c, 0x7b]);
        break;
      case 2:
        changed = Buffer.concat([before, after]);
        break;
      case 3:
        changed = Buffer.concat([before, middle, middle, after]);
        break;
      case 4:
        changed = Buffer.concat([before, randomBytes(random, length), middle, after]);
        break;
      case 5:
        changed = Buffer.concat([before, Buffer.from(random.pick(NASTY_JSON)), after]);
        break;
      case 6:
        changed = Buffer.from(before);
        break;
      case 7:
        changed = Buffer.concat([before, Buffer.from(random.pick(NASTY_TEXTS)), middle, after]);
        break;
    }
  }
  return changed;
}

function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.integer(0, 255)));
}
