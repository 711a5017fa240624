import { isPeerId } from '../peer-id.js';
import { type FileContent, readFileContent } from './file.js';
import {
  MAX_BODY_BYTES,
  MAX_DELETED_VERSIONS,
  MAX_MENTIONS,
  MAX_REACTION_CHARACTERS,
  MAX_REACTIONS_PER_PERSON,
  MAX_SEQ,
} from './limits.js';

const TEXT = new TextEncoder();

/** Names another entry of the same conversation. */
export interface Reference {
  /** Peer id of its author. */
  author: string;
  /** 32 hexadecimal digits. */
  segment: string;
  seq: number;
  /** The second part of its leaf, 64 hexadecimal digits: no other entry is meant, also after a fork. */
  leaf: string;
}

/** A text, as somebody wrote it. */
export interface TextContent {
  kind: 'text';
  /** 1 byte to MAX_BODY_BYTES of UTF-8. */
  body: string;
  /** What it answers. */
  replyTo?: Reference;
  /** Peer ids of those whom it calls. */
  mentions?: string[];
  /** Whether its readers are asked to confirm it. */
  confirm?: true;
}

/** What a text of the same author says from now on. Of several the latest counts, in the order of the conversation. */
export interface EditContent {
  kind: 'edit';
  target: Reference;
  /** As that of a text. */
  body: string;
  mentions?: string[];
}

/** A message is to be erased everywhere. It counts of its author, and of who may decide so in a group. */
export interface DeleteContent {
  kind: 'delete';
  target: Reference;
  /** Its edits, as far as they are known: they are erased with it. */
  versions?: Reference[];
}

/** What its author feels about a message: all of it, in place of what was said before. None takes it back. */
export interface ReactionContent {
  kind: 'reaction';
  target: Reference;
  emoji: string[];
}

/** Its author confirms a message that asks for it. */
export interface ConfirmContent {
  kind: 'confirm';
  target: Reference;
}

/** The author of a message that asks to be confirmed reminds those who have not done so. */
export interface RemindContent {
  kind: 'remind';
  target: Reference;
}

/** What changes another message and is none of its own: it counts as unread nowhere and has no line of its own. */
export type ActionContent = EditContent | DeleteContent | ReactionContent | ConfirmContent | RemindContent;

/** What an entry can hold. A further kind is one more member here, its reader below, its projection and its rendering. */
export type Content = TextContent | FileContent | ActionContent;
export type ContentKind = Content['kind'];

const ACTION_KINDS: ReadonlySet<string> = new Set<ActionContent['kind']>([
  'edit',
  'delete',
  'reaction',
  'confirm',
  'remind',
]);

/** A content as it was read: one of a known kind, of a kind that a later version has, or nothing that can be read. */
export type ReadContent = Content | { kind: 'unknown'; name: string } | { kind: 'unreadable' };

type Fields = Record<string, unknown>;

/** Each gives null where a field is wrong. */
const READERS: { [Kind in ContentKind]: (fields: Fields) => Extract<Content, { kind: Kind }> | null } = {
  text: ({ body, replyTo, mentions, confirm }) => {
    if (!isBody(body) || !isMaybe(replyTo, isReference) || !isMaybe(mentions, isMentions)) return null;
    if (confirm !== undefined && confirm !== true) return null;
    return { kind: 'text', body, ...given({ replyTo, mentions, confirm }) };
  },
  edit: ({ target, body, mentions }) =>
    isReference(target) && isBody(body) && isMaybe(mentions, isMentions)
      ? { kind: 'edit', target, body, ...given({ mentions }) }
      : null,
  file: readFileContent,
  delete: ({ target, versions }) =>
    isReference(target) && isMaybe(versions, isVersions)
      ? { kind: 'delete', target, ...given({ versions }) }
      : null,
  reaction: ({ target, emoji }) =>
    isReference(target) && isEmojiSet(emoji) ? { kind: 'reaction', target, emoji } : null,
  confirm: ({ target }) => (isReference(target) ? { kind: 'confirm', target } : null),
  remind: ({ target }) => (isReference(target) ? { kind: 'remind', target } : null),
};

const SEGMENT = /^[0-9a-f]{32}$/;
const LEAF = /^[0-9a-f]{64}$/;

function isReference(value: unknown): value is Reference {
  if (typeof value !== 'object' || value === null) return false;
  const { author, segment, seq, leaf } = value as Fields;
  if (!isPeerId(author) || typeof segment !== 'string' || !SEGMENT.test(segment)) return false;
  if (typeof leaf !== 'string' || !LEAF.test(leaf)) return false;
  return Number.isSafeInteger(seq) && (seq as number) >= 1 && (seq as number) <= MAX_SEQ;
}

function isMaybe<T>(value: unknown, is: (value: unknown) => value is T): value is T | undefined {
  return value === undefined || is(value);
}

function isListOf<T>(value: unknown, max: number, is: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.length <= max && value.every(is);
}

const isMentions = (value: unknown): value is string[] => isListOf(value, MAX_MENTIONS, isPeerId);
const isVersions = (value: unknown): value is Reference[] =>
  isListOf(value, MAX_DELETED_VERSIONS, isReference);
const isEmojiSet = (value: unknown): value is string[] =>
  isListOf(value, MAX_REACTIONS_PER_PERSON, isEmoji) && new Set(value).size === value.length;

/** Whether it can be one emoji of a reaction: short, and without what moves on a screen. */
export function isEmoji(value: unknown): value is string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_REACTION_CHARACTERS) return false;
  return value.isWellFormed() && !/[\p{Cc}\p{Zs}\p{Zl}\p{Zp}]/u.test(value);
}

function isBody(body: unknown): body is string {
  return typeof body === 'string' && body !== '' && body.isWellFormed() && fits(body);
}

function fits(body: string): boolean {
  // UTF-8 takes at most three bytes for a UTF-16 unit.
  return body.length * 3 <= MAX_BODY_BYTES || TEXT.encode(body).length <= MAX_BODY_BYTES;
}

/** What a search looks at of a content: a text, also of an edit, or the names of files and the words beside them. */
export function searchableText(content: ReadContent): string {
  if (content.kind === 'text' || content.kind === 'edit') return content.body;
  if (content.kind !== 'file') return '';
  return [content.caption ?? '', ...content.files.map(({ name }) => name)].join('\n');
}

/** The fields that have a value. */
function given<T extends object>(fields: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** The JSON text of a content: what is signed. */
export function contentText(content: Content): string {
  return JSON.stringify(content);
}

/** Whether a content changes another message and is none of its own. */
export function isAction(content: ReadContent): content is ActionContent {
  return ACTION_KINDS.has(content.kind);
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
  const fields = value as Fields;
  const { kind } = fields;
  if (typeof kind !== 'string') return { kind: 'unreadable' };
  if (!Object.hasOwn(READERS, kind)) return { kind: 'unknown', name: kind };
  // Written anew it is the same text, or a name stands twice or something else is not as it is written.
  if (JSON.stringify(value) !== text) return { kind: 'unreadable' };
  return READERS[kind as ContentKind](fields) ?? { kind: 'unreadable' };
}
