import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makePrivateFolder, obstacleAt, P2pChatError } from '@p2p-chat/shared';

/** The log of a node that the console started, in the profile's data directory. */
export const NODE_LOG = 'node.log';

/**
 * Options of Node for a process that is a node. It lives for days with little
 * to do, and by default V8 keeps 16 MiB for each half of its young generation.
 * `bin/p2p-chat.js` says the same in its first line.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

export interface AttachedNodeOptions {
  /** The built entry point of the command line. */
  main: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The profile's data directory. */
  home: string;
}

/** A node that runs for as long as the console does: it ends by itself when its parent is gone. */
export class AttachedNode {
  /** Resolves with the exit status when the node has ended (null: by a signal). */
  readonly exited: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    private readonly log: string,
  ) {
    this.exited = new Promise((resolve) => child.once('exit', resolve));
  }

  /**
   * Starts a node and waits until it is ready.
   * @throws {P2pChatError} `node-failed`, with what the node said last, or why its log cannot be written
   */
  static async start({ main, env, home }: AttachedNodeOptions): Promise<AttachedNode> {
    const path = join(home, NODE_LOG);
    const log = await openLog(path, home);
    try {
      const child = spawn(process.execPath, [...NODE_FLAGS, main, 'daemon', '--json'], {
        env: { ...env, P2P_CHAT_ATTACHED: '1' },
        stdio: ['ignore', 'pipe', log.fd, 'ipc'],
        // Ctrl-C in the terminal is the console's affair.
        detached: true,
      });
      const node = new AttachedNode(child, path);
      await node.ready();
      return node;
    } finally {
      await log.close();
    }
  }

  /** Lets the node end by itself, and waits until it has. */
  async release(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    await this.exited;
  }

  private async ready(): Promise<void> {
    const { stdout } = this.child;
    if (stdout === null) throw new TypeError('The node was started without a pipe.');
    const lines = createInterface({ input: stdout });
    const ready = (async () => {
      for await (const line of lines) if (line.includes('"ready"')) return true;
      return false;
    })();
    const failed = once(this.child, 'error').then(([error]: unknown[]) => Promise.reject(error as Error));
    const isReady = await Promise.race([ready, failed]);
    stdout.resume();
    if (isReady) return;
    const status = await this.exited;
    const log = await readFile(this.log, 'utf8').catch(() => '');
    const words = lastWords(log) ?? `it ended with status ${status ?? 'unknown'}.`;
    throw new P2pChatError('node-failed', `The node could not start: ${words}`, {
      hint: [lastAdvice(log), `Its log is ${this.log}.`].filter((line) => line !== undefined).join(' '),
    });
  }
}

async function openLog(path: string, home: string): Promise<FileHandle> {
  try {
    makePrivateFolder(home);
    return await open(path, 'w', 0o600);
  } catch (error) {
    const { reason, hint } = obstacleAt(path, error, undefined, home);
    throw new P2pChatError('node-failed', `Cannot write to ${path}: ${reason}.`, { hint, cause: error });
  }
}

/** What a node told a person to do, below its last error. */
export function lastAdvice(log: string): string | undefined {
  const lines = log.split('\n');
  const said = lines.findLastIndex((line) => told(line) !== undefined);
  return said === -1 ? undefined : /^ {2}(\S.*)/.exec(lines[said + 1] ?? '')?.[1];
}

/** The last error of a node's log, in its own words: what it told a person, logged, or died of. */
export function lastWords(log: string): string | undefined {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  for (const read of [told, logged, diedOf]) {
    const words = lines.map(read).findLast((found) => found !== undefined);
    if (words !== undefined) return words;
  }
  return lines.at(-1);
}

function told(line: string): string | undefined {
  return /^p2p-chat: (.*)/.exec(line)?.[1] ?? parsed(line)?.error?.detail;
}

function logged(line: string): string | undefined {
  // Of pino's levels.
  const errorLevel = 50;
  const entry = parsed(line);
  return (entry?.level ?? 0) >= errorLevel ? entry?.msg : undefined;
}

/** A line of JSON: of the log, or what `--json` makes of an error that nobody foresaw. */
function parsed(line: string): { level?: number; msg?: string; error?: { detail?: string } } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as ReturnType<typeof parsed>;
  } catch {
    return undefined;
  }
}

function diedOf(line: string): string | undefined {
  return /^(?:Uncaught )?(?:\w*Error)(?: \[\w+\])?: (.*)/.exec(line)?.[1];
}
