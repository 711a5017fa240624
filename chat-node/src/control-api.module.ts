import { randomBytes } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { Module, type OnModuleDestroy } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, HttpAdapterHost } from '@nestjs/core';
import { Clock, systemInterfaces, VERSION } from '@p2p-chat/shared';
import { ConversationsController } from './control-api/conversations.controller.js';
import { DiagnosisController } from './control-api/diagnosis.controller.js';
import { EventLog } from './control-api/event-log.js';
import { EventsController } from './control-api/events.controller.js';
import { GroupsController } from './control-api/groups.controller.js';
import { ImportController } from './control-api/import.controller.js';
import { FilesController } from './control-api/files.controller.js';
import { LocalAuthGuard } from './control-api/local-auth.guard.js';
import { MessagesController } from './control-api/messages.controller.js';
import { MetricsController, MetricsSource } from './control-api/metrics.controller.js';
import { NodeInfo } from './control-api/node-info.js';
import { PageController } from './control-api/page.controller.js';
import { PageServer } from './control-api/page-server.js';
import { Pairing } from './control-api/pairing.js';
import { PeersController } from './control-api/peers.controller.js';
import { Presenter } from './control-api/presenter.js';
import { LOGGER, ProblemFilter } from './control-api/problem.filter.js';
import { ProfileController } from './control-api/profile.controller.js';
import { SearchController } from './control-api/search.controller.js';
import { StatusController } from './control-api/status.controller.js';
import { DepthPipe, validationPipe } from './control-api/validation.js';
import { ConversationsModule } from './conversations.module.js';
import { Chat } from './core/chat.js';
import { ChatEvents } from './core/events.js';
import { DiagnosisModule } from './diagnosis.module.js';
import { Discovery, DiscoveryModule } from './discovery.module.js';
import { localAddresses } from './discovery/local-addresses.js';
import { networkProblem } from './discovery/network-problem.js';
import { FilesModule } from './files.module.js';
import { NodeEnvironment } from './runtime/environment.js';

const TOKEN_BYTES = 32;

/** Commands and events for the clients on this machine. */
@Module({
  imports: [ConversationsModule, DiagnosisModule, DiscoveryModule, FilesModule],
  controllers: [
    StatusController,
    ConversationsController,
    MessagesController,
    GroupsController,
    PeersController,
    ProfileController,
    SearchController,
    ImportController,
    FilesController,
    DiagnosisController,
    EventsController,
    MetricsController,
    PageController,
  ],
  providers: [
    { provide: Clock, inject: [NodeEnvironment], useFactory: ({ clock }: NodeEnvironment) => clock },
    { provide: LOGGER, inject: [NodeEnvironment], useFactory: ({ logger }: NodeEnvironment) => logger },
    {
      provide: EventLog,
      inject: [NodeEnvironment, ChatEvents],
      useFactory: ({ instance }: NodeEnvironment, events: ChatEvents) => new EventLog(instance, events),
    },
    { provide: NodeInfo, inject: [NodeEnvironment, Discovery, HttpAdapterHost], useFactory: createNodeInfo },
    {
      provide: PageServer,
      inject: [NodeEnvironment],
      useFactory: ({ profile, config }: NodeEnvironment) => new PageServer(profile.page, config.pagePort),
    },
    {
      provide: Pairing,
      inject: [NodeEnvironment],
      useFactory: ({ profile, clock }: NodeEnvironment) =>
        new Pairing({ store: profile.page, clock, randomBytes }),
    },
    { provide: MetricsSource, inject: [NodeEnvironment, Chat, ChatEvents], useFactory: loadMetrics },
    LocalAuthGuard,
    { provide: APP_GUARD, useExisting: LocalAuthGuard },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_PIPE, useClass: DepthPipe },
    { provide: APP_PIPE, useFactory: validationPipe },
    Presenter,
  ],
  exports: [NodeInfo, Presenter],
})
export class ControlApiModule implements OnModuleDestroy {
  constructor(private readonly log: EventLog) {}

  /** The streams of events end first of all. */
  onModuleDestroy(): void {
    this.log.close();
  }
}

async function loadMetrics(
  { config }: NodeEnvironment,
  chat: Chat,
  events: ChatEvents,
): Promise<MetricsSource> {
  if (!config.metrics) return { metrics: null };
  const { NodeMetrics } = await import('./control-api/node-metrics.js');
  return { metrics: new NodeMetrics(chat, events) };
}

function createNodeInfo(
  { config, profile, storage, onLogout }: NodeEnvironment,
  discovery: Discovery,
  server: HttpAdapterHost,
): NodeInfo {
  return {
    identity: {
      peerId: profile.identity.peerId,
      storage,
      home: config.home,
      pid: process.pid,
      version: VERSION,
    },
    token: randomBytes(TOKEN_BYTES).toString('base64url'),
    get controlPort() {
      return ((server.httpAdapter.getHttpServer() as Server).address() as AddressInfo | null)?.port ?? 0;
    },
    addresses: () => (config.host === '' ? localAddresses() : [config.host]),
    profileProblem: () => profile.problem(),
    networkProblem: () => networkProblem(config.host, systemInterfaces),
    copies: () => discovery.copies(),
    logout: onLogout,
  };
}
