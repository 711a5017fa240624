import { describe, expect, it } from 'vitest';
import { normalizeEmoji } from './emoji.js';

describe('an emoji', () => {
  it.each([
    ['👍', '👍'],
    [' 👍🏽 ', '👍🏽'],
    ['❤', '❤️'],
    ['❤️', '❤️'],
    ['👩‍👩‍👧‍👦', '👩‍👩‍👧‍👦'],
    ['🇩🇪', '🇩🇪'],
  ])('%j is %j', (text, emoji) => {
    expect(normalizeEmoji(text)).toBe(emoji);
  });

  it.each(['', 'a', '1', ':)', '👍👍', '👍x', '\u{202e}', '\u001b[31m'])('%j is none', (text) => {
    expect(normalizeEmoji(text)).toBeNull();
  });
});
