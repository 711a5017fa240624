import { describe, expect, it } from 'vitest';
import { HOSTILE_NAMES } from '../../testing/hostile-names.js';
import { numberedName, safeFileName } from './safe-name.js';

describe('a name that somebody else chose', () => {
  it('is one of two hundred hostile ones at least', () => {
    expect(HOSTILE_NAMES.length).toBeGreaterThan(200);
  });

  it.each(HOSTILE_NAMES)('stays in its folder, visible and harmless: %j', (name) => {
    const safe = safeFileName(name);
    expect(safe).not.toMatch(/[/\\:*?"<>|]/);
    expect(safe).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]/u);
    expect(safe).not.toMatch(/^[\s.~-]/u);
    expect(safe).not.toMatch(/[\s.]$/u);
    expect(safe).not.toMatch(/^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/iu);
    expect(safe).not.toBe('');
    expect(Buffer.byteLength(numberedName(safe, 9_999))).toBeLessThanOrEqual(255);
    expect(safe).toBe(safe.normalize('NFC'));
    // What is safe stays as it is.
    expect(safeFileName(safe)).toBe(safe);
  });

  it.each([
    ['report.pdf', 'report.pdf'],
    ['Größe 1 (2).txt', 'Größe 1 (2).txt'],
    ['写真.jpg', '写真.jpg'],
    ['../../x', '__.._x'],
    ['-rf', '_rf'],
    ['photo\u202egpj.exe', 'photogpj.exe'],
    ['NUL.txt', '_NUL.txt'],
    ['', 'file'],
  ])('%j becomes %j', (name, safe) => expect(safeFileName(name)).toBe(safe));

  it('keeps its ending where it is cut', () => {
    expect(safeFileName(`${'x'.repeat(300)}.pdf`)).toMatch(/^x+\.pdf$/);
  });
});

describe('a number in a name', () => {
  it.each([
    ['a.txt', 0, 'a.txt'],
    ['a.txt', 1, 'a (1).txt'],
    ['a', 2, 'a (2)'],
    ['a.tar.gz', 1, 'a.tar (1).gz'],
  ])('%s with %d is %s', (name, number, numbered) => expect(numberedName(name, number)).toBe(numbered));
});
