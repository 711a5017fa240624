import type { AddressInfo, Socket } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  brokenRequestAnswer,
  errorCode,
  errorMessage,
  MAX_CONTROL_BODY_BYTES,
  P2pChatError,
  PROBLEM_CONTENT_TYPE,
  problemBody,
} from '@p2p-chat/shared';
import type { DynamicModule } from '@nestjs/common';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ApiPage } from './api-page.js';
import { authorize } from './local-auth.js';
import { NDJSON } from './messages.controller.js';

/** How long a request that is being answered has at the end, before its connection is closed. */
const SHUTDOWN_GRACE_MS = 500;

/** From the first byte of a request, or from the connection, to the end of its headers. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often unfinished requests are looked for. */
const CHECK_INTERVAL_MS = 2_000;

/**
 * No route has a JSON schema: requests are checked in their controllers. Where
 * nothing is said, Fastify loads its compilers of schemas, more source than
 * all of itself.
 */
const WITHOUT_SCHEMAS = { buildValidator: neverBuilt, buildSerializer: neverBuilt };

/** The HTTP server of the control API, on loopback. */
export class ControlServer {
  private constructor(
    private readonly app: NestFastifyApplication,
    readonly port: number,
  ) {}

  /**
   * @param port 0 for any free one
   * @throws {P2pChatError} `control-port-taken`
   */
  static async start(module: DynamicModule, token: string, port: number): Promise<ControlServer> {
    const adapter = new FastifyAdapter({
      bodyLimit: MAX_CONTROL_BODY_BYTES,
      forceCloseConnections: 'idle',
      http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS },
      clientErrorHandler: answerBrokenRequest,
      frameworkErrors: answerBrokenUrl,
      schemaController: { compilersFactory: WITHOUT_SCHEMAS },
    });
    const fastify = adapter.getInstance();
    // JSON alone: what a form of a web page can send has no parser.
    fastify.removeContentTypeParser('text/plain');
    fastify.addHook('onRequest', async (request) => authorize(request, token));
    // Read line by line by its controller, so it has no limit as a whole.
    fastify.addContentTypeParser(NDJSON, { bodyLimit: Number.MAX_SAFE_INTEGER }, (_request, body, done) =>
      done(null, body),
    );
    const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
      logger: false,
      abortOnError: false,
      bodyParser: false,
    });
    new ApiPage(app).serve(fastify);
    try {
      await app.init();
      await fastify.listen({ host: '127.0.0.1', port });
    } catch (error) {
      await app.close();
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
    return new ControlServer(app, (app.getHttpServer().address() as AddressInfo).port);
  }

  /** Ends the answers that go on for ever and closes every connection; takes less than a second. */
  async stop(): Promise<void> {
    const late = setTimeout(() => this.app.getHttpServer().closeAllConnections(), SHUTDOWN_GRACE_MS);
    await this.app.close();
    clearTimeout(late);
  }
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

function neverBuilt(): never {
  throw new Error('a route of the control API has a JSON schema');
}
