import stringWidth from 'fast-string-width';
import { wrapAnsi } from 'fast-wrap-ansi';

/** The size of a terminal in character cells. */
export interface Size {
  columns: number;
  rows: number;
}

/** Of a terminal that does not say how large it is. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

/** The size of a terminal. Some say 0 until they know; then it is 80 columns and 24 rows. */
export function sizeOf({ columns, rows }: Partial<Size>): Size {
  return columns !== undefined && columns > 0 && rows !== undefined && rows > 0
    ? { columns, rows }
    : DEFAULT_SIZE;
}

/**
 * Breaks text into lines of at most `width` cells: at spaces where there are
 * any, inside long words elsewhere. Spaces at the start of the text stay; the
 * one at which a line was broken goes.
 */
export function wrap(text: string, width: number): string[] {
  return breakText(text, width).map((row) => row.text);
}

/** As {@link wrap}, with the place in the text (NFC, of one line) at which each row starts. */
export function breakText(text: string, width: number): { text: string; start: number }[] {
  let at = 0;
  return wrapAnsi(text, Math.max(1, width), { hard: true, trim: false })
    .split('\n')
    .map((line, i) => {
      const gone = i > 0 && line.startsWith(' ') ? 1 : 0;
      const row = { text: line.slice(gone), start: at + gone };
      at += line.length;
      return row;
    });
}

/** Cuts a line to `width` cells, with `…` where something was cut. The line has no colours yet. */
export function truncate(line: string, width: number): string {
  if (stringWidth(line) <= width) return line;
  let cut = '';
  let used = 1;
  for (const { segment } of new Intl.Segmenter().segment(line)) {
    used += stringWidth(segment);
    if (used > width) break;
    cut += segment;
  }
  return width < 1 ? '' : `${cut}…`;
}

/** Fills a line with spaces up to `width` cells. */
export function pad(line: string, width: number): string {
  return line + ' '.repeat(Math.max(0, width - stringWidth(line)));
}

/** Two texts at both ends of a line; the right one is left out where there is no room. */
export function spread(left: string, right: string, width: number): string {
  const gap = width - stringWidth(left) - stringWidth(right);
  return gap < 2 ? left : left + ' '.repeat(gap) + right;
}
