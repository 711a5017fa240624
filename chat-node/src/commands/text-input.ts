import { hasVisibleText, MAX_BODY_BYTES, P2pChatError } from '@p2p-chat/shared';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What was given to send is not a message. */
export class InputError extends P2pChatError {
  declare readonly code: 'invalid-input';
  constructor(message: string, hint?: string) {
    super('invalid-input', message, hint === undefined ? {} : { hint });
  }
}

/**
 * All of a stream as one message, without the newlines at its end.
 * @throws {InputError} where it is empty, too large, or not UTF-8 text
 */
export async function readMessage(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    size += bytes.length;
    // Trailing newlines do not count, but somebody must stop reading somewhere.
    if (size > 2 * MAX_BODY_BYTES) throw tooLarge('The input');
  }
  return checkMessage(decode(Buffer.concat(chunks), 'The input'));
}

/**
 * A text as one message, without the newlines at its end.
 * @throws {InputError} where it is empty or too large, or has a NUL
 */
export function checkMessage(text: string): string {
  const body = text.replace(/[\r\n]+$/, '');
  if (!hasVisibleText(body)) throw new InputError('There is nothing to send: the message is empty.');
  if (body.includes('\0')) throw binary('The message');
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) throw tooLarge('The message');
  return body;
}

/**
 * The lines of a stream, those of one chunk together, with bounded memory.
 * Lines that show nothing are left out; a line ends with LF or CRLF, the last one
 * also with the stream.
 * @throws {InputError} at a line that is too large or not UTF-8 text, naming its number; the lines before it were given
 */
export async function* readLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<string[]> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, Buffer.from(chunk)]);
    const lines: string[] = [];
    let start = 0;
    let error: unknown;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      number += 1;
      try {
        take(lines, bytes.subarray(start, end), number);
      } catch (caught) {
        error = caught;
        break;
      }
      start = end + 1;
    }
    if (lines.length > 0) yield lines;
    if (error !== undefined) throw error as InputError;
    rest = bytes.subarray(start);
    if (rest.length > MAX_BODY_BYTES + 1) throw tooLarge(`Line ${number + 1}`);
  }
  const last: string[] = [];
  take(last, rest, number + 1);
  if (last.length > 0) yield last;
}

function take(lines: string[], line: Buffer, number: number): void {
  const bytes = line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge(`Line ${number}`);
  const text = decode(bytes, `Line ${number}`);
  if (hasVisibleText(text)) lines.push(text);
}

function decode(bytes: Buffer, what: string): string {
  if (bytes.includes(0)) throw binary(what);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw binary(what);
  }
}

function binary(what: string): InputError {
  return new InputError(
    `${what} is not text in UTF-8.`,
    'Only text can be sent; encode other data first, e.g. with base64.',
  );
}

function tooLarge(what: string): InputError {
  return new InputError(
    `${what} is larger than a message may be (${MAX_BODY_BYTES} bytes).`,
    'Split it, or send each line as a message of its own with --lines.',
  );
}
