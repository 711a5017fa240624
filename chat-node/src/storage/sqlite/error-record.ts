import { errorMessage } from '@p2p-chat/shared/errors';
import { ChatError, type ChatErrorCode, StorageError, type StorageErrorCode } from '../../core/errors.js';

/** An error as it crosses the thread boundary: classes and stacks do not survive it. */
export interface ErrorRecord {
  kind: 'storage' | 'chat';
  code: string;
  message: string;
  hint: string | undefined;
  outcome: StorageError['outcome'];
  /** The text of what the database said. */
  cause: string | undefined;
}

/**
 * Packs an error for the other thread.
 * @param outcome of the write that failed, where it is not that of the error
 */
export function packError(error: StorageError | ChatError, outcome?: StorageError['outcome']): ErrorRecord {
  return {
    kind: error instanceof ChatError ? 'chat' : 'storage',
    code: error.code,
    message: error.message,
    hint: error.hint,
    outcome: outcome ?? (error instanceof StorageError ? error.outcome : 'none'),
    cause: error.cause === undefined ? undefined : errorMessage(error.cause),
  };
}

/** The error that {@link packError} packed, as one of this thread. */
export function unpackError({ kind, code, message, hint, outcome, cause }: ErrorRecord): Error {
  const options = {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  };
  return kind === 'chat'
    ? new ChatError(code as ChatErrorCode, message, options)
    : new StorageError(code as StorageErrorCode, message, { ...options, outcome });
}
