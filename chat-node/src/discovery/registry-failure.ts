import { errorCode, errorMessage, P2pChatError, type ProblemDetails } from '@p2p-chat/shared';

export type RegistryFailureCode = 'registry-unreachable' | 'registry-refused' | 'registry-nonsense';

/** A discovery service did not do what it was asked; the message is a sentence for a person. */
export class RegistryFailure extends P2pChatError {
  declare readonly code: RegistryFailureCode;
  /** Of `registry-refused`: what the service said. */
  readonly problem: Partial<ProblemDetails>;
  /** When the service would like to be asked again; 0 where it did not say. */
  readonly retryAfterMs: number;

  constructor(
    code: RegistryFailureCode,
    message: string,
    options: { cause?: unknown; problem?: Partial<ProblemDetails>; retryAfterMs?: number } = {},
  ) {
    super(code, message, options);
    this.problem = options.problem ?? {};
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** Said of a default discovery service that is not there: nobody misses it. */
export const NONE_ASKED_FOR = 'no discovery service runs on this machine, and none was asked for';

/** Whether nobody listens there. */
export function isRefusedConnection(error: unknown): boolean {
  return errorCode(error) === 'ECONNREFUSED';
}

/** What went wrong on the way to a server, as a sentence that says what to look at. */
export function unreachable(url: URL, error: unknown): RegistryFailure {
  return new RegistryFailure('registry-unreachable', sentence(url, error), { cause: error });
}

function sentence(url: URL, error: unknown): string {
  const at = url.origin;
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') return noAnswer(at);
  if (name === 'AnswerTooLargeError')
    return `${at} sent more than a list can have: is it a discovery service?`;
  const code = errorCode(error) ?? '';
  // Of Node's HTTP parser.
  if (code.startsWith('HPE_')) return `${at} does not speak HTTP: is it a discovery service?`;
  switch (code) {
    case 'ECONNREFUSED':
      return `connection refused at ${at}: is the discovery service running there?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${url.hostname} is not known: check DISCOVERY_URLS, or use the address instead`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return `no route to ${at}: is this machine connected to that network?`;
    case 'ETIMEDOUT':
      return noAnswer(at);
    case 'ECONNRESET':
    case 'EPIPE':
      return `${at} closed the connection: is it a discovery service?`;
    default:
      return `${at} cannot be asked: ${errorMessage(error)}`;
  }
}

function noAnswer(at: string): string {
  return `no answer from ${at}: is that machine on, and does no firewall stand between?`;
}
