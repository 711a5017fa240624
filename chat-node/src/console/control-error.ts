import { P2pChatError, type ProblemDetails } from '@p2p-chat/shared';

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
  /** No control file, or nobody listens where it points. */
  | 'node-not-running'
  /** The connection broke, or no answer came in time. */
  | 'node-silent'
  /** Others can read or write the control file, so its token is no secret. */
  | 'control-file-exposed'
  /** What answered does not speak the control contract. */
  | 'unexpected-answer';

/** The error of a profile for which no node runs. */
export function nodeNotRunning(home: string, cause?: unknown): ConnectionError {
  return new ConnectionError('node-not-running', `No node is running for the profile in ${home}.`, {
    hint: 'Start one with "p2p-chat console" or "p2p-chat daemon", or choose another profile with --user or --home.',
    cause,
  });
}
