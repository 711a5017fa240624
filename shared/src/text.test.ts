import { describe, expect, it } from 'vitest';
import {
  foldText,
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
    ['tag characters', 'x\u{e0041}\u{e007f}', 'x'],
    ['half a character', 'x\ud800', 'x\ufffd'],
  ])('takes away %s', (_what, raw, safe) => {
    expect(safeText(raw)).toBe(safe);
  });

  it('keeps newlines, accents, emoji families and joining scripts', () => {
    for (const text of ['a\nb', 'Zoë', '👨‍👩‍👧', '❤️', 'می‌خواهم', '你好', '🇪🇺'])
      expect(safeText(text)).toBe(text);
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

describe('parseUserName', () => {
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
