import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wrap } from './layout.js';
import { wrapWithLinks } from './links.js';

/** The links of a row: what is opened, and by which text. */
const linksOf = (row: string): string[][] =>
  // eslint-disable-next-line no-control-regex -- the sequences of links
  [...row.matchAll(/\u001b\]8;;([^\u0007]+)\u0007([^\u001b]*)\u001b\]8;;\u0007/gu)].map((match) =>
    match.slice(1),
  );

describe('links', () => {
  it('are whole, wherever the line is broken', () => {
    const url = 'https://example.org/a/rather/long/path?with=a&query#and-a-hash';
    const rows = wrapWithLinks(`see ${url}, and say`, 20);
    expect(rows.map(stripVTControlCharacters)).toEqual(wrap(`see ${url}, and say`, 20));
    const pieces = rows.flatMap(linksOf);
    expect(pieces.length).toBeGreaterThan(2);
    expect(new Set(pieces.map(([target]) => target))).toEqual(new Set([url]));
    expect(pieces.map(([, shown]) => shown).join('')).toBe(url);
  });

  it('are each their own, several in a line', () => {
    const [row = ''] = wrapWithLinks('http://a.example/ (https://b.example/x).', 80);
    expect(linksOf(row)).toEqual([
      ['http://a.example/', 'http://a.example/'],
      ['https://b.example/x', 'https://b.example/x'],
    ]);
  });

  it.each(['no link', 'ftp://x.example', 'javascript:alert(1)', 'http://', 'xhttps://y.example'])(
    'are not found in %j',
    (text) => expect(wrapWithLinks(text, 80)).toEqual([text]),
  );

  it('change nothing of what is shown, and end where the text does', () => {
    const part = fc.constantFrom(
      'http://a.b/c',
      ' ',
      '  ',
      'word',
      '日本',
      '🎉',
      'https://x.y/zzzzzzzzzzzzzzz',
      ',',
      'مرحبا',
    );
    fc.assert(
      fc.property(fc.array(part), fc.integer({ min: 2, max: 40 }), (parts, width) => {
        const text = parts.join('');
        const rows = wrapWithLinks(text, width);
        expect(rows.map(stripVTControlCharacters)).toEqual(wrap(text, width));
        for (const row of rows) {
          for (const [target = '', shown = ''] of linksOf(row)) expect(target).toContain(shown);
          expect(row.split('\u001b').length % 2).toBe(1);
        }
      }),
      { examples: [[['http://a.b/c', '  ', ' ', 'http://a.b/c', '日本'], 2]] },
    );
  });
});
