import {
  contentText,
  hasVisibleText,
  MAX_BODY_BYTES,
  MAX_CONTENT_BYTES,
  type TextContent,
} from '@p2p-chat/shared';
import { ChatError } from '../errors.js';

const UTF8 = new TextEncoder();
/** The most that a UTF-16 unit takes: three bytes in UTF-8, six where JSON escapes it. */
const MAX_BYTES_PER_UNIT = 6;

/**
 * The content of a text message.
 * @throws {ChatError} `body-empty`, `body-too-large` or `body-malformed`
 */
export function textContent(body: string, more: Omit<TextContent, 'kind' | 'body'> = {}): string {
  checkBody(body);
  return contentText({ kind: 'text', body, ...more });
}

/**
 * Checks one body.
 * @throws {ChatError} `body-empty`, `body-too-large` or `body-malformed`
 */
export function checkBody(body: string): void {
  if (!body.isWellFormed()) {
    throw new ChatError('body-malformed', 'The message holds half a character (a lone surrogate).', {
      hint: 'Send it as valid UTF-8.',
    });
  }
  if (!hasVisibleText(body)) {
    throw new ChatError('body-empty', 'A message needs some text.', {
      hint: 'Write something and send it again.',
    });
  }
  if (body.length * MAX_BYTES_PER_UNIT <= MAX_BODY_BYTES) return;
  const isTooLarge =
    UTF8.encode(body).length > MAX_BODY_BYTES ||
    // Control characters take six bytes each in JSON.
    UTF8.encode(contentText({ kind: 'text', body })).length > MAX_CONTENT_BYTES;
  if (isTooLarge) {
    throw new ChatError('body-too-large', `A message has at most ${MAX_BODY_BYTES / 1024} KiB.`, {
      hint: 'Send it in parts.',
    });
  }
}
