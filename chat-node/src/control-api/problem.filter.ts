import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import { PROBLEM_CONTENT_TYPE, problemBody } from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../runtime/logger.js';
import { INTERNAL_ERROR, problemOf } from './problem.js';

/** DI token of the log. */
export const LOGGER = Symbol('Logger');

/** Answers every error as a problem (RFC 9457). What nobody foresaw is logged and says nothing of itself. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    // Who breaks off his request gets no answer, and no line of the log.
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
