import { InputError } from './text-input.js';

/** Far more than a line of an export has, and no burden to keep. */
const MAX_LINE_CHARACTERS = 1024 * 1024;

/**
 * The lines of a text file in UTF-8, with or without a byte order mark; they
 * end with LF or CRLF.
 * @throws {InputError} where it is not UTF-8, and where it is UTF-16
 */
export async function* readTextLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // It leaves the byte order mark out.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let isFirst = true;
  let rest = '';
  for await (const chunk of bytes) {
    if (isFirst) requireNoUtf16(chunk);
    isFirst = false;
    const lines = (rest + decode(() => decoder.decode(chunk, { stream: true }))).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw refused('It has lines that are too long for an export.');
    for (const line of lines) yield withoutReturn(line);
  }
  rest += decode(() => decoder.decode());
  if (rest !== '') yield withoutReturn(rest);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function decode(text: () => string): string {
  try {
    return text();
  } catch {
    throw refused('It is not text in UTF-8.');
  }
}

/** Half of the bytes of Latin letters in UTF-16 are zero; in UTF-8 none is. */
function requireNoUtf16([first, second]: Uint8Array): void {
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (hasMark || first === 0 || second === 0) throw refused('It is UTF-16.');
}

function refused(why: string): InputError {
  return new InputError(`${why} Nothing was imported.`, 'Save it as UTF-8, as "p2p-chat export" writes it.');
}
