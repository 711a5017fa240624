import { HttpException } from '@nestjs/common';
import { errorCode, P2pChatError, type ProblemContent } from '@p2p-chat/shared';
import {
  BlobError,
  type BlobErrorCode,
  ChatError,
  type ChatErrorCode,
  StorageError,
  type StorageErrorCode,
} from '../core/errors.js';

/** An error of the control API itself. */
export class ControlApiError extends P2pChatError {
  constructor(
    readonly status: number,
    code: string,
    message: string,
    options: { hint?: string; errors?: { field: string; reason: string }[] } = {},
  ) {
    super(code, message, options);
    this.errors = options.errors;
  }
  readonly errors: { field: string; reason: string }[] | undefined;
}

/** The HTTP answer that an error becomes. */
export interface Problem {
  status: number;
  content: ProblemContent;
}

/** What a client is told of an error that was not foreseen. */
export const INTERNAL_ERROR: ProblemContent = {
  code: 'internal-error',
  detail: 'The node failed to answer.',
  hint: 'Its log says why.',
};

const CHAT_STATUS: Record<ChatErrorCode, number> = {
  'peer-unknown': 404,
  'peer-ambiguous': 409,
  'peer-is-self': 422,
  'peer-blocked': 409,
  'conversation-unknown': 404,
  'not-allowed': 403,
  'not-a-member': 409,
  'not-a-group': 422,
  'group-unknown': 404,
  'group-ambiguous': 409,
  'group-full': 409,
  'roster-full': 409,
  'body-empty': 422,
  'body-too-large': 413,
  'body-malformed': 422,
  'key-reused': 409,
  'key-malformed': 422,
  'message-unknown': 404,
  'message-not-yours': 403,
  'message-deleted': 409,
  'message-imported': 409,
  'message-not-text': 409,
  'reaction-malformed': 422,
  'mention-unknown': 422,
  'confirm-not-asked': 409,
  'search-empty': 422,
  'setting-fixed': 409,
  'files-none': 422,
  'files-too-many': 422,
  'caption-malformed': 422,
  'file-id-unknown': 404,
  'file-not-here': 409,
  'files-refused': 409,
};

const STORAGE_STATUS: Record<StorageErrorCode, number> = {
  'storage-unavailable': 503,
  'storage-full': 507,
  'storage-read-only': 503,
  'storage-corrupt': 500,
  'storage-too-new': 500,
  'storage-too-old': 500,
  'key-taken': 409,
  'storage-in-use': 503,
  'storage-failed': 500,
};

const BLOB_STATUS: Record<BlobErrorCode, number> = {
  'file-unknown': 422,
  'file-unsuitable': 422,
  'file-too-large': 413,
  'file-changed': 409,
  'files-quota': 507,
  'disk-full': 507,
  'folder-read-only': 409,
  'disk-failed': 500,
};

/** Translates what was thrown below a controller; null for an error that was not foreseen. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof ControlApiError) return known(error.status, error, { errors: error.errors });
  if (error instanceof ChatError) {
    return known(CHAT_STATUS[error.code], error, {
      choices: error.choices.length > 0 ? [...error.choices] : undefined,
    });
  }
  if (error instanceof StorageError) return known(STORAGE_STATUS[error.code], error, {});
  if (error instanceof BlobError) return known(BLOB_STATUS[error.code], error, {});
  if (error instanceof HttpException) return ofFramework(error);
  return null;
}

function known(status: number, error: P2pChatError, more: Partial<ProblemContent>): Problem {
  const { code, message: detail, hint } = error;
  return { status, content: { code, detail, ...(hint === undefined ? {} : { hint }), ...more } };
}

// What Nest and Fastify refuse by themselves; their texts are for developers.
function ofFramework(error: HttpException): Problem {
  const status = error.getStatus();
  switch (status) {
    case 404:
      return {
        status,
        content: {
          code: 'route-unknown',
          detail: 'The control API has no such route.',
          hint: 'See /api/docs.',
        },
      };
    case 413:
      return {
        status,
        content: {
          code: 'body-too-large',
          detail: 'The body is larger than any request.',
          hint: 'Send it in parts.',
        },
      };
    case 415:
      return {
        status,
        content: { code: 'content-type-unsupported', detail: 'The body is not application/json.' },
      };
    default:
      return {
        status,
        content: {
          code: 'request-malformed',
          detail: `The request is malformed (${errorCode(error.cause) ?? status}).`,
        },
      };
  }
}
