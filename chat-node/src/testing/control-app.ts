import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ManualClock } from '@p2p-chat/shared/testing';
import supertest from 'supertest';
import {
  controlAdapter,
  listenForBrowsers,
  listenOnLoopback,
  protectControlApi,
} from '../control-api/http-server.js';
import { NodeInfo } from '../control-api/node-info.js';
import { Chat } from '../core/chat.js';
import { IdentityKeys } from '../core/ports/identity.js';
import { PeerTransport } from '../core/ports/peer-link.js';
import { Discovery } from '../discovery.module.js';
import { MemoryDisk, MemoryStore } from '../storage/memory/memory-store.js';
import { testAppModule } from './app-module.js';
import { type MemoryNetwork } from './memory-network.js';
import type { LogRecord } from './recording-logger.js';
import { TestKeys } from './test-keys.js';

/** The whole application of a node, over a store and a network in memory. */
export class ControlApp {
  /** Times a client asked the node to end. */
  logouts = 0;
  /** Hosts at which the node's key is seen as well. */
  readonly copies: string[] = [];
  readonly disk = new MemoryDisk();
  /** What was logged. */
  records: readonly LogRecord[] = [];
  #app: NestFastifyApplication | null = null;

  static async start(
    user: string,
    options: { clock: ManualClock; network: MemoryNetwork },
  ): Promise<ControlApp> {
    const control = new ControlApp();
    const keys = new TestKeys(user);
    const { module, records } = await testAppModule(user, {
      clock: options.clock,
      store: new MemoryStore(control.disk),
      onLogout: () => (control.logouts += 1),
      overrides: ({ instance }) => {
        const { transport, discovery } = options.network.node(keys.peerId, user, instance);
        return [
          [IdentityKeys, keys],
          [PeerTransport, transport],
          [
            Discovery,
            { sources: [discovery], registries: () => [], copies: () => control.copies, multicast: null },
          ],
        ];
      },
    });
    const app = module.createNestApplication<NestFastifyApplication>(controlAdapter(), {
      logger: false,
      bodyParser: false,
    });
    protectControlApi(app);
    await app.init();
    await listenOnLoopback(app, 0);
    await listenForBrowsers(app);
    control.#app = app;
    control.records = records;
    return control;
  }

  get app(): NestFastifyApplication {
    if (this.#app === null) throw new Error('the application is not there yet');
    return this.#app;
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
