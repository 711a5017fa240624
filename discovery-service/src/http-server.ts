import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import {
  brokenRequestAnswer,
  Descriptors,
  errorCode,
  isEncoded,
  MAX_DISCOVERY_BODY_BYTES,
  PROBLEM_CONTENT_TYPE,
} from '@p2p-chat/shared';
import { HttpProblem, problemBody } from './problem.js';
import type { RateLimiter } from './rate-limiter.js';
import { callerAddress } from './registry/host.js';
import { noSuchRoute } from './routes.js';

/** From the first byte of a request to its last; a request has one packet. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often unfinished requests are looked for: a bound that is looked at twice a minute is none. */
const CHECK_INTERVAL_MS = 2_000;
/** Longer than clients take between two renewals, so that a connection is kept. */
const KEEP_ALIVE_MS = 65_000;

/** The HTTP server under Nest, with its bounds. */
export function createHttpAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    logger: false,
    bodyLimit: MAX_DISCOVERY_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS },
    skipMiddie: true,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      answerBrokenUrl(reply, error.statusCode),
  });
}

/**
 * What happens to every request before Nest sees it: the rate limit, the
 * answer to unknown routes, and the body as bytes. The controllers read the
 * bytes themselves, because nearly all of them are known already.
 */
export function prepareRequests(adapter: FastifyAdapter, limiter: RateLimiter): void {
  const server = adapter.getInstance();
  const { connections } = new Descriptors();
  if (connections !== undefined) server.server.maxConnections = connections;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
  server.addHook('onRequest', (request, _reply, done) => {
    const retryAfter = limiter.take(callerAddress(request.socket.remoteAddress));
    if (retryAfter > 0) done(tooManyRequests(retryAfter));
    else if (isEncoded(request.headers['content-encoding'])) done(encodedBody());
    else if (request.is404) done(noSuchRoute(request.method, request.url));
    else done();
  });
}

function encodedBody(): HttpProblem {
  return new HttpProblem(
    415,
    {
      code: 'content-encoding-unsupported',
      detail: 'The body is compressed, which this service does not read.',
      hint: 'Send it as it is, without Content-Encoding.',
      errors: [{ field: 'content-encoding', reason: 'must be absent, or identity' }],
    },
    { 'accept-encoding': 'identity' },
  );
}

function tooManyRequests(retryAfter: number): HttpProblem {
  return new HttpProblem(
    429,
    {
      code: 'too-many-requests',
      detail: 'Too many requests came from this address.',
      hint: `Come back in ${retryAfter} s.`,
    },
    { 'retry-after': String(retryAfter) },
  );
}

// The router refuses these before any hook or filter sees them.
function answerBrokenUrl(reply: FastifyReply, status = 400): void {
  const content = { code: 'url-malformed', detail: 'The address of the request is malformed.' };
  void reply.code(status).header('content-type', PROBLEM_CONTENT_TYPE).send(problemBody(status, content));
}

// What is no HTTP never becomes a request, so it is answered on the socket.
function answerBrokenRequest(error: Error, socket: Socket): void {
  if (errorCode(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(brokenRequestAnswer(errorCode(error)));
}
