import { errorCode, errorMessage, P2pChatError, ProtocolError } from '@p2p-chat/shared';

export type TransportErrorCode =
  /** Nobody answers there: refused, no route, timed out. */
  | 'peer-unreachable'
  /** Somebody else answers there. */
  | 'peer-identity-wrong'
  /** The far end is this node itself. */
  | 'peer-is-self'
  /** What answers there does not speak TLS 1.3 with a key of its own. */
  | 'tls-failed'
  /** The far end did not finish its hello in time. */
  | 'handshake-timeout'
  /** Small packets come and go, and large ones do not; told by a diagnosis alone. */
  | 'large-packets-lost'
  /** The far end closed the link with an error; its code and words are in the message. */
  | 'peer-refused'
  /** The far end is no contact, and this node takes links of contacts only. */
  | 'stranger-refused'
  /** The far end broke the protocol; the cause is a ProtocolError. */
  | 'protocol-error'
  /** The port of the gateway cannot be listened on. */
  | 'port-taken'
  | 'port-forbidden'
  /** No more links can be opened. */
  | 'link-limit'
  /** The node is stopping, or the caller gave up. */
  | 'aborted';

/** A link could not be opened or did not last. */
export class TransportError extends P2pChatError {
  declare readonly code: TransportErrorCode;
  constructor(code: TransportErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EACCES',
  'EPERM',
]);

/** Translates what a socket threw while a link was being opened. */
export function toTransportError(error: unknown, where: string): TransportError {
  if (error instanceof TransportError) return error;
  if (error instanceof ProtocolError) {
    return new TransportError('protocol-error', `${where} broke the protocol: ${error.message}`, {
      cause: error,
    });
  }
  const code = errorCode(error);
  if (code !== undefined && UNREACHABLE.has(code)) {
    return new TransportError('peer-unreachable', `Nobody answers at ${where} (${code}).`, {
      hint: 'The other node may be off, or a firewall may be in between.',
      cause: error,
    });
  }
  return new TransportError('tls-failed', `No secure link to ${where}: ${code ?? errorMessage(error)}.`, {
    cause: error,
  });
}
