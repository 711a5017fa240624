import { blocksOf, type Environment, type Mark, partsOf, Settings } from '@p2p-chat/shared';
import { theme } from './theme.js';

/**
 * Whether texts are shown with their marks, by `P2P_CHAT_FORMATTING` (`on`, the default; `off`).
 * @throws {SettingError} where it is neither
 */
export function isFormatting(env: Environment): boolean {
  return new Settings(env).switch('P2P_CHAT_FORMATTING') ?? true;
}

/**
 * The lines of a text with `*bold*`, `_italic_`, `` `code` `` and fenced blocks
 * as they look. The marks stay, so that nobody mistakes what was written, and
 * no line gets longer or shorter.
 * @param wrap divides a line of the text into lines of the screen
 */
export function formatted(text: string, wrap: (line: string) => string[]): string[] {
  return blocksOf(text).flatMap(({ lines, fenced }) => {
    const rows = lines.flatMap(wrap);
    return rows.map((row) => (fenced ? theme.active(row) : inline(row)));
  });
}

function inline(line: string): string {
  // What is code is as it is: no mark counts in it.
  return styled(line, 'code', theme.active, (rest) =>
    styled(styled(rest, 'bold', theme.strong), 'italic', theme.italic),
  );
}

function styled(
  line: string,
  mark: Mark,
  style: (text: string) => string,
  between: (text: string) => string = (text) => text,
): string {
  return partsOf(line, mark)
    .map(({ text, marked }) => (marked ? style(text) : between(text)))
    .join('');
}
