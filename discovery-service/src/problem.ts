import { problemBody, type ProblemContent } from '@p2p-chat/shared';

export { problemBody, type ProblemContent };

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

/** A request with fields that are not as they must be. */
export function invalidRequest(errors: { field: string; reason: string }[]): HttpProblem {
  const fields = errors.map(({ field, reason }) => `${field} ${reason}`).join('; ');
  return new HttpProblem(400, { code: 'request-invalid', detail: `${fields}.`, errors });
}
