import { STATUS_CODES } from 'node:http';
import { type ProblemDetails, problemType } from '@p2p-chat/shared';

/** What an error says to a client, besides its status. */
export interface ProblemContent extends Pick<ProblemDetails, 'hint' | 'errors' | 'now' | 'seq'> {
  code: string;
  detail: string;
}

/** An answer that an error becomes: thrown anywhere below the controllers, sent by the filter. */
export class HttpProblem extends Error {
  constructor(
    readonly status: number,
    readonly content: ProblemContent,
    /** Further response headers. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(content.detail);
    this.name = 'HttpProblem';
  }
}

/** The body of an error (RFC 9457). */
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

/** A request with fields that are not as they must be. */
export function invalidRequest(errors: { field: string; reason: string }[]): HttpProblem {
  const fields = errors.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return new HttpProblem(400, { code: 'request-invalid', detail: `${fields}.`, errors });
}
