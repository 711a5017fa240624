import assert from 'node:assert/strict';
import { safeLine, safeText } from '@p2p-chat/shared';
import type { SeededRandom } from '../chaos/seeded-random.ts';
import { FuzzFailure, NASTY_TEXTS, randomOf } from './case.ts';

const FORBIDDEN =
  // eslint-disable-next-line no-control-regex -- this is what must not be left
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/**
 * Feeds texts made of what drives terminals to the filter of foreign text.
 * @throws {FuzzFailure}
 */
export async function fuzzText(seed: number, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    try {
      judge(textOf(randomOf(seed, index)));
    } catch (error) {
      throw new FuzzFailure('text', seed, index, error);
    }
  }
}

function judge(text: string): void {
  const safe = safeText(text);
  assert.ok(!FORBIDDEN.test(safe), `left in: ${JSON.stringify(safe)}`);
  assert.ok(safe.isWellFormed(), 'half a character');
  assert.ok(!/\p{M}{7}/u.test(safe), 'a stack of marks');
  const line = safeLine(text);
  assert.ok(!FORBIDDEN.test(line) && !line.includes('\n'), `left in a line: ${JSON.stringify(line)}`);
}

function textOf(random: SeededRandom): string {
  let text = '';
  for (let count = random.integer(0, 12); count > 0; count -= 1) {
    switch (random.integer(0, 3)) {
      case 0:
        text += random.pick(NASTY_TEXTS).slice(0, random.integer(0, 20));
        break;
      case 1:
        text += String.fromCharCode(random.integer(0, 0xffff));
        break;
      case 2:
        text += String.fromCodePoint(random.integer(0, 0x9f));
        break;
      case 3:
        text += random.pick([
          'a',
          'م',
          '\u0301',
          '\u200d',
          '👩',
          '\ufe0f',
          '\u001b',
          '[',
          ']',
          'm',
          ';',
          '8',
        ]);
        break;
    }
  }
  return text;
}
