import { Test } from '@nestjs/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ManualClock } from '@p2p-chat/shared/testing';
import supertest from 'supertest';
import { AppModule } from '../app.module.js';
import { controlAdapter, listenOnLoopback, protectControlApi } from '../control-api/http-server.js';
import { NodeInfo } from '../control-api/node-info.js';
import { Chat } from '../core/chat.js';
import { ConversationStore } from '../core/ports/conversation.store.js';
import { IdentityKeys } from '../core/ports/identity.js';
import { PeerTransport } from '../core/ports/peer-link.js';
import { Discovery } from '../discovery.module.js';
import { readConfig } from '../runtime/config.js';
import { NodeEnvironment } from '../runtime/environment.js';
import { MemoryDisk, MemoryStore } from '../storage/memory/memory-store.js';
import { testIdentity } from './identities.js';
import { MemoryNetwork } from './memory-network.js';
import { type LogRecord, recordingLogger } from './recording-logger.js';
import { TestKeys } from './test-keys.js';

export interface ControlAppOptions {
  clock?: ManualClock;
  network?: MemoryNetwork;
  disk?: MemoryDisk;
  env?: Readonly<Record<string, string>>;
}

/** The whole application of a node, over a store and a network in memory. */
export class ControlApp {
  /** Times a client asked the node to end. */
  logouts = 0;
  /** Hosts at which the node's key is seen as well. */
  readonly copies: string[] = [];

  private constructor(
    readonly app: NestFastifyApplication,
    readonly disk: MemoryDisk,
    /** What was logged. */
    readonly records: readonly LogRecord[],
  ) {}

  static async start(user: string, options: ControlAppOptions = {}): Promise<ControlApp> {
    const { clock = new ManualClock(), disk = new MemoryDisk(), env = {} } = options;
    const network = options.network ?? new MemoryNetwork(clock);
    const { logger, records } = recordingLogger();
    const config = readConfig({ P2P_CHAT_HOME: '/nowhere', P2P_CHAT_USER: user, ...env });
    const keys = new TestKeys(user);
    let control: ControlApp | null = null;
    const environment = new NodeEnvironment({
      config,
      profile: {
        identity: await testIdentity(user),
        settings: { user, presence: 'online', status: '', receipts: true, typing: true },
        store: { save: () => Promise.resolve() },
        diskFailed: () => undefined,
      },
      clock,
      random: () => 0.5,
      logger,
      onLogout: () => {
        if (control !== null) control.logouts += 1;
      },
    });
    const { transport, discovery } = network.node(keys.peerId, user, environment.instance);
    const module = await Test.createTestingModule({ imports: [AppModule.of(environment)] })
      .overrideProvider(ConversationStore)
      .useValue(new MemoryStore(disk))
      .overrideProvider(IdentityKeys)
      .useValue(keys)
      .overrideProvider(PeerTransport)
      .useValue(transport)
      .overrideProvider(Discovery)
      .useValue({
        sources: [discovery],
        registries: () => [],
        copies: () => control?.copies ?? [],
        heard: null,
      })
      .compile();
    const app = module.createNestApplication<NestFastifyApplication>(controlAdapter(), {
      logger: false,
      bodyParser: false,
    });
    protectControlApi(app);
    await app.init();
    await listenOnLoopback(app, 0);
    return (control = new ControlApp(app, disk, records));
  }

  get chat(): Chat {
    return this.app.get(Chat);
  }

  get token(): string {
    return this.app.get(NodeInfo).token;
  }

  get port(): number {
    return this.app.get(NodeInfo).controlPort;
  }

  /** A request of a client that knows the token. */
  ask(method: 'get' | 'post' | 'put' | 'patch' | 'delete', path: string): supertest.Test {
    return supertest(this.app.getHttpServer())[method](path).set('authorization', `Bearer ${this.token}`);
  }

  stop(): Promise<void> {
    return this.app.close();
  }
}
