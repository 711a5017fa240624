import { existsSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import {
  brokenRequestAnswer,
  Descriptors,
  errorCode,
  errorMessage,
  isEncoded,
  MAX_CONTROL_BODY_BYTES,
  NDJSON,
  P2pChatError,
  PROBLEM_CONTENT_TYPE,
  problemBody,
  VERSION,
} from '@p2p-chat/shared';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { LocalAuthGuard } from './local-auth.guard.js';
import { ControlApiError } from './problem.js';
import { PAGE_FOLDER, PAGE_HEADERS, PageServer } from './page-server.js';

/** How long a request that is being answered has at the end, before its connection is closed. */
const SHUTDOWN_GRACE_MS = 500;
/** From the first byte of a request, or from the connection, to the end of its headers. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often unfinished requests are looked for. */
const CHECK_INTERVAL_MS = 2_000;

/** The HTTP server of the control API, as Nest wants it. */
export function controlAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_CONTROL_BODY_BYTES,
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: answerBrokenUrl,
  });
  const fastify = adapter.getInstance();
  const { connections } = new Descriptors();
  if (connections !== undefined) fastify.server.maxConnections = connections;
  // JSON alone: what a form of a web page can send has no parser.
  fastify.removeContentTypeParser('text/plain');
  // Read line by line by its controller, so it has no limit as a whole.
  fastify.addContentTypeParser(NDJSON, { bodyLimit: Number.MAX_SAFE_INTEGER }, (_request, body, done) =>
    done(null, body),
  );
  // The bytes of a file, taken as they come by its controller.
  fastify.addContentTypeParser(
    'application/octet-stream',
    { bodyLimit: Number.MAX_SAFE_INTEGER },
    (_request, body, done) => done(null, body),
  );
  return adapter;
}

function encodedBody(): ControlApiError {
  return new ControlApiError(
    415,
    'content-encoding-unsupported',
    'The body is compressed, which a node does not read.',
    { hint: 'Send it as it is, without Content-Encoding.' },
  );
}

/** Lets nobody in without the token, and ends the connections at the end; before the application is initialised. */
export function protectControlApi(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const guard = app.get(LocalAuthGuard);
  const page = app.get(PageServer);
  fastify.addHook('onRequest', async ({ raw, routeOptions }: FastifyRequest, reply: FastifyReply) => {
    if (!page.serves(raw)) return;
    // The name of an asset has the hash of its content.
    const keeps =
      routeOptions.url?.startsWith('/assets/') === true ? 'max-age=31536000, immutable' : 'no-store';
    void reply.header('cache-control', keeps);
    // On the raw answer: a stream is written past Fastify.
    for (const [name, value] of Object.entries(PAGE_HEADERS)) reply.raw.setHeader(name, value);
  });
  // Guards run after the body was read, and on the routes of controllers only. Asked here
  // as well, the body of a stranger is never read, and every other route is closed to them.
  fastify.addHook('onRequest', async (request: FastifyRequest) => {
    guard.authorize(request);
    if (isEncoded(request.headers['content-encoding'])) throw encodedBody();
  });
  let late: NodeJS.Timeout | undefined;
  let pageClosed: Promise<void> | undefined;
  fastify.addHook('preClose', async () => {
    pageClosed = page.close(SHUTDOWN_GRACE_MS);
    late = setTimeout(() => fastify.server.closeAllConnections(), SHUTDOWN_GRACE_MS);
  });
  fastify.addHook('onClose', async () => {
    clearTimeout(late);
    await pageClosed;
  });
}

/**
 * Adds the description of the API and listens, on loopback; after the application was initialised.
 * @param port 0 for any free one
 * @returns the port
 * @throws {P2pChatError} `control-port-taken`, `no-loopback`
 */
export async function listenOnLoopback(app: NestFastifyApplication, port: number): Promise<number> {
  describeControlApi(app);
  servePage(app);
  try {
    await app.listen(port, '127.0.0.1');
  } catch (error) {
    if (errorCode(error) === 'EADDRNOTAVAIL') {
      throw new P2pChatError('no-loopback', 'The loopback interface of this machine is down.', {
        hint: 'The console and the commands reach a node over it: sudo ip link set lo up.',
        cause: error,
      });
    }
    if (errorCode(error) !== 'EADDRINUSE') throw error;
    throw new P2pChatError(
      'control-port-taken',
      `Port ${port} of the control API is taken: ${errorMessage(error)}.`,
      {
        hint: 'Choose another with P2P_CHAT_CONTROL_PORT, or unset it to take any free one.',
        cause: error,
      },
    );
  }
  return (app.getHttpServer().address() as AddressInfo).port;
}

/**
 * Listens for browsers too; after the control API does.
 * @throws {P2pChatError} `page-port-taken`, where the port was set
 */
export async function listenForBrowsers(app: NestFastifyApplication): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  await app.get(PageServer).start(fastify.routing, {
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
  });
}

// Each file has a route of its own: nothing else of the folder, and nothing above it, is reached.
function servePage(app: NestFastifyApplication): void {
  if (!existsSync(PAGE_FOLDER)) return;
  app.useStaticAssets({
    root: PAGE_FOLDER,
    wildcard: false,
    cacheControl: false,
  });
}

// A route of Fastify's own answers errors by the handler that there is when it is added: Nest's is there after init.
function describeControlApi(app: NestFastifyApplication): void {
  const info = new DocumentBuilder()
    .setTitle('p2p-chat control API')
    .setDescription(
      'Commands and events of one chat node, on loopback. Errors are problem details (RFC 9457).',
    )
    .setVersion(VERSION)
    .addBearerAuth()
    .build();
  // The document is made at the first request for it.
  SwaggerModule.setup('api/docs', app, () => SwaggerModule.createDocument(app, info));
}

// What is no HTTP never becomes a request, so it is answered on the socket.
function answerBrokenRequest(error: Error, socket: Socket): void {
  if (errorCode(error) === 'ECONNRESET' || !socket.writable) socket.destroy();
  else socket.end(brokenRequestAnswer(errorCode(error)));
}

// The router refuses these before any hook or filter sees them.
function answerBrokenUrl(_error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const content = { code: 'url-malformed', detail: 'The address of the request is malformed.' };
  void reply.code(400).header('content-type', PROBLEM_CONTENT_TYPE).send(problemBody(400, content));
}
