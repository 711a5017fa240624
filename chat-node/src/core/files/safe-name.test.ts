import { describe, expect, it } from 'vitest';
import { numberedName, safeFileName } from './safe-name.js';

const RESERVED = [
  'CON',
  'PRN',
  'AUX',
  'NUL',
  'CONIN$',
  'CONOUT$',
  ...Array.from('0123456789¹²³', (digit) => [`COM${digit}`, `LPT${digit}`]).flat(),
];
const around = (name: string): string[] => [
  name,
  name.toLowerCase(),
  `${name}.txt`,
  `${name} .txt`,
  `${name}.`,
  ` ${name}`,
];

/** Names that were made to do harm, or that some system cannot keep. */
const HOSTILE: readonly string[] = [
  ...RESERVED.flatMap(around),
  ...['', '.', '..', '...', ' ', '   ', '. .', '\t', '\n', '\u0000', '\u200b', '\u202e', '\ufeff'],
  ...['../../etc/passwd', '..\\..\\windows\\win.ini', '/etc/passwd', '//server/share', '\\\\server\\share'],
  ...[
    'C:\\autoexec.bat',
    'c:x',
    'file.txt:stream',
    'file.txt::$DATA',
    './x',
    'a/./b',
    'a/../b',
    '~/x',
    '~root',
  ],
  ...['-rf', '--help', '-', '--', '-o file', '.bashrc', '.ssh', '..hidden', '.profile', '-.x', '.-x', '~'],
  ...[
    'a\u0000b.txt',
    'a\nb',
    'a\rb',
    'a\u001b[31mb',
    'a\u0007b',
    '\u009b31m',
    'a\u2028b',
    'a\u2029b',
    'a\u007fb',
  ],
  ...['photo\u202egpj.exe', 'a\u2066b', 'a\u2069b', '\u200fx', 'x\u200d', 'a\u00adb', 'a\u180eb', '\u061cx'],
  ...[
    'a*b',
    'a?b',
    'a"b',
    'a<b>',
    'a|b',
    'a:b',
    'a;b',
    'a&b',
    '$(id)',
    '`id`',
    '%PATH%',
    '!x',
    "a'b",
    'a b ',
  ],
  ...['x'.repeat(255), 'x'.repeat(4_096), 'é'.repeat(255), '😀'.repeat(255), `${'x'.repeat(300)}.tar.gz`],
  ...[`a.${'x'.repeat(300)}`, `${'.'.repeat(255)}`, `${' '.repeat(255)}x`, `x${' '.repeat(255)}`],
  ...['e\u0301.txt', '\u00e9.txt', 'ﬁ.txt', 'İ.txt', 'ß', '\ud800', 'a\udfffb', '\ue000', '\u{10ffff}'],
  ...['con\u200b', 'c\u200bon', 'nul\u202e.txt', 'aux . .', 'trailing.', 'trailing. .', 'trailing '],
  ...['desktop.ini', 'Thumbs.db', '.DS_Store', 'autorun.inf', 'index.html', 'a.lnk', 'a.desktop'],
];

describe('a name that somebody else chose', () => {
  it('is one of two hundred hostile ones at least', () => {
    expect(HOSTILE.length).toBeGreaterThan(200);
  });

  it.each(HOSTILE)('stays in its folder, visible and harmless: %j', (name) => {
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
