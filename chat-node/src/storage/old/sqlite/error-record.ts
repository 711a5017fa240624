import { errorMessage } from '@p2p-chat/shared/errors';
import { ChatError, type ChatErrorCode, StorageError, type StorageErrorCode } from '../../../chat/errors.js';

/** An error as it crosses the thread boundary: classes and stacks do not survive it. */
export interface ErrorRecord {
  kind: 'storage' | 'chat';
  code: string;
  message: string;
  hint: string | undefined;
  /** The text of what the database said. */
  cause: string | undefined;
}

/** Packs an error for the other thread. */
export function packError(error: StorageError | ChatError): ErrorRecord {
  return {
    kind: error instanceof ChatError ? 'chat' : 'storage',
    code: error.code,
    message: error.message,
    hint: error.hint,
    cause: error.cause === undefined ? undefined : errorMessage(error.cause),
  };
}

/** The error that {@link packError} packed, as one of this thread. */
export function unpackError(record: ErrorRecord): StorageError | ChatError {
  const options = {
    ...(record.hint === undefined ? {} : { hint: record.hint }),
    ...(record.cause === undefined ? {} : { cause: new Error(record.cause) }),
  };
  return record.kind === 'chat'
    ? new ChatError(record.code as ChatErrorCode, record.message, options)
    : new StorageError(record.code as StorageErrorCode, record.message, options);
}
