import stringWidth from 'fast-string-width';
import { matchRanges, safeText } from '@p2p-chat/shared';
import { truncate } from './layout.js';

/** Characters before the first match that stay where a long line is cut. */
const LEAD = 24;

/**
 * The line of a text that has the first match of a query, or the first line
 * where none has, in at most `width` cells.
 * @param mark how a match is shown
 */
export function excerpt(body: string, query: string, width: number, mark: (text: string) => string): string {
  const lines = safeText(body)
    .split('\n')
    .filter((one) => one.trim() !== '');
  const line = lines.find((one) => matchRanges(one, query).length > 0) ?? lines[0] ?? '';
  const shown = truncate(fromMatch(line.trim(), query, width), width);
  let marked = '';
  let at = 0;
  for (const { start, end } of matchRanges(shown, query)) {
    marked += shown.slice(at, start) + mark(shown.slice(start, end));
    at = end;
  }
  return marked + shown.slice(at);
}

/** The line, without what stands far before its first match where it does not fit. */
function fromMatch(line: string, query: string, width: number): string {
  if (stringWidth(line) <= width) return line;
  const [first] = matchRanges(line, query);
  if (first === undefined || stringWidth(line.slice(0, first.end)) < width) return line;
  const lead = Math.min(LEAD, Math.floor(width / 3));
  const before = Array.from(line.slice(0, first.start)).slice(-lead).join('');
  return `…${before}${line.slice(first.start)}`;
}
