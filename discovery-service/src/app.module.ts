import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Clock } from '@p2p-chat/shared';
import { Config, wrongStore } from './config.js';
import { EventStreams } from './events/event-streams.js';
import { EventsController } from './events/events.controller.js';
import { HealthController } from './health.controller.js';
import { Logger } from './logger.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { AnnouncementVerifier } from './registry/announcement.verifier.js';
import { LeaseRegistry } from './registry/lease-registry.js';
import { MemoryLeaseRegistry } from './registry/memory-lease-registry.js';
import { SharedLeaseRegistry } from './registry/shared-lease-registry.js';
import { RegistryController } from './registry/registry.controller.js';

/** What the service is put together from. */
export interface Parts {
  config: Config;
  clock: Clock;
  logger: Logger;
  /** In place of the one that the settings choose. */
  registry?: LeaseRegistry;
}

/** The composition root: the only place that chooses the registry. */
@Module({})
export class AppModule {
  /** @throws {SettingError} where the store's connection string is none */
  static async of(parts: Parts): Promise<DynamicModule> {
    const { config, clock, logger } = parts;
    const registry = parts.registry ?? (await createRegistry(parts));
    return {
      module: AppModule,
      controllers: [RegistryController, EventsController, HealthController, MetricsController],
      providers: [
        { provide: Config, useValue: config },
        { provide: Clock, useValue: clock },
        { provide: Logger, useValue: logger },
        { provide: LeaseRegistry, useValue: registry },
        {
          provide: Metrics,
          useFactory: (streams: EventStreams) => new Metrics(registry, streams),
          inject: [EventStreams],
        },
        AnnouncementVerifier,
        EventStreams,
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}

async function createRegistry({ config, clock, logger }: Parts): Promise<LeaseRegistry> {
  const leaseMs = config.leaseSeconds * 1_000;
  if (config.store.kind === 'memory') return new MemoryLeaseRegistry(clock, { leaseMs });
  const { uri } = config.store;
  // The driver is loaded where it is used: a service that stands alone is smaller without it.
  const { isConnectionString, MongoLeaseStore } = await import('./registry/mongo/mongo-lease-store.js');
  if (!isConnectionString(uri)) throw wrongStore(uri);
  const store = new MongoLeaseStore(uri);
  return new SharedLeaseRegistry(clock, { leaseMs, store, logger, random: Math.random });
}
