import 'reflect-metadata';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorCode, errorMessage, P2pChatError } from '@p2p-chat/shared';
import { AppModule, type Parts } from './app.module.js';
import type { Config } from './config.js';
import { createHttpAdapter, prepareRequests } from './http-server.js';
import { NestLogger } from './logger.js';
import { serveOpenApi } from './openapi.js';
import { RateLimiter } from './rate-limiter.js';
import { LeaseRegistry } from './registry/lease-registry.js';
import { ServiceAnnouncer } from './service-announcer.js';

/** How long a request that is being answered has at the end, before its connection is closed. */
const SHUTDOWN_GRACE_MS = 500;

/** The service could not start; the message is for the person who starts it. */
export class StartError extends P2pChatError {}

/** A service that answers. */
export interface RunningService {
  readonly host: string;
  readonly port: number;
  /** Finishes what is being answered and closes every connection; takes less than a second. */
  stop(): Promise<void>;
}

/**
 * Starts the service.
 * @param limiter bounds the requests of each address
 * @throws {StartError} where the address cannot be listened on
 * @throws {SettingError} where the store's connection string is none
 */
export async function startService(
  parts: Parts,
  limiter = new RateLimiter(parts.clock),
): Promise<RunningService> {
  const adapter = createHttpAdapter();
  const app = await NestFactory.create<NestFastifyApplication>(await AppModule.of(parts), adapter, {
    logger: new NestLogger(parts.logger),
    bodyParser: false,
    abortOnError: false,
  });
  prepareRequests(adapter, limiter);
  serveOpenApi(app);
  try {
    await app.init();
    await adapter.getInstance().ready();
    await listen(app.getHttpServer(), parts.config);
  } catch (error) {
    await close(app);
    throw startError(error, parts.config);
  }
  const { address, port } = app.getHttpServer().address() as AddressInfo;
  const { id } = app.get(LeaseRegistry);
  const announcer = new ServiceAnnouncer({ host: parts.config.host, port, id, clock: parts.clock });
  if (parts.config.mdns) announcer.start();
  const stop = async (): Promise<void> => {
    await announcer.stop();
    await close(app);
  };
  return { host: address, port, stop };
}

// Not by Nest or Fastify, which would log what becomes a StartError here, and
// ask for all network interfaces, which not every system names.
async function listen(server: Server, { host, port }: Config): Promise<void> {
  server.listen({ host, port });
  await once(server, 'listening');
}

async function close(app: NestFastifyApplication): Promise<void> {
  const late = setTimeout(() => app.getHttpServer().closeAllConnections(), SHUTDOWN_GRACE_MS);
  await app.close();
  clearTimeout(late);
  await app.get(LeaseRegistry).close();
}

function startError(error: unknown, { host, port }: Config): StartError {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const reason = {
    EADDRINUSE: `port ${port} is taken: another discovery service may be running; set DISCOVERY_PORT to a free one`,
    EACCES: `port ${port} needs rights that this user does not have; set DISCOVERY_PORT to one above 1023`,
    EADDRNOTAVAIL: `${host} is no address of this machine; set DISCOVERY_HOST to one, or to 0.0.0.0`,
    EINVAL: `${host} is on no interface of this machine; set DISCOVERY_HOST to one of its addresses`,
  }[errorCode(error) ?? ''];
  return new StartError('listen-failed', `Cannot listen on ${where}: ${reason ?? errorMessage(error)}.`, {
    cause: error,
  });
}
