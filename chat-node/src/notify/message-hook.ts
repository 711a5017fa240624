import { spawn, type ChildProcess } from 'node:child_process';
import { type Clock, errorMessage } from '@p2p-chat/shared';
import type { Message } from '../core/conversations/message.js';
import type { ChatEvents } from '../core/events.js';
import type { KeptBatch } from '../core/ports/conversation.store.js';
import type { ChatLog } from '../core/ports/log.js';

/** Commands that run at the same time: a burst of messages is no storm of processes. */
export const MAX_RUNNING_HOOKS = 4;
/** Messages that wait for one; those that come when it is full are not announced. */
export const MAX_WAITING_HOOKS = 256;
/** How long one may run, in milliseconds. */
export const HOOK_TIMEOUT_MS = 10_000;

export interface MessageHookOptions {
  /** The program and its arguments. */
  command: readonly string[];
  clock: Clock;
  log: ChatLog;
  /** The messages of a batch. */
  messagesOf: (kept: KeptBatch) => Message[];
  /** The message with an id, as it is now. */
  messageOf: (id: string) => Promise<Message | null>;
  /** Whether a message is to be announced: none of a stranger, and none while the user wants peace. @param calls whether it is for them by name */
  isWanted: (message: Message, calls: boolean) => boolean;
  /** A message as clients of the control API get it. */
  view: (message: Message) => object;
}

/** A message, and why it is announced. */
interface Announced {
  event: 'message' | 'reminder' | 'mention';
  message: Message;
}

/**
 * Runs a command of the user's for each message that arrives, with the message
 * as JSON on its standard input. Never through a shell: nothing of a message
 * is part of a command line. What fails is logged and harms nothing else.
 */
export class MessageHook {
  readonly #waiting: Announced[] = [];
  readonly #running = new Set<ChildProcess>();
  readonly #unsubscribe: () => void;
  #stopped = false;

  constructor(
    private readonly options: MessageHookOptions,
    events: ChatEvents,
  ) {
    this.#unsubscribe = events.subscribe((event) => {
      if (event.type === 'reminder' || event.type === 'mention') void this.#call(event.type, event.id);
      if (event.type !== 'messages' || event.kept.receivedAt === null) return;
      for (const message of this.options.messagesOf(event.kept)) this.#take({ event: 'message', message });
    });
  }

  /** Starts no more, and ends those that run. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#waiting.length = 0;
    for (const child of this.#running) endAll(child);
  }

  async #call(event: 'reminder' | 'mention', id: string): Promise<void> {
    try {
      const message = await this.options.messageOf(id);
      if (message !== null && !this.#stopped) this.#take({ event, message });
    } catch (error) {
      this.options.log.warn({ error: errorMessage(error) }, 'a message is not announced');
    }
  }

  #take(announced: Announced): void {
    if (!this.options.isWanted(announced.message, announced.event !== 'message')) return;
    if (this.#waiting.length >= MAX_WAITING_HOOKS) {
      this.options.log.warn(
        { waiting: MAX_WAITING_HOOKS },
        'a message is not announced: the command is too slow',
      );
      return;
    }
    this.#waiting.push(announced);
    this.#next();
  }

  #next(): void {
    while (!this.#stopped && this.#running.size < MAX_RUNNING_HOOKS) {
      const announced = this.#waiting.shift();
      if (announced === undefined) return;
      this.#run(announced);
    }
  }

  #run({ event, message }: Announced): void {
    const [program = '', ...args] = this.options.command;
    const { clock, log } = this.options;
    let child: ChildProcess;
    try {
      // A process group of its own, so that what it starts ends with it.
      child = spawn(program, args, {
        stdio: ['pipe', 'ignore', 'ignore'],
        detached: true,
        env: withoutSecrets(process.env),
      });
    } catch (error) {
      // A path with a NUL, for example.
      log.warn({ program, error: errorMessage(error) }, 'the command for messages cannot be started');
      return;
    }
    this.#running.add(child);
    const late = clock.setTimeout(() => {
      log.warn({ program, seconds: HOOK_TIMEOUT_MS / 1_000 }, 'the command for messages took too long');
      endAll(child);
    }, HOOK_TIMEOUT_MS);
    const ended = (): void => {
      late.clear();
      if (this.#running.delete(child)) this.#next();
    };
    child.on('error', (error) => {
      log.warn({ program, error: errorMessage(error) }, 'the command for messages cannot be started');
      ended();
    });
    child.on('exit', (status, signal) => {
      if (status !== 0 && !this.#stopped)
        log.warn({ program, status, signal }, 'the command for messages failed');
      ended();
    });
    // It may end without reading any of it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${JSON.stringify({ event, ...this.options.view(message) })}\n`);
  }
}

// The address of a database may have its password in it.
function withoutSecrets({ MONGODB_URI: _, ...env }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return env;
}

function endAll({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
