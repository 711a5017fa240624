import { errorMessage, type ImportedMessage, parseImportedMessage } from '@p2p-chat/shared';
import { parseExportComment } from './export-comment.js';
import { InputError } from './text-input.js';

/** How Markdown begins, and no line of JSON. */
const MARKDOWN = /^(#|<!--)/;

/**
 * The messages in the lines of an export. Whether it is JSON Lines or Markdown
 * is seen by its first line.
 * @throws {InputError} at a line that is not of an export, naming its number
 */
export async function* readExport(lines: AsyncIterable<string>): AsyncGenerator<ImportedMessage> {
  let format: 'json' | MarkdownReader | undefined;
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    format ??= MARKDOWN.test(line) ? new MarkdownReader() : 'json';
    const message = format === 'json' ? readJson(line, number) : format.read(line, number);
    if (message !== null) yield message;
  }
  if (format instanceof MarkdownReader) format.end(number);
}

function readJson(line: string, number: number): ImportedMessage {
  try {
    return parseImportedMessage(JSON.parse(line));
  } catch (error) {
    throw refused(number, error instanceof SyntaxError ? 'It is not JSON.' : errorMessage(error));
  }
}

/** Takes the messages of the comments; the text around them is for people. */
class MarkdownReader {
  #hasComments = false;
  /** Messages since the last end of an export; undefined behind it. */
  #messages: number | undefined;

  /** @returns null where the line has no message */
  read(line: string, number: number): ImportedMessage | null {
    let found;
    try {
      found = parseExportComment(line);
    } catch (error) {
      throw refused(number, errorMessage(error));
    }
    if (found === null) return null;
    this.#hasComments = true;
    const before = this.#messages ?? 0;
    if (found.type === 'message') {
      this.#messages = before + 1;
      return found.message;
    }
    if (found.messages !== before) {
      throw refused(number, `The export had ${found.messages} messages, and here are ${before}.`);
    }
    this.#messages = undefined;
    return null;
  }

  /** @param number of the last line */
  end(number: number): void {
    if (!this.#hasComments) {
      throw new InputError(
        'This Markdown is for reading only: it has no comments with the messages. Nothing was imported.',
        'Export the conversation again with "p2p-chat export PEER --format json".',
      );
    }
    if (this.#messages !== undefined) throw refused(number, 'The end of the export is missing.');
  }
}

function refused(number: number, why: string): InputError {
  return new InputError(
    `Line ${number}: ${why} Nothing was imported.`,
    'What can be imported is what "p2p-chat export PEER" writes, as it wrote it.',
  );
}
