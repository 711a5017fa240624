import { once } from 'node:events';
import { errorMessage, P2pChatError, safeLine, safeText, shortPeerId, SystemClock } from '@p2p-chat/shared';
import { type NodeConfig, readConfig } from './config.js';
import { RunningNode } from './lifecycle.js';
import { createLogger, type Logger } from './logger.js';
import type { Environment } from '../profile/profile.js';

export interface DaemonOptions {
  /** The settings; flags are already merged into it. */
  env: Environment;
  /** Whether the ready line is JSON. */
  json: boolean;
}

const DONE = 0;
const FAILED = 1;
const WRONG_USE = 2;

/**
 * Runs a node until SIGTERM, SIGINT, a logout, or, where it is attached, the
 * end of the process that started it. A second signal ends it at once.
 * @returns the exit status: 0 after an orderly end, 1 where it could not start, 2 for a wrong setting
 */
export async function runDaemon({ env, json }: DaemonOptions): Promise<number> {
  let config: NodeConfig;
  try {
    config = readConfig(env);
  } catch (error) {
    return explain(error, WRONG_USE);
  }
  // Threads do not start in a folder that was deleted, and a disk that is somebody's folder cannot be unmounted.
  process.chdir('/');
  const logger = createLogger(config.logLevel);
  const end = new AbortController();
  const ended = once(end.signal, 'abort');
  listenForTheEnd(end, config.attached, logger);
  let node: RunningNode;
  try {
    node = await RunningNode.start({
      config,
      clock: new SystemClock(),
      random: Math.random,
      logger,
      onLogout: () => end.abort('logout'),
    });
  } catch (error) {
    return explain(error, FAILED);
  }
  announce(node, config, json);
  if (!end.signal.aborted) await ended;
  logger.info({ reason: String(end.signal.reason) }, 'stopping');
  await node.stop();
  return DONE;
}

function listenForTheEnd(end: AbortController, attached: boolean, logger: Logger): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => end.abort(signal));
  }
  if (attached) process.once('disconnect', () => end.abort('the console has ended'));
  // Whoever watched the output may be gone; the node goes on.
  process.stdout.on('error', (error) => logger.debug({ error: errorMessage(error) }, 'stdout is closed'));
}

function announce({ ready }: RunningNode, config: NodeConfig, json: boolean): void {
  const line = json
    ? JSON.stringify({ event: 'ready', ...ready })
    : `${safeLine(ready.user)} (${shortPeerId(ready.peerId)}) is ready: peers on port ${ready.peerPort}, ` +
      `messages in ${ready.storage}, data in ${safeLine(config.home)}.\nOpen the screens with: p2p-chat console`;
  process.stdout.write(`${line}\n`);
}

function explain(error: unknown, status: number): number {
  if (!(error instanceof P2pChatError)) throw error;
  process.stderr.write(
    `p2p-chat: ${safeText(error.message)}\n${error.hint === undefined ? '' : `  ${safeText(error.hint)}\n`}`,
  );
  return status;
}
