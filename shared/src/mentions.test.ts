import { describe, expect, it } from 'vitest';
import { mentionsIn } from './mentions.js';

const MEMBERS = [
  { peerId: 'bob', user: 'Bob' },
  { peerId: 'bobby', user: 'Bobby Tables' },
  { peerId: 'zoe', user: 'Zoë' },
  { peerId: 'two', user: 'Max' },
  { peerId: 'three', user: 'max' },
];

describe('mentions in a text', () => {
  it.each([
    ['nobody here', []],
    ['@Bob', ['bob']],
    ['hi @bob, and @ZOË!', ['bob', 'zoe']],
    ['@Bobby Tables: see', ['bobby']],
    ['@Bobby alone', []],
    ['@Bob @Bob', ['bob']],
    ['mail@bob.example', []],
    ['@Bobs', []],
    ['@Max', []],
    ['@', []],
    ['@Zoe\u0308', ['zoe']],
  ])('%j calls %j', (body, called) => {
    expect(mentionsIn(body, MEMBERS)).toEqual(called);
  });
});
