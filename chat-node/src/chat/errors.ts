import { P2pChatError } from '@p2p-chat/shared/errors';

/** What the core refuses, each with a code that programs can rely on. */
export class ChatError extends P2pChatError {
  declare readonly code: ChatErrorCode;
  constructor(
    code: ChatErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown; choices?: { peerId: string; user: string }[] } = {},
  ) {
    super(code, message, options);
    this.choices = options.choices ?? [];
  }
  /** Of `peer-ambiguous`: who could be meant. */
  readonly choices: { peerId: string; user: string }[];
}
export type ChatErrorCode =
  | 'peer-unknown'
  | 'peer-ambiguous'
  | 'peer-is-self'
  | 'peer-blocked'
  | 'body-empty'
  | 'body-too-large'
  | 'body-malformed'
  | 'message-unknown'
  | 'search-empty'
  | 'setting-fixed';

/**
 * A repository could not do what was asked; nothing of the call was done.
 * `storage-unavailable`, `storage-full` and `storage-read-only` may pass by
 * themselves; the others need a person.
 */
export class StorageError extends P2pChatError {
  declare readonly code: StorageErrorCode;
  constructor(code: StorageErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
export type StorageErrorCode =
  | 'storage-unavailable'
  | 'storage-full'
  | 'storage-read-only'
  | 'storage-corrupt'
  | 'storage-too-new'
  | 'storage-in-use'
  | 'storage-failed';
