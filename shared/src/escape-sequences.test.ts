import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { withoutEscapeSequences } from './escape-sequences.js';

it.each([
  'plain',
  '\u001b[31mred\u001b[0m',
  '\u001b]0;title\u0007after',
  '\u001b]8;;http://example.com\u001b\\link\u001b]8;;\u001b\\',
  '\u009b1;31mred',
  '\u001b(B\u001b[?25l\u001b7\u001b[2J',
  'cut \u001b[',
  '\u001b]unterminated',
])('removes what Node removes: %j', (text) => {
  expect(withoutEscapeSequences(text)).toBe(stripVTControlCharacters(text));
});

it('removes what Node removes, whatever follows an introducer', () => {
  const alphabet = [
    '\u001b',
    '\u009b',
    '\u0007',
    '\u009c',
    ...'[]()#;?0123456789ABCPQRSTUZabcfgnqrstuyz=><~\\/:.@_-',
  ];
  let seed = 1;
  const next = (): number => (seed = (seed * 48_271) % 2_147_483_647);
  for (let run = 0; run < 20_000; run += 1) {
    const text = Array.from({ length: 12 }, () => alphabet[next() % alphabet.length]).join('');
    expect(withoutEscapeSequences(`\u001b${text}`)).toBe(stripVTControlCharacters(`\u001b${text}`));
  }
});
