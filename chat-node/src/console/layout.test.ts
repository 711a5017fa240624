import stringWidth from 'fast-string-width';
import { describe, expect, it } from 'vitest';
import { pad, spread, truncate, wrap } from './layout.js';

describe('layout', () => {
  it('breaks at spaces, inside long words elsewhere, and keeps the spaces at the start', () => {
    expect(wrap('  one two three', 9)).toEqual(['  one two', 'three']);
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij']);
    expect(wrap('', 4)).toEqual(['']);
  });

  it.each(['日本語のとても長い文', '🦊🐻🐼🦁🐯🐨', 'plain text that is long'])(
    'keeps %j within the width',
    (text) => {
      for (let width = 2; width < 12; width += 1) {
        for (const line of wrap(text, width)) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        expect(stringWidth(truncate(text, width))).toBeLessThanOrEqual(width);
      }
    },
  );

  it('shows where something was cut', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef');
    expect(truncate('abcdef', 5)).toBe('abcd…');
    expect(truncate('日本語', 5)).toBe('日本…');
    expect(truncate('abc', 0)).toBe('');
  });

  it('fills and spreads by cells', () => {
    expect(pad('日本', 6)).toBe('日本  ');
    expect(spread('a', 'b', 5)).toBe('a   b');
    expect(spread('long', 'right', 8)).toBe('long');
  });
});
