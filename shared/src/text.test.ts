import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  foldText,
  hasVisibleText,
  isStatusText,
  isUserName,
  parseStatusText,
  parseUserName,
  safeLine,
  safeText,
} from './text.js';

describe('safeText', () => {
  it.each([
    ['a colour', '\u001b[31mred\u001b[0m', 'red'],
    ['a screen wipe', 'a\u001b[2J\u001b[Hb', 'ab'],
    ['a link (OSC 8)', '\u001b]8;;http://x\u0007text\u001b]8;;\u0007', 'text'],
    ['the clipboard (OSC 52)', '\u001b]52;c;aGk=\u0007x', 'x'],
    ['a bell and a backspace', 'a\u0007b\u0008c', 'abc'],
    ['a carriage return', 'safe\rrm', 'safe\nrm'],
    ['C1 controls', 'a\u009b31mb', 'ab'],
    ['a bidi override', 'a\u202egpj.exe', 'agpj.exe'],
    ['a zero-width space', 'pay\u200bpal', 'paypal'],
    ['a stray joiner', 'pay\u200dpal', 'paypal'],
    ['a byte order mark', '\ufeffx', 'x'],
    ['controls of shorthand and of music', 'a\u{1bca0}b\u{1d173}c\u{1d17a}d', 'abcd'],
    ['tag characters', 'x\u{e0041}\u{e007f}', 'x'],
    ['half a character', 'x\ud800', 'x\ufffd'],
  ])('takes away %s', (_what, raw, safe) => {
    expect(safeText(raw)).toBe(safe);
  });

  it('keeps newlines, accents, emoji families and joining scripts', () => {
    for (const text of ['a\nb', 'Zoë', '👨‍👩‍👧', '❤️', 'می‌خواهم', '你好', '🇪🇺'])
      expect(safeText(text)).toBe(text);
  });

  it.each([
    ['Persian', 'می\u200cخواهم'],
    ['Persian, a letter alone as at the start of a word', 'ه\u200d'],
    ['Hindi, an eyelash ra', 'दऱ्\u200dया'],
    ['Hindi, a half form at the end', 'क्\u200d'],
    ['Nepali, a visible virama', 'गर्\u200cनु'],
    ['Bengali, ra before ya-phalaa', 'র\u200d্যাব'],
    ['Bengali, hasanta', 'উদ্\u200cঘাটন'],
    ['Kannada, ra that is no repha', 'ರ\u200d್ಯಾಂಕ್'],
    ['Kannada, a visible virama', 'ರಾಜ್\u200cಕುಮಾರ್'],
    ['Telugu', 'సాఫ్ట్\u200cవేర్'],
    ['Gujarati', 'રાજ્\u200dકુમાર'],
    ['Tamil', 'க்\u200cஷ'],
    ['Malayalam, a chillu of old', 'അവന്\u200d'],
    ['Sinhala', 'ශ්\u200dරී'],
    ['Punjabi', 'ਪ੍\u200cਰ'],
    ['Odia', 'କ୍\u200cଷ'],
    ['Khmer, before a register shifter', 'ប\u200c៊ី'],
    ['Burmese', 'က္\u200cခ'],
    ['Mongolian', 'ᠮᠣᠩ\u200dᠭ'],
    ['Mongolian, with a selector', 'ᠠ\u180bᠳ\u180eᠠ'],
    ['Syriac', 'ܫ\u200cܠ'],
    ['N’Ko', 'ߒ\u200dߞ'],
    ['Adlam', '\u{1e900}\u200c\u{1e901}'],
    ['Devanagari-like Newa', '\u{1140e}\u{11442}\u200d\u{1140e}'],
    ['an emoji with a skin', '👩🏽\u200d💻'],
    ['an emoji of a symbol', '🏳\ufe0f\u200d🌈'],
    ['a heart, a keycap', '❤\ufe0f 1\ufe0f\u20e3'],
  ])('keeps what %s needs, and a name may have it', (_what, text) => {
    expect(safeText(text)).toBe(text);
    expect(parseUserName(`A ${text}`)).toBe(`A ${text}`.normalize());
  });

  it.each([
    ['between letters of Latin', 'pay\u200cpal', 'paypal'],
    ['between consonants that no virama joins', 'क\u200dक', 'कक'],
    ['at the start', '\u200dक', 'क'],
    ['twice', 'क्\u200d\u200dक', 'क्\u200dक'],
    ['after an emoji with no other', '👩\u200d', '👩'],
    ['between an emoji and a letter', '👩\u200da', '👩a'],
    ['at the end of a Persian word', 'می\u200c ', 'می '],
    ['as a selector on a letter', 'Bob\ufe0f', 'Bob'],
    ['as a selector on a digit', '1\ufe0f', '1'],
    ['as a Mongolian selector on Latin', 'B\u180bob', 'Bob'],
    ['as a braille blank', 'Bob\u2800x', 'Bob x'],
  ])('takes away what nobody sees %s', (_where, raw, safe) => {
    expect(safeText(raw)).toBe(safe);
    expect(safeText(safe)).toBe(safe);
  });

  it('takes away all at once: what is safe stays as it is', () => {
    const part = fc.constantFrom(
      ...['a', '1', 'क', '्', 'ा', 'م', '\u200c', '\u200d', '\ufe0f', '\u20e3', '👩', '🏽', '\u0301', 'ᠠ'],
      ...['\u180b', '\u2800', '\u200b', '\u001b', '[', '\u007f', ' ', '\n'],
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const safe = safeText(parts.join(''));
        expect(safeText(safe)).toBe(safe);
      }),
      { numRuns: 2_000 },
    );
  });

  it('cuts a stack of marks that joiners hold together', () => {
    expect(safeText('क' + '्\u200d'.repeat(10_000)).length).toBeLessThan(20);
  });

  it('cuts a stack of combining marks', () => {
    expect(safeText('a' + '\u0301'.repeat(65_536)).length).toBeLessThan(10);
  });

  it('leaves no control character but the newline, whatever comes in', () => {
    const all = Array.from({ length: 0x300 }, (_, code) => String.fromCodePoint(code)).join('');
    // eslint-disable-next-line no-control-regex -- this is what must not be there
    expect(safeText(all)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/u);
  });
});

describe('safeLine', () => {
  it('is one line', () => {
    expect(safeLine('a\r\nb\n\nc\u2028d')).toBe('a b c d');
  });
});

describe('foldText', () => {
  it('has neither case nor accents, composed or not', () => {
    expect(foldText('Ärger')).toBe('arger');
    expect(foldText('a\u0308RGER')).toBe('arger');
    expect(foldText('\ufb01n')).toBe('fin');
  });
});

const NOTHING = [
  ['spaces', ' \u00a0\u3000\n\t'],
  ['a braille blank', '\u2800'],
  ['a variation selector', '\ufe0f'],
  ['a lone combining mark', '\u0301'],
  ['a lone vowel sign', '\u093e'],
  ['an enclosing mark', '\u20dd'],
  ['a zero-width space', '\u200b'],
  ['a joiner', '\u200d'],
  ['Hangul fillers', '\u115f\u1160\u3164\uffa0'],
  ['a soft hyphen', '\u00ad'],
  ['a word joiner', '\u2060'],
  ['a byte order mark', '\ufeff'],
  ['a direction', '\u202e\u2067\u200f'],
  ['tags', '\u{e0041}\u{e007f}'],
  ['a null notehead', '\u{1d159}'],
  ['a hieroglyphic blank', '\u{13441}'],
  ['an object replacement', '\u{fff9}'],
  ['a noncharacter', '\uffff\u{10ffff}'],
  ['Khmer inherent vowels', '\u17b4\u17b5'],
] as const;

describe('hasVisibleText', () => {
  it.each(NOTHING)('sees nothing of %s', (_what, text) => {
    expect(hasVisibleText(text)).toBe(false);
  });

  it.each([
    ['a colour', '\u001b[31m\u001b[0m'],
    ['a C1 sequence', '\u009b31m'],
    ['controls', '\u0000\u0007\u007f'],
    ['nothing', ''],
  ])('sees nothing of %s', (_what, text) => {
    expect(hasVisibleText(text)).toBe(false);
  });

  it.each([
    'a',
    '.',
    '1',
    '🎉',
    '❤️',
    '1️⃣',
    'é',
    'e\u0301',
    'ก',
    '한',
    '⠃',
    '\u001b[31mx',
    ' \n-',
    '\ue0a0',
    '\u{1fb00}',
  ])('sees %j', (text) => expect(hasVisibleText(text)).toBe(true));
});

describe('parseUserName', () => {
  it.each(NOTHING)('refuses a name of %s', (_what, name) => {
    expect(isUserName(name)).toBe(false);
    expect(() => parseUserName(name)).toThrow(expect.objectContaining({ code: 'invalid-user-name' }));
    expect(isStatusText(name)).toBe(false);
  });

  it.each(['Bob\u2800', 'Bob\ufe0f', '\u0301Bob', 'Bo\u200db', 'Bob\u3164'])(
    'refuses %j, which looks like another one',
    (name) => expect(isUserName(name)).toBe(false),
  );

  it('takes NFC of what was typed, without spaces around it', () => {
    expect(parseUserName('  Zoe\u0308 ')).toBe('Zoë');
  });

  it('takes 64 characters and no more', () => {
    expect(parseUserName('é'.repeat(64))).toHaveLength(64);
    expect(() => parseUserName('é'.repeat(65))).toThrow('at most 64');
  });

  it.each(['', '   ', 'a\nb', 'a\u001b[31m', 'a\u202eb', 'a\u200bb', '\ud800'])('refuses %j', (raw) => {
    expect(() => parseUserName(raw)).toThrow(expect.objectContaining({ code: 'invalid-user-name' }));
    expect(isUserName(raw)).toBe(false);
  });
});

describe('parseStatusText', () => {
  it('takes one line of at most 80 characters, or none', () => {
    expect(parseStatusText('  at lunch 🥪 ')).toBe('at lunch 🥪');
    expect(parseStatusText('')).toBe('');
    expect(parseStatusText('🦊'.repeat(80))).toHaveLength(160);
    expect(() => parseStatusText('🦊'.repeat(81))).toThrow('at most 80');
  });

  it.each(['a\nb', 'a\u001b[31m', 'a\u202eb', 'a\u200bb', '\ud800', 'x'.repeat(161)])('refuses %j', (raw) => {
    expect(() => parseStatusText(raw)).toThrow(expect.objectContaining({ code: 'invalid-status' }));
    expect(isStatusText(raw)).toBe(false);
  });
});
