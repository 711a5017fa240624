import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import { PROBLEM_CONTENT_TYPE, problemBody } from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { INTERNAL_ERROR, problemOf } from './problem.js';

/** DI token of the log. */
export const LOGGER = Symbol('Logger');

interface Logger {
  error(fields: Record<string, unknown>, message: string): void;
}

/** Answers every error as a problem (RFC 9457). One that was not foreseen is logged, and its text is not told. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    // A request that was broken off gets no answer, and no line of the log.
    if (http.getRequest<FastifyRequest>().raw.aborted) return;
    const problem = problemOf(error) ?? { status: 500, content: INTERNAL_ERROR };
    if (problem.status === 500) {
      const { method, url } = http.getRequest<FastifyRequest>();
      this.logger.error({ err: error, method, url }, 'request failed');
    }
    if (reply.sent) return;
    // What a stranger goes on sending is not read to its end.
    if (problem.status === 401 || problem.status === 403) void reply.header('connection', 'close');
    void reply
      .code(problem.status)
      .header('content-type', PROBLEM_CONTENT_TYPE)
      .send(problemBody(problem.status, problem.content));
  }
}
