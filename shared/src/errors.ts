/**
 * An error that a person or a program can act on.
 *
 * `code` is stable and meant for programs (kebab-case), `message` says what
 * happened, `hint` what to do next. Adapters translate operating-system and
 * library errors into one of these at their edge and keep the original as
 * `cause`.
 */
export class P2pChatError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** An error body of an HTTP answer (RFC 9457, `application/problem+json`). */
export interface ProblemDetails {
  /** A URI reference that names the kind of problem; here `urn:p2p-chat:problem:<code>`. */
  type: string;
  title: string;
  status: number;
  /** What went wrong this time. */
  detail: string;
  /** The stable code for programs. */
  code: string;
  /** What to do next. */
  hint?: string;
  /** The fields of the request that were refused, each with the reason. */
  errors?: { field: string; reason: string }[];
  /** Where the problem is an ambiguous peer: who could be meant. */
  choices?: { peerId: string; user: string }[];
  /** The server's clock in milliseconds since 1970, where the problem is a time. */
  now?: number;
  /** The highest sequence number seen, where the problem is a stale one. */
  seq?: number;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** The `type` URI of a problem code. */
export function problemType(code: string): string {
  return `urn:p2p-chat:problem:${code}`;
}

/** The text of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a thrown value (`ECONNREFUSED`, `message-too-large`), if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
