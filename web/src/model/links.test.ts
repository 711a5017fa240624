import { beforeAll, expect, it } from 'vitest';
import { loadSkeletons, withLinks } from './links.ts';

const before = withLinks('https://bücher.example/ä');
beforeAll(() => loadSkeletons());

it('makes a link of an address that reads where it leads', () => {
  expect(withLinks('see https://ci.example/4711?a=b, and more')).toEqual([
    { text: 'see ' },
    { text: 'https://ci.example/4711?a=b', href: 'https://ci.example/4711?a=b' },
    { text: ', and more' },
  ]);
  expect(withLinks('(https://x.example/a_(b))\nhttp://[fe80::1]')).toEqual([
    { text: '(' },
    { text: 'https://x.example/a_(b)', href: 'https://x.example/a_(b)' },
    { text: ')\n' },
    { text: 'http://[fe80::1]', href: 'http://[fe80::1]' },
  ]);
});

it('shows letters beyond ASCII as they were written, once it can tell which look like others', () => {
  expect(before).toEqual([{ text: 'https://bücher.example/ä' }]);
  expect(withLinks('https://bücher.example/ä')).toEqual([
    { text: 'https://bücher.example/ä', href: 'https://xn--bcher-kva.example/%C3%A4' },
  ]);
  expect(withLinks('https://пример.рф')).toEqual([
    { text: 'https://пример.рф', href: 'https://xn--e1afmkfd.xn--p1ai/' },
  ]);
});

it.each([
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'www.example.com',
  'mail@example.com',
  'https://good.example@evil.example/',
  'https://аpple.example/',
  'https://аррӏе.com/',
  'https://good.example⁄x.evil.example/',
  'https:\\\\evil.example\\x',
  '<img src=x onerror=alert(1)>',
])('makes none of %s', (text) => {
  expect(withLinks(text)).toEqual([{ text }]);
});
