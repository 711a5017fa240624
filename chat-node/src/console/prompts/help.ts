import stringWidth from 'fast-string-width';
import { theme } from '../theme.js';

/** A key and what it does here. */
export type KeyHelp = readonly [key: string, does: string];

/** The keys as one line; those that find no room are left out. */
export function helpLine(keys: readonly KeyHelp[], width: number): string {
  return helpRows(keys, width)[0] ?? '';
}

/** The keys, in as many rows as they take. */
export function helpRows(keys: readonly KeyHelp[], width: number): string[] {
  const rows: string[][] = [];
  let used = Infinity;
  for (const [key, does] of keys) {
    const takes = stringWidth(key) + 1 + stringWidth(does);
    if (used + 3 + takes > width) {
      rows.push([]);
      used = -3;
    }
    used += 3 + takes;
    rows.at(-1)?.push(`${theme.strong(key)} ${theme.faint(does)}`);
  }
  return rows.map((row) => row.join(theme.faint(' · ')));
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
