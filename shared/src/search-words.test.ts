import { describe, expect, it } from 'vitest';
import { matchRanges, queryWords, searchWords } from './search-words.js';

function marked(text: string, query: string): string {
  let shown = '';
  let at = 0;
  for (const { start, end } of matchRanges(text, query)) {
    shown += `${text.slice(at, start)}[${text.slice(start, end)}]`;
    at = end;
  }
  return shown + text.slice(at);
}

function matches(text: string, query: string): boolean {
  const words = [...searchWords(text)];
  return queryWords(query).every((wanted) => words.some((word) => word.startsWith(wanted)));
}

describe('words of a text', () => {
  it.each([
    ['Lunch at 12:30?', ['lunch', 'at', '12', '30']],
    ['https://example.com/a_b', ['https', 'example', 'com', 'a', 'b']],
    ['naïve Čeština Ὀδυσσεύς', ['naive', 'cestina', 'οδυσσευσ']],
    ['Grüße STRASSE', ['grusse', 'strasse']],
    ['ﬁne', ['fine']],
    ['Ship it 🚀🚀', ['ship', 'it', '🚀']],
    ['私は東京', ['私は', 'は東', '東京', '京']],
    ['हिन्दी खोज', ['हिन्दी', 'खोज']],
    ['... !?', []],
    ['', []],
  ])('of %j', (text, words) => {
    expect([...searchWords(text)]).toEqual(words);
  });

  it('are cut where no word is that long, between characters', () => {
    const [word = ''] = searchWords(`x${'😀'.repeat(3)}${'𝒜'.repeat(3)}`);
    expect(word.isWellFormed()).toBe(true);
    const [long = ''] = searchWords(`x${'𐐷'.repeat(100)}`);
    expect(long).toHaveLength(63);
    expect(long.isWellFormed()).toBe(true);
  });
});

describe('a query', () => {
  it.each([
    ['Straße', 'in der STRASSE', true],
    ['meet', 'meeting at noon', true],
    ['eeting', 'meeting at noon', false],
    ['noon meet', 'meeting at noon', true],
    ['noon dinner', 'meeting at noon', false],
    ['İSTANBUL', 'istanbul', true],
    ['שלום', 'שָׁלוֹם', true],
    ['東京都', '私は東京都に', true],
    ['京東', '私は東京都に', false],
    ['京', '私は東京都に', true],
    ['한', '한국어를', true],
    ['ﾊﾟﾅ', 'パナマ', true],
    ['🚀', 'Ship it 🚀', true],
    ['कि', 'को', false],
  ])('%j matches %j: %j', (query, text, expected) => {
    expect(matches(text, query)).toBe(expected);
  });

  it('has each word once, and none that begins another', () => {
    expect(queryWords('a abc ab x X')).toEqual(['abc', 'x']);
  });

  it('without a letter, digit or sign has no word', () => {
    expect(queryWords(' ...? ')).toEqual([]);
  });
});

describe('the places of a match', () => {
  it('are whole words, once each, in order', () => {
    expect(marked('Meet me at the meeting', 'MEE at')).toBe('[Meet] me [at] the [meeting]');
    expect(marked('Grüße aus Köln', 'gruss koln')).toBe('[Grüße] aus [Köln]');
    expect(marked('nothing here', 'x')).toBe('nothing here');
  });

  it('are the characters themselves where no space divides words', () => {
    expect(marked('私は東京都に', '東京')).toBe('私は[東京]都に');
    expect(marked('私は東京都に', '東京都')).toBe('私は[東京都]に');
    expect(marked('京', '京')).toBe('[京]');
    expect(marked('東京', '京')).toBe('東[京]');
  });
});
