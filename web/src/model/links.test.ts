import { expect, it } from 'vitest';
import { withLinks } from './links.ts';

it('makes a link of an address that reads where it leads', () => {
  expect(withLinks('see https://ci.example/4711?a=b, and more')).toEqual([
    { text: 'see ' },
    { text: 'https://ci.example/4711?a=b', href: 'https://ci.example/4711?a=b' },
    { text: ', and more' },
  ]);
});

it.each([
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'www.example.com',
  'mail@example.com',
  'https://good.example@evil.example/',
  'https://аpple.example/',
  'https:\\\\evil.example\\x',
  '<img src=x onerror=alert(1)>',
])('makes none of %s', (text) => {
  expect(withLinks(text)).toEqual([{ text }]);
});
