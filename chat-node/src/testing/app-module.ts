import type { Abstract, Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { type Clock, SystemClock } from '@p2p-chat/shared';
import { AppModule } from '../app.module.js';
import { ConversationStore } from '../core/ports/conversation.store.js';
import type { Identity } from '../profile/keystore.js';
import { readConfig } from '../runtime/config.js';
import { NodeEnvironment } from '../runtime/environment.js';
import { MemoryDisk, MemoryStore } from '../storage/memory/memory-store.js';
import { testIdentity } from './identities.js';
import { MemoryPageStore } from './memory-page-store.js';
import { type LogRecord, recordingLogger } from './recording-logger.js';

export interface TestAppOptions {
  clock?: Clock;
  /** The key, where it is not the one of that name. */
  identity?: Identity;
  /** Settings beside the name. */
  env?: Readonly<Record<string, string>>;
  /** A store in memory, where none is given. */
  store?: ConversationStore;
  /** What takes the place of other providers. */
  overrides?: (environment: NodeEnvironment) => Iterable<[Abstract<unknown> | Type, unknown]>;
  onLogout?: () => void;
}

/** The modules of a node, with what stores something held in memory; not started. */
export async function testAppModule(
  user: string,
  options: TestAppOptions = {},
): Promise<{ module: TestingModule; records: readonly LogRecord[] }> {
  const { logger, records } = recordingLogger();
  const environment = new NodeEnvironment({
    config: readConfig({ P2P_CHAT_HOME: '/nowhere', P2P_CHAT_USER: user, ...options.env }),
    profile: {
      identity: options.identity ?? (await testIdentity(user)),
      settings: { user, presence: 'online', status: '', receipts: true, typing: true },
      store: { save: () => Promise.resolve() },
      page: new MemoryPageStore(),
      diskFailed: () => undefined,
      problem: () => null,
    },
    clock: options.clock ?? new SystemClock(),
    random: () => 0.5,
    logger,
    onLogout: options.onLogout ?? (() => undefined),
  });
  const builder = Test.createTestingModule({ imports: [AppModule.of(environment)] })
    .overrideProvider(ConversationStore)
    .useValue(options.store ?? new MemoryStore(new MemoryDisk()));
  for (const [token, value] of options.overrides?.(environment) ?? [])
    builder.overrideProvider(token).useValue(value);
  return { module: await builder.compile(), records };
}
