import { createHash } from 'node:crypto';
import {
  type ImportedMessage,
  type MessageView,
  P2pChatError,
  parseImportedMessage,
  safeJson,
} from '@p2p-chat/shared';

/** What a Markdown export has for `import` alone: a message, or how many there were. */
export type ExportComment = { type: 'message'; message: ImportedMessage } | { type: 'end'; messages: number };

const START = '<!--';
const END = '-->';
const COMMENT = /^<!-- p2p-chat (message|end) (\S+) (\{.*\}) -->$/u;
/** Hexadecimal digits of the checksum: it is against slips of an editor, not against forgers. */
const CHECKSUM_DIGITS = 16;

/**
 * A message with all that its text does not show, as a line that Markdown does
 * not show. No text in it can end the comment early.
 */
export function messageComment(message: MessageView): string {
  return comment('message', message);
}

/** The comment that ends an export, so that one sees where messages are missing. */
export function endComment(messages: number): string {
  return comment('end', { messages });
}

/**
 * Reads a line of a Markdown export. The text of an export has `<` and `>`
 * only behind a backslash, so what looks like a comment is one.
 * @returns null where the line has no comment
 * @throws {P2pChatError} `import-malformed` where the comment is not as `export` wrote it
 */
export function parseExportComment(line: string): ExportComment | null {
  if (!line.includes(START) && !line.includes(END)) return null;
  const [, type, sum, json] = COMMENT.exec(line) ?? [];
  if (type === undefined || json === undefined || sum !== checksum(type, json)) {
    throw new P2pChatError('import-malformed', 'This comment is not as export wrote it.');
  }
  const value: unknown = JSON.parse(json);
  if (type === 'message') return { type, message: parseImportedMessage(value) };
  return { type: 'end', messages: (value as { messages: number }).messages };
}

function comment(type: ExportComment['type'], value: object): string {
  // In JSON these stand in strings alone, where an escape means the same.
  const json = safeJson(value).replace(
    /[<>]|(?<=-)-/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
  return `${START} p2p-chat ${type} ${checksum(type, json)} ${json} ${END}`;
}

function checksum(type: string, json: string): string {
  return createHash('sha256').update(`${type} ${json}`).digest('hex').slice(0, CHECKSUM_DIGITS);
}
