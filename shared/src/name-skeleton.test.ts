import { describe, expect, it } from 'vitest';
import { looksAlike } from './name-skeleton.js';

describe('names that look alike', () => {
  it.each([
    ['Bob', 'Bob', 'the same'],
    ['Bob', 'Bоb', 'a Cyrillic o'],
    ['Alice', 'Аlісе', 'Cyrillic A, і, с and е'],
    ['Alice', 'AIice', 'a capital I for an l'],
    ['ALICE', 'ALlCE', 'an l for a capital I'],
    ['Bill', 'Bi11', 'ones'],
    ['Otto', '0tto', 'a zero'],
    ['Bob', 'Ｂｏｂ', 'wide letters'],
    ['Bob', '𝕭𝖔𝖇', 'mathematical letters'],
    ['office', 'oﬃce', 'a ligature'],
    ['Tim', 'Tirn', 'r and n'],
    ['Bob', 'BOB', 'another case'],
    ['Anna Lee', 'Anna\u00a0 Lee', 'other spaces'],
    ['Zoë', 'Zoe\u0308', 'decomposed'],
    ['રાજ્કુમાર', 'રાજ્\u200dકુમાર', 'a joiner'],
    ['❤', '❤\ufe0f', 'a selector'],
    ['Zoë', 'Ζоё', 'Greek Z, Cyrillic о and ё'],
  ])('%s and %s (%s)', (one, other) => {
    expect(looksAlike(one, other)).toBe(true);
    expect(looksAlike(other, one)).toBe(true);
  });

  it.each([
    ['Bob', 'Rob'],
    ['Bob', 'Bobby'],
    ['Zoë', 'Zoe'],
    ['Müller', 'Muller'],
    ['Anna Lee', 'AnnaLee'],
    ['Ян', 'Yan'],
    ['玲', '铃'],
  ])('are not %s and %s', (one, other) => {
    expect(looksAlike(one, other)).toBe(false);
  });
});
