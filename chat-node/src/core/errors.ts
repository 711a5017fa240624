import { P2pChatError } from '@p2p-chat/shared/errors';

/** Somebody or something that could be meant by an ambiguous word. */
export interface Choice {
  peerId: string;
  user: string;
}

/** What the core refuses, each with a code that programs can rely on. */
export class ChatError extends P2pChatError {
  declare readonly code: ChatErrorCode;
  /** Of `peer-ambiguous`: who could be meant. */
  readonly choices: readonly Choice[];

  constructor(
    code: ChatErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; choices?: readonly Choice[] } = {},
  ) {
    super(code, message, options);
    this.choices = options.choices ?? [];
  }
}
export type ChatErrorCode =
  | 'peer-unknown'
  | 'peer-ambiguous'
  | 'peer-is-self'
  | 'peer-blocked'
  | 'conversation-unknown'
  /** The roster does not let this person do that, as it is. */
  | 'not-allowed'
  | 'not-a-member'
  | 'not-a-group'
  | 'group-unknown'
  | 'group-ambiguous'
  | 'group-full'
  | 'roster-full'
  | 'body-empty'
  | 'body-too-large'
  | 'body-malformed'
  /** The key was used in this conversation for another message. */
  | 'key-reused'
  | 'key-malformed'
  | 'message-unknown'
  /** Only its author may do that. */
  | 'message-not-yours'
  | 'message-deleted'
  /** It is known from an import only, so nothing that is sent can name it. */
  | 'message-imported'
  | 'message-not-text'
  | 'reaction-malformed'
  | 'mention-unknown'
  /** The message does not ask for a confirmation. */
  | 'confirm-not-asked'
  | 'search-empty'
  | 'files-none'
  | 'files-too-many'
  | 'caption-malformed'
  | 'file-id-unknown'
  /** It was not fetched yet. */
  | 'file-not-here'
  /** The person here has set that they are never fetched. */
  | 'files-refused'
  | 'setting-fixed';

/**
 * The storage could not do what was asked. `storage-unavailable`,
 * `storage-full` and `storage-read-only` may pass by themselves; the others
 * need a person.
 */
export class StorageError extends P2pChatError {
  declare readonly code: StorageErrorCode;
  /** Of a write: `none` where nothing of it was done, `unknown` where it may have been. */
  readonly outcome: 'none' | 'unknown';

  constructor(
    code: StorageErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; outcome?: 'none' | 'unknown' } = {},
  ) {
    super(code, message, options);
    this.outcome = options.outcome ?? 'none';
  }
}
export type StorageErrorCode =
  | 'storage-unavailable'
  | 'storage-full'
  | 'storage-read-only'
  | 'storage-corrupt'
  /** The database was made by a newer version. */
  | 'storage-too-new'
  /** The database is of the form before version 1, which this program does not read. */
  | 'storage-too-old'
  | 'storage-in-use'
  /** A client's key is in the conversation already. */
  | 'key-taken'
  | 'storage-failed';

/** A file could not be read, kept or put where it was to be. */
export class BlobError extends P2pChatError {
  declare readonly code: BlobErrorCode;

  constructor(code: BlobErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
export type BlobErrorCode =
  /** There is no such path. */
  | 'file-unknown'
  /** It is neither a file nor a folder, or may not be read. */
  | 'file-unsuitable'
  | 'file-too-large'
  /** It was changed while it was read, or since it was offered. */
  | 'file-changed'
  /** What is kept for others would exceed what it may. */
  | 'files-quota'
  | 'disk-full'
  | 'folder-read-only'
  | 'disk-failed';
