import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import stringWidth from 'fast-string-width';
import { draftOf, edit, EMPTY_DRAFT, isNewline, layoutDraft, type Draft } from './line-editor.js';

function press(draft: Draft, ...keys: (string | { name: string; ctrl?: boolean; meta?: boolean })[]): Draft {
  return keys.reduce<Draft>((now, key) => {
    const press = typeof key === 'string' ? { sequence: key } : key;
    return edit(now, press) ?? now;
  }, draft);
}

describe('the editor', () => {
  it('moves and erases by characters as a person sees them', () => {
    const family = '👨‍👩‍👧';
    const draft = draftOf(`a${family}é`);
    expect(press(draft, { name: 'left' }, { name: 'backspace' }).text).toBe('aé');
    expect(press(draft, { name: 'home' }, { name: 'right' }, { name: 'delete' }).text).toBe('aé');
  });

  it('moves between lines in the same column, and leaves up and down alone where there is no line', () => {
    const draft = draftOf('long line\nab\nthird one');
    const up = press(
      draft,
      { name: 'home' },
      { name: 'right' },
      { name: 'right' },
      { name: 'right' },
      { name: 'up' },
    );
    expect(up.cursor).toBe('long line\nab'.length);
    expect(press(up, { name: 'up' }).cursor).toBe(2);
    expect(edit(draftOf('one'), { name: 'up' })).toBeNull();
    expect(edit(draftOf('one'), { name: 'down' })).toBeNull();
  });

  it('moves and erases word by word with Alt, as shells do', () => {
    const alt = (name: string) => ({ name, meta: true });
    const draft = draftOf('one two three');
    expect(press(draft, alt('b'), alt('left')).cursor).toBe(4);
    expect(press(draft, { name: 'home' }, alt('f'), alt('right')).cursor).toBe(7);
    expect(press(draft, alt('backspace')).text).toBe('one two ');
    expect(press(draft, alt('b'), alt('b'), alt('d')).text).toBe('one  three');
    expect(edit(draft, alt('x'))).toBeNull();
    const ctrl = (name: string) => ({ name, ctrl: true });
    expect(press(draft, ctrl('backspace')).text).toBe('one two ');
    expect(press(draft, alt('b'), ctrl('delete')).text).toBe('one two ');
  });

  it('begins a new line by Ctrl-J, and by Enter with Alt or Shift, as each terminal sends them', () => {
    const newlines = [
      { name: 'enter', sequence: '\n' },
      { name: 'j', ctrl: true },
      { name: 'return', meta: true },
      { name: 'return', shift: true },
    ];
    for (const key of newlines) expect(press(draftOf('one'), key).text).toBe('one\n');
    for (const key of [{ name: 'return' }, { name: 'return', ctrl: true }])
      expect(isNewline(key)).toBe(false);
  });

  it('erases words and parts of lines', () => {
    const draft = draftOf('one\ntwo words');
    expect(press(draft, { name: 'w', ctrl: true }).text).toBe('one\ntwo ');
    expect(press(draft, { name: 'u', ctrl: true }).text).toBe('one\n');
    expect(press(draft, { name: 'a', ctrl: true }, { name: 'k', ctrl: true }).text).toBe('one\n');
    expect(press(draft, { name: 'home' }, { name: 'backspace' }).text).toBe('onetwo words');
  });

  it('writes no keys that are not characters', () => {
    for (const key of [
      { name: 'f5', sequence: '\u001b[15~' },
      { name: 'tab', sequence: '\t' },
      { name: 'x', meta: true, sequence: '\u001bx' },
    ])
      expect(edit(EMPTY_DRAFT, key)).toBeNull();
  });

  it('breaks any text into rows that fit, with the cursor on a cell of its own', () => {
    const text = fc.array(fc.constantFrom('a', ' ', '日', '🎉', '👩‍💻', 'é', '\n', '\t', 'ש'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(text, fc.integer({ min: 4, max: 20 }), fc.nat(), (parts, width, at) => {
        const cursor = parts.slice(0, at % (parts.length + 1)).join('').length;
        const whole = parts.join('');
        const { rows, row, column } = layoutDraft({ text: whole, cursor }, width);
        for (const one of rows) expect(stringWidth(one)).toBeLessThanOrEqual(width);
        expect(rows.join('')).toBe(whole.replaceAll('\n', '').replaceAll('\t', '    '));
        expect(column).toBeLessThan(width);
        expect(column).toBeLessThanOrEqual(stringWidth(rows[row] ?? ''));
      }),
    );
  });
});
