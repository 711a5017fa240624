import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { AnnouncementError, Clock, errorCode, PROBLEM_CONTENT_TYPE } from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { HttpProblem, problemBody } from './problem.js';
import { RegistryError } from './registry/lease-registry.js';
import { noSuchRoute } from './routes.js';

/** Seconds after which a full registry may have room again: leases of this order have run out. */
const FULL_RETRY_SECONDS = 10;

/** Answers every error as a problem (RFC 9457). What nobody foresaw is logged and says nothing of itself. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly metrics: Metrics,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    // Who breaks off his request gets no answer, and no line of the log.
    if (request.raw.aborted) return;
    const problem = this.#problemOf(error, request);
    if (problem.status >= 500 && !(error instanceof RegistryError)) {
      this.logger.error({ err: error, method: request.method, url: request.url }, 'request failed');
    }
    this.metrics.refused(problem.content.code);
    if (reply.sent) return;
    void reply
      .code(problem.status)
      .headers(problem.headers)
      .header('content-type', PROBLEM_CONTENT_TYPE)
      .send(problemBody(problem.status, problem.content));
  }

  #problemOf(error: unknown, request: FastifyRequest): HttpProblem {
    if (error instanceof HttpProblem) return error;
    if (error instanceof AnnouncementError) return this.#ofAnnouncement(error);
    if (error instanceof RegistryError) return ofRegistry(error);
    if (error instanceof HttpException) return ofFramework(error, request);
    return new HttpProblem(500, {
      code: 'internal-error',
      detail: 'The service failed to answer.',
      hint: "Its log says why; please report it if it isn't the machine.",
    });
  }

  #ofAnnouncement(error: AnnouncementError): HttpProblem {
    const { code, message: detail, hint, field } = error;
    const content = {
      code,
      detail,
      errors: [{ field, reason: detail }],
      ...(hint === undefined ? {} : { hint }),
    };
    switch (code) {
      case 'announcement-malformed':
        return new HttpProblem(400, content);
      case 'announcement-key-mismatch':
      case 'announcement-signature-wrong':
        return new HttpProblem(403, content);
      case 'announcement-expired':
      case 'announcement-too-far-ahead':
        return new HttpProblem(400, { ...content, now: this.clock.now() });
    }
  }
}

function ofRegistry(error: RegistryError): HttpProblem {
  const { code, message: detail, hint, seq } = error;
  const content = {
    code,
    detail,
    ...(hint === undefined ? {} : { hint }),
    ...(seq === undefined ? {} : { seq }),
  };
  switch (code) {
    case 'announcement-stale':
      return new HttpProblem(409, { ...content, errors: [{ field: 'SEQ', reason: detail }] });
    case 'peer-unknown':
      return new HttpProblem(404, content);
    case 'registry-full':
      return new HttpProblem(503, content, { 'retry-after': String(FULL_RETRY_SECONDS) });
  }
}

// What Nest and Fastify refuse by themselves. Their texts are not passed on:
// they are written for developers.
function ofFramework(error: HttpException, request: FastifyRequest): HttpProblem {
  const status = error.getStatus();
  switch (status) {
    case 404:
      return noSuchRoute(request.method, request.url);
    case 413:
      return new HttpProblem(413, {
        code: 'body-too-large',
        detail: 'The body is larger than any announcement.',
        errors: [{ field: 'body', reason: 'must have at most 4096 bytes' }],
      });
    case 415:
      return new HttpProblem(415, {
        code: 'content-type-unsupported',
        detail: 'The body has another content type than application/json.',
        hint: 'A form of HTML cannot say this: send one JSON object, like {"HOST":"","PORT":7780,"USER":"Anna"}.',
        errors: [{ field: 'content-type', reason: 'must be application/json' }],
      });
    default:
      return new HttpProblem(status, {
        code: 'request-malformed',
        detail: `The request is not valid HTTP for this service (${errorCode(error.cause) ?? status}).`,
      });
  }
}
