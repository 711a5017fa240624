import { Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { VERSION } from '@p2p-chat/shared';
import type { FastifyInstance } from 'fastify';
import { loadSwagger } from './openapi.js';
import { LOGGER, ProblemFilter } from './problem.filter.js';

const PATH = '/api/docs';
const ROUTES = [PATH, `${PATH}/*`, `${PATH}-json`, `${PATH}-yaml`];

/** What there is to ask a page of its own for: nothing but the page. */
@Module({})
class PageModule {}

/**
 * The OpenAPI description of an application and the page that shows it, at
 * /api/docs. It is put together at the first request for it: what that takes
 * is of no use to any other request.
 */
export class ApiPage {
  #page: Promise<FastifyInstance> | null = null;

  constructor(private readonly app: INestApplication) {}

  /** Answers for the page on this server. */
  serve(fastify: FastifyInstance): void {
    for (const route of ROUTES) {
      fastify.get(route, async (request, reply) => {
        // A server that listens takes no more routes, so the page has one that does not.
        const page = await (this.#page ??= this.#build());
        reply.hijack();
        page.routing(request.raw, reply.raw);
      });
    }
  }

  async #build(): Promise<FastifyInstance> {
    const { DocumentBuilder, SwaggerModule } = await loadSwagger();
    const info = new DocumentBuilder()
      .setTitle('p2p-chat control API')
      .setDescription(
        'Commands and events of one chat node, on loopback. Errors are problem details (RFC 9457).',
      )
      .setVersion(VERSION)
      .addBearerAuth()
      .build();
    const adapter = new FastifyAdapter();
    const page = await NestFactory.create<NestFastifyApplication>(PageModule, adapter, {
      logger: false,
      abortOnError: false,
      bodyParser: false,
    });
    page.useGlobalFilters(new ProblemFilter(this.app.get(LOGGER)));
    SwaggerModule.setup(PATH, page, SwaggerModule.createDocument(this.app, info));
    await page.init();
    const fastify = adapter.getInstance();
    await fastify.ready();
    return fastify;
  }
}
