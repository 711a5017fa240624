import type { Key } from 'node:readline';
import stringWidth from 'fast-string-width';
import { safeLine } from '@p2p-chat/shared';
import { PASTE } from './keyboard.js';

/** Text that is being written, of one or more lines, and the cursor as an offset in it. */
export interface Draft {
  readonly text: string;
  readonly cursor: number;
}

export const EMPTY_DRAFT: Draft = { text: '', cursor: 0 };

/** A draft with the cursor at its end. */
export function draftOf(text: string): Draft {
  return { text, cursor: text.length };
}

const TAB = '    ';
// Everything but the newline and the tab: what a terminal would obey.
// eslint-disable-next-line no-control-regex -- control characters are what this removes
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/gu;

/**
 * The draft after a key. Ctrl-J, Alt-Enter and Shift-Enter begin a new line; a pasted block
 * goes in as it is, without control characters.
 * @returns null where the key writes nothing and moves nothing
 */
export function edit(draft: Draft, key: Key): Draft | null {
  const { text, cursor } = draft;
  const { start, end } = lineAt(text, cursor);
  if (isNewline(key)) return insert(draft, '\n');
  if (key.name === PASTE)
    return insert(draft, (key.sequence ?? '').replace(/\r\n?/gu, '\n').replace(CONTROL, ''));
  switch (`${key.ctrl === true ? 'ctrl-' : key.meta === true ? 'alt-' : ''}${key.name ?? ''}`) {
    case 'left':
    case 'ctrl-b':
      return { text, cursor: before(text, cursor) };
    case 'right':
    case 'ctrl-f':
      return { text, cursor: after(text, cursor) };
    case 'ctrl-left':
    case 'alt-left':
    case 'alt-b':
      return { text, cursor: wordStart(text, cursor) };
    case 'ctrl-right':
    case 'alt-right':
    case 'alt-f':
      return { text, cursor: wordEnd(text, cursor) };
    case 'home':
    case 'ctrl-a':
      return { text, cursor: start };
    case 'end':
    case 'ctrl-e':
      return { text, cursor: end };
    case 'backspace':
    case 'ctrl-h':
      return cut(draft, before(text, cursor), cursor);
    case 'delete':
      return cut(draft, cursor, after(text, cursor));
    case 'ctrl-w':
    case 'alt-backspace':
    case 'ctrl-backspace':
      return cut(draft, wordStart(text, cursor), cursor);
    case 'alt-d':
    case 'ctrl-delete':
    case 'alt-delete':
      return cut(draft, cursor, wordEnd(text, cursor));
    case 'ctrl-u':
      return cut(draft, start, cursor);
    case 'ctrl-k':
      return cut(draft, cursor, end);
    case 'up':
      return start === 0 ? null : { text, cursor: sameColumn(text, draft, lineAt(text, start - 1)) };
    case 'down':
      return end === text.length ? null : { text, cursor: sameColumn(text, draft, lineAt(text, end + 1)) };
  }
  return isTyped(key) ? insert(draft, key.sequence ?? '') : null;
}

/** Whether the key begins a new line in the text, instead of sending it. */
export function isNewline(key: Key): boolean {
  const isHeld = key.meta === true || key.shift === true;
  if (isHeld && (key.name === 'return' || key.name === 'enter')) return true;
  return key.ctrl === true ? key.name === 'j' : key.name === 'enter' && key.sequence === '\n';
}

/** Whether the key is a character that is written. */
export function isTyped(key: Key): boolean {
  const { sequence } = key;
  if (key.ctrl === true || key.meta === true || sequence === undefined || sequence === '') return false;
  return sequence.replace(CONTROL, '') === sequence && sequence !== '\t' && sequence !== '\n';
}

/** A draft as rows of at most `width` cells, and where the cursor is among them. */
export interface DraftLayout {
  rows: string[];
  row: number;
  column: number;
}

/** Breaks a draft into rows; a character of two cells is never broken, and the cursor always has a cell. */
export function layoutDraft({ text, cursor }: Draft, width: number): DraftLayout {
  const rows: string[] = [];
  let [row, column] = [0, 0];
  let offset = 0;
  for (const line of text.split('\n')) {
    let [shown, used] = ['', 0];
    for (const { segment } of segments(line)) {
      const cell = segment === '\t' ? TAB : safeLine(segment);
      const cells = stringWidth(cell);
      if (used + cells > width && used > 0) {
        rows.push(shown);
        [shown, used] = ['', 0];
      }
      if (offset <= cursor) [row, column] = [rows.length, used];
      shown += cell;
      used += cells;
      offset += segment.length;
    }
    rows.push(shown);
    if (offset === cursor) {
      [row, column] = [rows.length - 1, used];
      if (used >= width) {
        rows.push('');
        [row, column] = [row + 1, 0];
      }
    }
    // The newline.
    offset += 1;
  }
  return { rows, row, column };
}

const SEGMENTER = new Intl.Segmenter();
// eslint-disable-next-line no-control-regex -- all of ASCII
const ASCII = /^[\u0000-\u007f]*$/u;

function segments(text: string): Iterable<{ segment: string }> {
  // A pasted log has thousands of characters and none that need a segmenter.
  return ASCII.test(text) ? [...text].map((segment) => ({ segment })) : SEGMENTER.segment(text);
}

function insert({ text, cursor }: Draft, added: string): Draft {
  return { text: text.slice(0, cursor) + added + text.slice(cursor), cursor: cursor + added.length };
}

function cut({ text }: Draft, from: number, to: number): Draft {
  return { text: text.slice(0, from) + text.slice(to), cursor: from };
}

function lineAt(text: string, cursor: number): { start: number; end: number } {
  const end = text.indexOf('\n', cursor);
  return {
    start: cursor === 0 ? 0 : text.lastIndexOf('\n', cursor - 1) + 1,
    end: end < 0 ? text.length : end,
  };
}

/** Text without its last character, as a person sees characters. */
export function withoutLastCharacter(text: string): string {
  return text.slice(0, before(text, text.length));
}

/** Where the character before the cursor begins, as a person sees characters. */
function before(text: string, cursor: number): number {
  const { start } = lineAt(text, cursor);
  if (start === cursor) return Math.max(0, cursor - 1);
  const last = [...segments(text.slice(start, cursor))].at(-1);
  return cursor - (last?.segment.length ?? 0);
}

function after(text: string, cursor: number): number {
  const { end } = lineAt(text, cursor);
  if (end === cursor) return Math.min(text.length, cursor + 1);
  const [first] = segments(text.slice(cursor, end));
  return cursor + (first?.segment.length ?? 0);
}

function wordStart(text: string, cursor: number): number {
  return cursor - (/\S*\s*$/u.exec(text.slice(0, cursor))?.[0].length ?? 0);
}

function wordEnd(text: string, cursor: number): number {
  return cursor + (/^\s*\S*/u.exec(text.slice(cursor))?.[0].length ?? 0);
}

function sameColumn(text: string, draft: Draft, line: { start: number; end: number }): number {
  const wanted = [...segments(text.slice(lineAt(text, draft.cursor).start, draft.cursor))].length;
  let offset = line.start;
  for (const { segment } of [...segments(text.slice(line.start, line.end))].slice(0, wanted))
    offset += segment.length;
  return offset;
}
