import stringWidth from 'fast-string-width';
import { theme } from '../theme.js';

/** A key and what it does here. */
export type KeyHelp = readonly [key: string, does: string];

/** The keys as one line; those that find no room are left out. */
export function helpLine(keys: readonly KeyHelp[], width: number): string {
  const parts: string[] = [];
  let used = 0;
  for (const [key, does] of keys) {
    used += stringWidth(key) + 1 + stringWidth(does) + (parts.length > 0 ? 3 : 0);
    if (used > width) break;
    parts.push(`${theme.strong(key)} ${theme.faint(does)}`);
  }
  return parts.join(theme.faint(' · '));
}

/** The keys, one below the other. */
export function helpPage(keys: readonly KeyHelp[]): string[] {
  const width = Math.max(...keys.map(([key]) => stringWidth(key)));
  return [
    theme.strong('Keys'),
    ...keys.map(([key, does]) => `  ${theme.strong(key)}${' '.repeat(width - stringWidth(key))}  ${does}`),
    '',
    theme.faint('Any key goes on.'),
  ];
}
