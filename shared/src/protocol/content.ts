import { type FileContent, readFileContent } from './file.js';
import { MAX_BODY_BYTES } from './limits.js';

const TEXT = new TextEncoder();

/** A text, as somebody wrote it. */
export interface TextContent {
  kind: 'text';
  /** 1 byte to MAX_BODY_BYTES of UTF-8. */
  body: string;
}

/** What an entry can hold. A further kind is one more member here, its reader below, its projection and its rendering. */
export type Content = TextContent | FileContent;
export type ContentKind = Content['kind'];

/** A content as it was read: one of a known kind, of a kind that a later version has, or nothing that can be read. */
export type ReadContent = Content | { kind: 'unknown'; name: string } | { kind: 'unreadable' };

const READERS: Record<ContentKind, (value: Record<string, unknown>) => Content | null> = {
  text: ({ body }) =>
    typeof body === 'string' && body !== '' && body.isWellFormed() && fits(body)
      ? { kind: 'text', body }
      : null,
  file: readFileContent,
};

function fits(body: string): boolean {
  // UTF-8 takes at most three bytes for a UTF-16 unit.
  return body.length * 3 <= MAX_BODY_BYTES || TEXT.encode(body).length <= MAX_BODY_BYTES;
}

/** What a search looks at of a content: a text, or the names of files and the words beside them. */
export function searchableText(content: ReadContent): string {
  if (content.kind === 'text') return content.body;
  if (content.kind !== 'file') return '';
  return [content.caption ?? '', ...content.files.map(({ name }) => name)].join('\n');
}

/** The JSON text of a content: what is signed. */
export function contentText(content: Content): string {
  return JSON.stringify(content);
}

/**
 * Reads the content of an entry. It never fails: a kind that is not known is
 * kept for a later version, and what is no JSON object, lacks a field or names
 * one twice is unreadable.
 */
export function readContent(text: string): ReadContent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'unreadable' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'unreadable' };
  const fields = value as Record<string, unknown>;
  const { kind } = fields;
  if (typeof kind !== 'string') return { kind: 'unreadable' };
  if (!Object.hasOwn(READERS, kind)) return { kind: 'unknown', name: kind };
  // Written anew it is the same text, or a name stands twice or something else is not as it is written.
  if (JSON.stringify(value) !== text) return { kind: 'unreadable' };
  return READERS[kind as ContentKind](fields) ?? { kind: 'unreadable' };
}
