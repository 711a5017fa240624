import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { VERSION } from '@p2p-chat/shared';

/** Serves the OpenAPI document at /docs (for people) and /docs-json. It is made when it is first asked for. */
export function serveOpenApi(app: INestApplication): void {
  const info = new DocumentBuilder()
    .setTitle('p2p-chat discovery service')
    .setDescription('Who is online on this network. Errors are problem details (RFC 9457).')
    .setVersion(VERSION)
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, info));
}
