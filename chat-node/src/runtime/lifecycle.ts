import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Clock, StatusView } from '@p2p-chat/shared';
import { AppModule } from '../app.module.js';
import {
  controlAdapter,
  listenForBrowsers,
  listenOnLoopback,
  protectControlApi,
} from '../control-api/http-server.js';
import { NodeInfo } from '../control-api/node-info.js';
import { Chat } from '../core/chat.js';
import { loadIdentity } from '../profile/keystore.js';
import { requirePrivateProfile } from '../profile/profile-files.js';
import { FilePageStore } from '../profile/page-file.js';
import { ProfileKeeper } from '../profile/profile-keeper.js';
import { ProfileLock } from '../profile/profile-lock.js';
import { FileProfileStore } from '../profile/profile-settings.js';
import { PublishedControlFile } from '../profile/published-control-file.js';
import type { NodeConfig } from './config.js';
import { NodeEnvironment } from './environment.js';
import type { Logger } from './logger.js';
import { StartProgress } from './start-progress.js';

export interface NodeOptions {
  config: NodeConfig;
  clock: Clock;
  random: () => number;
  logger: Logger;
  /** Called when a client asks the node to end, or another node has taken the profile. */
  onLogout: () => void;
}

/** What the daemon says when it is ready. */
export type ReadyView = Pick<StatusView, 'peerId' | 'user' | 'peerPort' | 'controlPort' | 'storage'>;

/**
 * A node that runs. It starts from the inside out: profile, key, storage,
 * gateway, discovery, dials, control API, control file. It stops from the
 * outside in. Nest makes the parts between the profile and the control file,
 * and starts and stops them by their hooks.
 */
export class RunningNode {
  private constructor(
    /** Who and where the node is. */
    readonly ready: ReadyView,
    private readonly undo: readonly (() => unknown)[],
  ) {}

  /**
   * Starts a node. If a part cannot start, those before it are stopped.
   * @throws {P2pChatError} of the part that could not start
   */
  static async start(options: NodeOptions): Promise<RunningNode> {
    const undo: (() => unknown)[] = [];
    const progress = new StartProgress(options.clock, options.logger);
    try {
      return new RunningNode(await startParts(options, undo, progress), undo);
    } catch (error) {
      await undoAll(undo);
      throw error;
    } finally {
      progress.done();
    }
  }

  /** Withdraws, says bye, finishes what is being saved, lets go of the profile. */
  stop(): Promise<void> {
    return undoAll(this.undo);
  }
}

/**
 * @param undo is given what stops each part that was started
 * @param progress is told what is waited for
 */
async function startParts(
  options: NodeOptions,
  undo: (() => unknown)[],
  progress: StartProgress,
): Promise<ReadyView> {
  const { config, clock, logger, onLogout } = options;
  progress.waitsFor('the profile');
  await requirePrivateProfile(config.home);
  const controlFile = new PublishedControlFile(config.home, logger);
  const keeper = new ProfileKeeper({
    lock: ProfileLock.acquire(config.home),
    clock,
    logger,
    onBack: () => void controlFile.publishAgain(),
    onTaken: onLogout,
  });
  undo.push(() => keeper.release());
  keeper.watch();
  const identity = await loadIdentity(config.home);
  const store = await FileProfileStore.open(config.home, config.user);
  const settings = store.settings(config);
  const page = await FilePageStore.open(config.home);
  const environment = new NodeEnvironment({
    ...options,
    profile: {
      identity,
      store,
      settings,
      page,
      diskFailed: () => keeper.diskFailed(),
      problem: () => keeper.problem,
    },
  });
  progress.waitsFor('the message database to open');
  const app = await createApp(environment);
  undo.push(() => app.close());
  progress.waitsFor('what the message database holds, and the peer port');
  await app.init();
  progress.waitsFor('the control port');
  const controlPort = await listenOnLoopback(app, config.controlPort);
  await listenForBrowsers(app);
  const { peerId } = identity;
  const { user } = settings;
  undo.push(() => controlFile.withdraw());
  await controlFile.publish({
    port: controlPort,
    token: app.get(NodeInfo).token,
    pid: process.pid,
    peerId,
    user,
  });
  return { peerId, user, peerPort: app.get(Chat).port, controlPort, storage: environment.storage };
}

async function createApp(environment: NodeEnvironment): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(environment), controlAdapter(), {
    logger: false,
    abortOnError: false,
    // Fastify's own parser refuses what would reach a prototype; Nest's are for forms as well.
    bodyParser: false,
  });
  protectControlApi(app);
  return app;
}

async function undoAll(steps: readonly (() => unknown)[]): Promise<void> {
  for (const step of steps.toReversed()) await step();
}
