import { STATUS_CODES } from 'node:http';
import { PROBLEM_CONTENT_TYPE, type ProblemDetails, problemType } from './errors.js';

/** What an error says to an HTTP client, besides its status. */
export type ProblemContent = Omit<ProblemDetails, 'type' | 'title' | 'status'>;

/** The body of an HTTP error (RFC 9457), as JSON. */
export function problemBody(status: number, content: ProblemContent): string {
  const { code, detail, ...more } = content;
  const problem: ProblemDetails = {
    type: problemType(code),
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
    ...more,
  };
  return JSON.stringify(problem);
}

/**
 * The whole answer to what is no HTTP request, as bytes for its socket: it
 * never becomes a request, so no framework answers it.
 * @param code of the error that Node's parser gave (`HPE_…`)
 */
export function brokenRequestAnswer(code: string | undefined): string {
  const [status, content] = brokenRequest(code);
  const body = problemBody(status, content);
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    `Content-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    `Connection: close\r\n\r\n${body}`
  );
}

function brokenRequest(code: string | undefined): [number, ProblemContent] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return [431, { code: 'headers-too-large', detail: 'The headers are too large.' }];
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, { code: 'request-timeout', detail: 'The request did not arrive in time.' }];
    default:
      return [400, { code: 'request-malformed', detail: 'This is not an HTTP request.' }];
  }
}

/** Whether a request's `Content-Encoding` says that its body is compressed. */
export function isEncoded(header: string | undefined): boolean {
  return header !== undefined && !['', 'identity'].includes(header.trim().toLowerCase());
}

/** Response header that tells a proxy to pass a stream on as it comes: `no`. */
export const UNBUFFERED_HEADER = 'x-accel-buffering';
