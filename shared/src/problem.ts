import { STATUS_CODES } from 'node:http';
import { type ProblemDetails, problemType } from './errors.js';

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
