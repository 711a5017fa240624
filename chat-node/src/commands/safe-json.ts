// Control, format and unassigned characters, line separators: all that a
// terminal might act upon or that reorders or hides text.
const UNSAFE = /[[\p{C}\p{Z}]--[ ]]/gv;

/**
 * JSON in one line that a terminal shows as it is: characters that could move
 * the cursor, reorder or hide text are written as escapes, so no text is
 * changed for a program that reads it.
 */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (text) =>
    Array.from(
      { length: text.length },
      (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
