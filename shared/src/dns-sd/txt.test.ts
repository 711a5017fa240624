import { describe, expect, it } from 'vitest';
import { decodeTxt, encodeTxt } from './txt.js';

describe('TXT records', () => {
  it.each([
    ['short values', { v: '1', user: 'Anna', empty: '' }],
    ['a value of many strings', { user: '\u{1F600}'.repeat(64), addresses: 'x'.repeat(1_000) }],
    ['a value that has the character between key and value', { host: 'a=b=c' }],
  ])('carry %s, in strings of at most 255 bytes', (_name, values) => {
    const strings = encodeTxt(values);
    expect(Math.max(...strings.map(({ length }) => length))).toBeLessThanOrEqual(255);
    expect(Object.fromEntries(decodeTxt(strings))).toEqual(values);
  });

  it('count the first string of a key, whatever its case, and no string without a value', () => {
    const strings = ['V=1', 'v=2', 'flag', '=x', ''].map((text) => Buffer.from(text));
    expect([...decodeTxt(strings)]).toEqual([['v', '1']]);
  });

  it('take no key of a prototype for more than it is', () => {
    expect(decodeTxt([Buffer.from('__proto__=x')]).get('__proto__')).toBe('x');
    expect(decodeTxt([]).get('constructor')).toBeUndefined();
  });
});
