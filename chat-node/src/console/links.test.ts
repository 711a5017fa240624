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

  const ownText = (url: string): string[][] => [[url, url]];

  it.each([
    ['https://en.wikipedia.org/wiki/Rust_(programming_language)', ''],
    ['https://en.wikipedia.org/wiki/Rust_(programming_language)', ').'],
    ['https://x.example/a_', ''],
    ['https://x.example/a_', ', and'],
    ['http://[fe80::1]', ''],
    ['http://[2001:db8::1]:7777/x', '.'],
    ['HTTPS://EXAMPLE.ORG/A', '!'],
    ['https://x.example/a?b=[1]&c={2}#d', ''],
    ['http://localhost:7777', ': there'],
    ['http://192.0.2.1:80/', ''],
    ['http://box', ''],
    ['https://x.example/a,b;c', ';'],
    ['https://x.example', ')and'],
    ['https://x.example', ','],
    ['https://x.example', '…'],
  ])('lead where they read: %s, before %j', (url, after) => {
    const [row = ''] = wrapWithLinks(`(${url}${after}`, 200);
    expect(linksOf(row)).toEqual(ownText(url));
  });

  it.each([
    ['**https://x.example/a**', 'https://x.example/a'],
    ['_https://x.example/a_', 'https://x.example/a'],
    ['_https://x.example/a__', 'https://x.example/a_'],
    ['*https://x.example/*', 'https://x.example/'],
  ])('end before the emphasis that began before them: %s', (text, url) => {
    expect(linksOf(wrapWithLinks(text, 80)[0]!)).toEqual(ownText(url));
  });

  it.each([
    ['https://bücher.example/ä?ö', 'https://xn--bcher-kva.example/%C3%A4?%C3%B6'],
    ['https://пример.рф/путь', 'https://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C'],
    ['https://日本.jp/京', 'https://xn--wgv71a.jp/%E4%BA%AC'],
    ['https://x.example/é', 'https://x.example/%C3%A9'],
  ])('beyond ASCII are opened as what they stand for: %s', (shown, target) => {
    expect(linksOf(wrapWithLinks(`見て${shown} 。`, 80)[0]!)).toEqual([[target, shown]]);
  });

  it.each([
    'no link',
    'ftp://x.example',
    'javascript:alert(1)',
    'http://',
    'http:///x',
    'xhttps://y.example',
    'éhttps://y.example',
    'http://good.example@evil.example/',
    'http://good.example:80@evil.example/',
    'http://good.example;x@evil.example/',
    'http://good.example,x@evil.example/',
    'http://good.example\\@evil.example/',
    'http://user:password@x.example/',
    'http://good.example。evil.example/',
    'http://good.example&evil.example',
    'https://good.example⁄x.evil.example/',
    'https://аррӏе.com/',
    'https://аpple.com/',
    'http://fe80::1/',
    'http://x.example:99999/',
    'https://x.example/a\\b',
    'https://x.example/(a',
    'http://[fe80::1%eth0]/',
  ])('are not found in %j', (text) => expect(wrapWithLinks(text, 80)).toEqual([text]));

  it('are looked for in long lines of any kind without hanging', () => {
    for (const part of [
      'http://',
      'http://a.b ',
      'a.',
      '(',
      '()',
      '.',
      '@',
      ':',
      'http://a.b/(',
      '*http://a.b/*',
    ]) {
      const line = `http://x.example/${part.repeat(65_536 / part.length)}`;
      expect(wrapWithLinks(line, 70_000)).toHaveLength(1);
    }
  });

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
          for (const [target = '', shown = ''] of linksOf(row)) {
            expect([target, decodeURI(target)].some((one) => one.includes(shown.normalize()))).toBe(true);
          }
          expect(row.split('\u001b').length % 2).toBe(1);
        }
      }),
      { examples: [[['http://a.b/c', '  ', ' ', 'http://a.b/c', '日本'], 2]] },
    );
  });
});
