import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { type Clock, type StatusView, shortPeerId, VERSION } from '@p2p-chat/shared';
import { AppModule, composeChat, openStorage, type Storage } from '../app.module.js';
import type { Chat } from '../chat/chat.js';
import type { ChatEvents } from '../chat/events.js';
import type { NodeConfig } from './config.js';
import { ControlServer } from '../control-api/control-server.js';
import { EventLog } from '../control-api/event-log.js';
import type { NodeInfo } from '../control-api/node-info.js';
import { localAddresses } from '../discovery/local-addresses.js';
import { loadIdentity } from '../profile/keystore.js';
import type { Logger } from './logger.js';
import { MessageHook } from '../notify/message-hook.js';
import { requirePrivateProfile } from '../profile/profile-files.js';
import { ProfileKeeper } from '../profile/profile-keeper.js';
import { ProfileLock } from '../profile/profile-lock.js';
import { FileProfileStore } from '../profile/profile-settings.js';
import { PublishedControlFile } from '../profile/published-control-file.js';
import { StartProgress } from './start-progress.js';

export interface NodeEnvironment {
  config: NodeConfig;
  clock: Clock;
  random: () => number;
  logger: Logger;
  /** Called when a client asks the node to end. */
  onLogout: () => void;
}

/** What the daemon says when it is ready. */
export type ReadyView = Pick<StatusView, 'peerId' | 'user' | 'peerPort' | 'controlPort' | 'storage'>;

const TOKEN_BYTES = 32;

/**
 * A node that runs. It starts from the inside out (profile, key, storage,
 * links, discovery, control API) and stops from the outside in.
 */
export class RunningNode {
  private constructor(
    private readonly parts: RunningParts,
    /** Who and where the node is. */
    readonly ready: ReadyView,
  ) {}

  /**
   * Starts a node. Where a part cannot start, those before it are stopped.
   * @throws {P2pChatError} of the part that could not start
   */
  static async start(environment: NodeEnvironment): Promise<RunningNode> {
    const undo: (() => unknown)[] = [];
    const progress = new StartProgress(environment.clock, environment.logger);
    try {
      const { parts, ready } = await startParts(environment, undo, progress);
      return new RunningNode(parts, ready);
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    } finally {
      progress.done();
    }
  }

  /** Withdraws, says bye, finishes what is being saved, lets go of the profile. */
  async stop(): Promise<void> {
    const { keeper, storage, chat, hook, log, control, controlFile } = this.parts;
    log.close();
    await controlFile.withdraw();
    await chat.stop();
    hook?.stop();
    await control.stop();
    await storage.close();
    keeper.release();
  }
}

interface RunningParts {
  keeper: ProfileKeeper;
  storage: Storage;
  chat: Chat;
  hook: MessageHook | null;
  log: EventLog;
  control: ControlServer;
  controlFile: PublishedControlFile;
}

/**
 * @param undo is given what stops each part that was started
 * @param progress is told what is waited for
 */
async function startParts(
  environment: NodeEnvironment,
  undo: (() => unknown)[],
  progress: StartProgress,
): Promise<{ parts: RunningParts; ready: ReadyView }> {
  const { config, clock, random, logger, onLogout } = environment;
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
  const identity = await loadIdentity(config.home);
  const store = await FileProfileStore.open(config.home, config.user);
  const profile = { store, settings: store.settings(config) };
  progress.waitsFor('the message database to open');
  const storage = await openStorage(config, () => keeper.diskFailed());
  undo.push(() => storage.close());
  const { chat, diagnosis, events, instance } = composeChat({
    config,
    profile,
    identity,
    storage,
    clock,
    random,
    logger,
  });
  const log = new EventLog(instance, events);
  const hook = startHook({ config, clock, logger, chat, events });
  undo.push(() => hook?.stop());
  undo.push(() => chat.stop());
  progress.waitsFor('what the message database holds, and the peer port');
  const peerPort = await chat.start();
  progress.waitsFor('the control port');

  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const { home } = config;
  const { user } = profile.settings;
  const { peerId } = identity;
  const storageKind = config.mongodbUri === null ? 'sqlite' : 'mongodb';
  const node = {
    identity: { peerId, storage: storageKind, home, pid: process.pid, version: VERSION },
    token,
    controlPort: 0,
    addresses: () => (config.host === '' ? localAddresses() : [config.host]),
    logout: onLogout,
  } satisfies NodeInfo;
  const module = AppModule.of(chat, diagnosis, log, node, clock, logger);
  const control = await ControlServer.start(module, token, config.controlPort);
  undo.push(() => control.stop());
  node.controlPort = control.port;
  await controlFile.publish({ port: control.port, token, pid: process.pid, peerId, user });
  return {
    parts: { keeper, storage, chat, hook, log, control, controlFile },
    ready: { peerId, user, peerPort, controlPort: control.port, storage: storageKind },
  };
}

function startHook({
  config,
  clock,
  logger,
  chat,
  events,
}: Pick<NodeEnvironment, 'config' | 'clock' | 'logger'> & {
  chat: Chat;
  events: ChatEvents;
}): MessageHook | null {
  if (config.onMessage.length === 0) return null;
  return new MessageHook(
    {
      command: config.onMessage,
      clock,
      log: logger,
      isWanted: ({ author }) => chat.isTrusted(author) && chat.profile.settings.presence !== 'dnd',
      nameOf: (peerId) => chat.knownPeer(peerId)?.user ?? shortPeerId(peerId),
    },
    events,
  );
}
