import { describe, expect, it } from 'vitest';
import {
  ESCAPE_TIMEOUT_MS,
  LINES_TIMEOUT_MS,
  SEQUENCE_TIMEOUT_MS,
  TerminalInput,
  type TerminalEvent,
} from './terminal-input.js';

/** An event in a word: what is typed as it is, keys as `<ctrl-c>`. */
function word(event: TerminalEvent): string {
  if (event.type === 'paste' || event.type === 'lines') return `[${event.type}: ${event.text}]`;
  if (event.type === 'focus') return event.focused ? '<in>' : '<out>';
  const { name, sequence = '', ctrl, meta, shift } = event.key;
  const isTyped = ctrl !== true && meta !== true && /^\P{C}$/u.test(sequence);
  if (isTyped) return sequence;
  const held = [ctrl === true ? 'ctrl-' : '', meta === true ? 'alt-' : '', shift === true ? 'shift-' : ''];
  return `<${held.join('')}${name ?? ''}>`;
}

/** What comes of reads, with nothing behind them for as long as it takes. */
function read(...chunks: (string | Uint8Array)[]): string {
  const input = new TerminalInput();
  const events = chunks.flatMap((chunk) => input.feed(Buffer.from(chunk)));
  while (input.timeout !== null) events.push(...input.flush());
  return events.map(word).join('');
}

/** What comes of a read after an Esc that was taken for the key. */
function afterEscape(text: string): TerminalEvent[] {
  const input = new TerminalInput();
  input.feed(Buffer.from('\u001b'));
  input.flush();
  return input.feed(Buffer.from(text));
}

/** Each byte in a read of its own. */
function pieces(text: string): string {
  return read(...Array.from(Buffer.from(text), (byte) => Uint8Array.of(byte)));
}

const KEYS: readonly (readonly [sent: string, is: string])[] = [
  ['a日é🎉 Z', 'a日é🎉 Z'],
  ['\u001b[A\u001b[B\u001b[C\u001b[D\u001bOA\u001bOH\u001b[F', '<up><down><right><left><up><home><end>'],
  ['\u001b[1~\u001b[4~\u001b[5~\u001b[6~\u001b[3~\u001b[7~', '<home><end><pageup><pagedown><delete><home>'],
  ['\u001bOP\u001b[11~\u001b[[A\u001b[[Ex\u001bOQ', '<f1><f1><f1><f5>x<f2>'],
  [
    '\u001b[1;5C\u001b[1;3D\u001b[3;5~\u001b[3^\u001b[3$x',
    '<ctrl-right><alt-left><ctrl-delete><ctrl-delete><shift-delete>x',
  ],
  ['\u001b[Z\u001b[a\u001bOa', '<shift-tab><shift-up><ctrl-up>'],
  // The keypad: Enter, digits and signs.
  ['\u001bOM\u001bOq\u001bOk\u001bOX', '<return>1+='],
  ['\u0003\u0004\u000e\u001a\u0000', '<ctrl-c><ctrl-d><ctrl-n><ctrl-z><ctrl->'],
  ['\r\t\u007f\u0008', '<return><tab><backspace><backspace>'],
  // Alt with a character is one key, and no Esc.
  ['\u001bb\u001bx\u001bé\u001b\rX\u001b\u007f', '<alt-b><alt-x><alt-return>X<alt-backspace>'],
  ['\u001b\u001b[D', '<alt-left>'],
  // kitty: Esc, Enter, Shift-Enter, Alt-Enter, Ctrl-C, keypad Enter and 7, Backspace, Ctrl-W, Alt-b.
  ['\u001b[27u\u001b[13u\u001b[13;2u\u001b[13;3u', '<escape><return><shift-return><alt-return>'],
  ['\u001b[99;5u\u001b[57414u\u001b[57406u\u001b[127u', '<ctrl-c><return>7<backspace>'],
  ['\u001b[119;5u\u001b[98;3u\u001b[97;69u', '<ctrl-w><alt-b><ctrl-a>'],
  // Typed: plain, with Shift, with what Shift makes of it, with the text itself; Ctrl-C on a Cyrillic keyboard.
  ['\u001b[97u\u001b[97;2u\u001b[49:33;2u\u001b[228;;228u\u001b[1089::99;5u', 'aA!ä<ctrl-c>'],
  // Pressed, held, released; Super is the desktop's; keys without a character.
  ['\u001b[97;1:1u\u001b[97;1:2u\u001b[97;1:3u\u001b[1;1:3A\u001b[97;9u\u001b[57441u\u001b[57358u', 'aa'],
  // modifyOtherKeys: Ctrl-C, Shift-Enter, A, Ctrl-Backspace, Esc.
  [
    '\u001b[27;5;99~\u001b[27;2;13~\u001b[27;2;65~\u001b[27;5;127~\u001b[27;1;27~',
    '<ctrl-c><shift-return>A<ctrl-backspace><escape>',
  ],
  ['\u001b[O\u001b[I', '<out><in>'],
  ['\u001b[200~two\r\nlines é.\u001b[201~x', '[paste: two\r\nlines é.]x'],
];

/** What nobody typed. */
const REPORTS: readonly string[] = [
  '\u001b]11;rgb:1e1e/1e1e/2e2e\u0007',
  '\u001b]11;rgb:1e1e/1e1e/2e2e\u001b\\',
  '\u001b]4;1;rgb:cdcd/0000/0000\u001b\\',
  '\u001b]52;c;c2VjcmV0\u0007',
  '\u001b[?62;4;22c', // DA1
  '\u001b[>41;354;0c', // DA2
  '\u001bP!|00000000\u001b\\', // DA3
  '\u001b[24;80R\u001b[1;5R', // CPR
  '\u001b[0n',
  '\u001bP>|XTerm(390)\u001b\\', // XTVERSION
  '\u001b[?2026;2$y\u001b[4;2$y', // DECRPM
  '\u001bP1$r0m\u001b\\',
  '\u001b[<0;34;7M\u001b[<0;34;7m', // SGR mouse
  '\u001b[M !"\u001b[M#!!', // X10 mouse
  '\u001b[32;10;12M', // urxvt mouse
  '\u001b[?1u', // kitty's flags
  '\u001b[8;24;80t',
  '\u001b_Gi=31;OK\u001b\\',
  '\u001b^private\u001b\\\u001bXstring\u001b\\',
  '\u001b[?997;1n', // the colour scheme
  '\u001b[201~', // the end of a paste that ended before
  '\u001b[5;6;7;8;9z',
];

describe('what a terminal sends', () => {
  it.each(KEYS)('%j is %s, in one read and in pieces', (sent, is) => {
    expect(read(sent)).toBe(is);
    expect(pieces(sent)).toBe(is);
  });

  it.each(REPORTS)('%j is nothing that was typed, in one read and in pieces', (sent) => {
    expect(read(`a${sent}b`)).toBe('ab');
    expect(pieces(`a${sent}b`)).toBe('ab');
    for (let cut = 1; cut < sent.length; cut += 1)
      expect(read(`a${sent.slice(0, cut)}`, `${sent.slice(cut)}b`)).toBe('ab');
  });

  it('takes X10 reports of far columns, which are no UTF-8', () => {
    expect(read(Buffer.from([0x61, 0x1b, 0x5b, 0x4d, 0x20, 0xff, 0xf0, 0x62]))).toBe('ab');
  });

  it('keeps a character whole that comes in two reads', () => {
    const [first = 0, ...rest] = Buffer.from('é');
    expect(read(Buffer.of(first), Buffer.from(rest))).toBe('é');
  });

  it('gives no key but those that were pressed, whatever comes', () => {
    // A linear congruential generator: the same bytes at each run, most of them of sequences.
    const alphabet = Buffer.from('\u001b\u001b[]OPM<?;:0123456789~uABRcmy$\\\u0007\u0003az é');
    let seed = 14;
    const next = (bound: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % bound;
    for (let round = 0; round < 500; round += 1) {
      const bytes = Buffer.from(Array.from({ length: 60 }, () => alphabet[next(alphabet.length)] ?? 0));
      const at = next(bytes.length);
      for (const chunks of [[bytes], [bytes.subarray(0, at), bytes.subarray(at)]]) {
        const input = new TerminalInput();
        for (const chunk of chunks) input.feed(chunk);
        while (input.timeout !== null) input.flush();
        // Whatever it was, it is over: Ctrl-C and letters are what they are.
        expect(input.feed(Buffer.from('\u0003x')).map(word).join('')).toBe('<ctrl-c>x');
      }
    }
  });
});

describe('what is incomplete', () => {
  it('is Esc when nothing follows it', () => {
    const input = new TerminalInput();
    expect(input.feed(Buffer.from('\u001b'))).toEqual([]);
    expect(input.timeout).toBe(ESCAPE_TIMEOUT_MS);
    expect(input.flush().map(word)).toEqual(['<escape>']);
    expect(input.feed(Buffer.from('[x')).map(word).join('')).toBe('[x');
    expect(read('\u001b\u001b')).toBe('<escape><escape>');
  });

  it('is a sequence all the same when the rest of it comes late', () => {
    for (const rest of [
      '[24;80R',
      '[?62;4;22c',
      '[<0;34;7M',
      ']11;rgb:0/0/0\u0007',
      ']11;rgb:0/0/0\u001b\\',
      '[B',
    ])
      for (const reads of [[rest], [...rest]]) {
        const input = new TerminalInput();
        input.feed(Buffer.from('\u001b'));
        input.flush();
        const events = reads.flatMap((read) => input.feed(Buffer.from(read)));
        expect(events.map(word)).toEqual(rest === '[B' ? ['<down>'] : []);
        expect(input.feed(Buffer.from('x')).map(word)).toEqual(['x']);
      }
    for (const rest of ['P>|XTerm(390)\u001b\\', '_Gi=31;OK\u0007', '[M !"'])
      expect(afterEscape(rest).map(word)).toEqual([]);
  });

  it('is what was typed after Esc, also where a sequence could begin so', () => {
    expect(afterEscape('Paul').map(word).join('')).toBe('Paul');
    for (const typed of ['[', ']', '[12', ']1']) {
      const input = new TerminalInput();
      input.feed(Buffer.from('\u001b'));
      input.flush();
      expect(input.feed(Buffer.from(typed))).toEqual([]);
      expect(input.timeout).toBe(SEQUENCE_TIMEOUT_MS);
      expect(input.flush().map(word).join('')).toBe(typed);
      expect(input.timeout).toBeNull();
    }
  });

  it('is no Esc where the second half of what ends a string comes late', () => {
    for (const start of ['\u001b]11;rgb:0/0/0', '\u001bP>|XTerm(390)']) {
      const input = new TerminalInput();
      expect(input.feed(Buffer.from(`${start}\u001b`))).toEqual([]);
      expect(input.timeout).toBe(SEQUENCE_TIMEOUT_MS);
      expect(input.feed(Buffer.from('\\x')).map(word)).toEqual(['x']);
      input.feed(Buffer.from(`${start}\u001b`));
      expect(input.flush()).toEqual([]);
    }
  });

  it('is nothing when the rest does not come, and takes nothing that is typed after it', () => {
    for (const start of ['\u001b[', '\u001b[1;', '\u001bO', '\u001b]11;rgb', '\u001bP>|', '\u001b[M ']) {
      const input = new TerminalInput();
      expect(input.feed(Buffer.from(start))).toEqual([]);
      expect(input.timeout).toBe(SEQUENCE_TIMEOUT_MS);
      expect(input.flush()).toEqual([]);
      expect(input.feed(Buffer.from('x\r')).map(word).join('')).toBe('x<return>');
      expect(read(start, '\u0003')).toBe('<ctrl-c>');
      expect(read(start, '\r')).toBe('<return>');
      expect(read(start, '\u001b[A')).toBe('<up>');
    }
  });

  it('is a pasted block that ends by itself, and Ctrl-C leaves meanwhile', () => {
    const input = new TerminalInput();
    expect(input.feed(Buffer.from('\u001b[200~one\rtwo'))).toEqual([]);
    expect(input.timeout).toBe(SEQUENCE_TIMEOUT_MS);
    expect(input.flush().map(word)).toEqual(['[paste: one\rtwo]']);
    expect(input.feed(Buffer.from('\u001b[201~x')).map(word)).toEqual(['x']);
    for (const interrupt of ['\u0003', '\u001b[99;5u', '\u001b[27;5;99~']) {
      expect(read('\u001b[200~one', interrupt)).toBe('[paste: one]<ctrl-c>');
      expect(read(`\u001b[200~one${interrupt}`)).toBe('[paste: one]<ctrl-c>');
    }
    // With its end, it is what was copied from somewhere.
    expect(read('\u001b[200~a\u0003b\u001b[201~')).toBe('[paste: a\u0003b]');
    expect(read('\u001b[200~one \u001b[200~two\u001b[201~')).toBe('[paste: one two]');
  });
});

describe('several lines in one read', () => {
  it('are one text, also where they take more than one read', () => {
    expect(read('one\rtwo\nthree')).toBe('[lines: one\rtwo\nthree]');
    expect(read('one\r\rtwo\r', 'three\r')).toBe('[lines: one\r\rtwo\rthree\r]');
    expect(read('one\rtwo\u0003')).toBe('[lines: one\rtwo]<ctrl-c>');
    const input = new TerminalInput();
    input.feed(Buffer.from('one\rtwo'));
    expect(input.timeout).toBe(LINES_TIMEOUT_MS);
    input.flush();
    // What is typed later is typed.
    expect(input.feed(Buffer.from('\r')).map(word)).toEqual(['<return>']);
  });

  it('are not a line with its end, nor an Enter before one', () => {
    expect(read('one\r')).toBe('one<return>');
    expect(read('one\r\n')).toBe('one<return>');
    expect(read('\rone')).toBe('<return>one');
    expect(read('one\r', 'two\r')).toBe('one<return>two<return>');
  });
});
