import { P2pChatError, type ProblemDetails } from '../errors.js';
import type { StreamResult } from '../control/views.js';

/** The node refused a request: its problem details as an error. */
export class ControlError extends P2pChatError {
  /** The HTTP status. */
  readonly status: number;
  /** Of `peer-ambiguous`: who could be meant. */
  readonly choices: { peerId: string; user: string }[];
  /** The fields that were refused, each with the reason. */
  readonly fields: { field: string; reason: string }[];

  constructor(problem: ProblemDetails) {
    super(problem.code, problem.detail, problem.hint === undefined ? {} : { hint: problem.hint });
    this.status = problem.status;
    this.choices = problem.choices ?? [];
    this.fields = problem.errors ?? [];
  }
}

/** The node could not be reached at all, or did not answer as a node does. */
export class ConnectionError extends P2pChatError {
  declare readonly code: ConnectionErrorCode;
  constructor(code: ConnectionErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
export type ConnectionErrorCode =
  /** No control file, or nothing listens where it points. */
  | 'node-not-running'
  /** The connection broke, or no answer came in time. */
  | 'node-silent'
  /** Others can read or write the control file, so its token is no secret. */
  | 'control-file-exposed'
  /** What answered does not speak the control contract. */
  | 'unexpected-answer';

/** A message stream ended half-way. */
export class StreamError extends ControlError {
  constructor(readonly problem: Extract<StreamResult, { error: unknown }>['error']) {
    super({
      type: '',
      title: '',
      status: 422,
      code: problem.code,
      detail: problem.detail,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    });
  }

  /** How many messages were accepted before it. */
  get accepted(): number {
    return this.problem.accepted;
  }
}

/** Whether the node may have done what was asked all the same: the same key again tells. */
export function isUnsettled(error: unknown): boolean {
  if (error instanceof ConnectionError)
    return error.code === 'node-silent' || error.code === 'node-not-running';
  return error instanceof ControlError && error.status >= 500;
}
