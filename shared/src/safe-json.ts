// Control, format and unassigned characters, line separators: all that a
// terminal might act upon or that reorders or hides text.
const UNSAFE = /[[\p{C}\p{Z}]--[ ]]/gv;

/**
 * JSON in one line that a terminal shows as it is: characters that could move
 * the cursor, reorder or hide text are written as escapes, so no text is
 * changed for a program that reads it.
 */
export function safeJson(value: unknown): string {
  return safeJsonText(JSON.stringify(value));
}

/** The same for a value that is JSON already. */
export function safeJsonText(json: string): string {
  return json.replace(UNSAFE, (text) =>
    Array.from(
      { length: text.length },
      (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** Lines of a log, of one JSON object each, so that nobody whose words are in it writes to the terminal of who reads it. */
export function safeLogLines(lines: string): string {
  return lines.split('\n').map(safeJsonText).join('\n');
}
