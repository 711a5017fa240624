import { styleText } from 'node:util';
import { AbortPromptError, ExitPromptError } from '@inquirer/core';
import { errorCode, safeLine, type Clock } from '@p2p-chat/shared';
import { Activity } from './activity.js';
import { AttachedNode } from './attached-node.js';
import { Drafts } from './drafts.js';
import { clipboardSequence } from './clipboard.js';
import { ControlClient } from './control-client.js';
import { isFormatting } from './formatting.js';
import { secondConsole } from './labels.js';
import { LiveView } from '@p2p-chat/shared/client';
import { NodeKeeper } from './node-keeper.js';
import { notificationsOf } from './notifications.js';
import { Notifier } from './notifier.js';
import { home } from './screens/home.js';
import { plainInterface, screenInterface } from './user-interface.js';

export interface ConsoleOptions {
  profile: { user: string; home: string };
  /** The settings of a node that is started; `P2P_CHAT_ENDS_WITH_CONSOLE` is set by who ends a running one after the console. */
  env: Readonly<Record<string, string | undefined>>;
  /** The built entry point of the command line. */
  main: string;
  clock: Clock;
  /** Lines only, nothing redrawn. */
  plain: boolean;
}

/** The last words to the node must not keep a person waiting, in milliseconds. */
const LOGOUT_TIMEOUT_MS = 5_000;

const STAYS = 'Your node goes on running, and you stay online: "p2p-chat logout" ends it.\n';

/**
 * The console: attaches to the profile's node, or starts one for as long as it
 * is open, and shows the screens until the person logs out or presses Ctrl-C.
 * A node that it attached to goes on running, but after a logout.
 * @returns the exit status
 * @throws {P2pChatError} where no node could be reached or started
 */
export async function runConsole({ profile, env, main, clock, plain }: ConsoleOptions): Promise<number> {
  const { bell, title, desktop } = notificationsOf(env);
  const formats = isFormatting(env);
  const notifications = plain ? { bell, title: false, desktop: null } : { bell, title, desktop };
  const client = new ControlClient(profile.home, clock);
  const node = await reachNode(client, profile, { main, env, clock });
  const leaving = new AbortController();
  const onSignal = (): void => leaving.abort();
  // Between two prompts nobody else listens for Ctrl-C.
  process.on('SIGINT', onSignal);
  // The terminal was closed, or the machine goes down.
  process.on('SIGHUP', onSignal).on('SIGTERM', onSignal);
  let choice: 'logout' | 'leave' = 'leave';

  const activity = new Activity(clock, (idle) => {
    client.setIdle(idle, leaving.signal).catch(() => undefined);
  });
  const ui = (plain ? plainInterface : screenInterface)({
    clock,
    onInterrupt: onSignal,
    onPress: () => activity.pressed(),
    onFocus: (attentive) => view.store.update((state) => ({ ...state, attentive })),
    signal: leaving.signal,
  });
  const drafts = new Drafts(profile.home);
  const view = new LiveView(client, clock, leaving.signal);
  const notifier = new Notifier(view, process.stdout, notifications, clock);
  try {
    await view.start();
    ui.open();
    activity.start();
    notifier.start();
    const copy = (text: string): void => void process.stdout.write(clipboardSequence(text));
    const screens = { secondConsole: secondConsole(env), formats, writing: new Map(), copy };
    choice = await home({ view, ask: ui.ask, drafts, ...screens });
  } catch (error) {
    if (!isLeaving(error) && !leaving.signal.aborted) throw error;
  } finally {
    leaving.abort();
    activity.stop();
    notifier.stop();
    ui.close();
    // Who does not want to wait for a node to end need not.
    process.off('SIGINT', onSignal).off('SIGHUP', onSignal).off('SIGTERM', onSignal);
    if (choice === 'logout') await logout(client);
    await node?.release();
  }
  const { me, connection } = view.store.get();
  const isOut = choice === 'logout' || node !== undefined;
  process.stdout.write(`${isOut ? 'Logged out. ' : ''}Goodbye, ${safeLine(me?.user ?? profile.user)}.\n`);
  const stays = !isOut && connection.state === 'connected' && !env.P2P_CHAT_ENDS_WITH_CONSOLE;
  if (stays) process.stdout.write(STAYS);
  return 0;
}

/** @returns the node where it was started here; undefined where one was running */
async function reachNode(
  client: ControlClient,
  profile: ConsoleOptions['profile'],
  { main, env, clock }: Pick<ConsoleOptions, 'main' | 'env' | 'clock'>,
): Promise<NodeKeeper | undefined> {
  if (await isRunning(client)) return undefined;
  process.stdout.write(styleText('dim', `Starting a node for ${safeLine(profile.user)}…\n`));
  try {
    return await NodeKeeper.start(() => AttachedNode.start({ main, env, home: profile.home }), clock);
  } catch (error) {
    // Two consoles opened at the same moment: the other one's node is as good.
    if (await isRunning(client)) return undefined;
    throw error;
  }
}

async function isRunning(client: ControlClient): Promise<boolean> {
  try {
    await client.status();
    return true;
  } catch (error) {
    if (errorCode(error) === 'node-not-running') return false;
    throw error;
  }
}

async function logout(client: ControlClient): Promise<void> {
  // A node that is away needs no logout.
  await client.logout(AbortSignal.timeout(LOGOUT_TIMEOUT_MS)).catch(() => undefined);
}

function isLeaving(error: unknown): boolean {
  return error instanceof ExitPromptError || error instanceof AbortPromptError;
}
