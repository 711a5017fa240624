import { createRequire } from 'node:module';
import { spawn, type IPty } from '@lydell/node-pty';
import type { Terminal } from '@xterm/headless';
import { ROOT } from './processes.ts';

// A CommonJS module whose names Node cannot see from outside.
const xterm = createRequire(import.meta.url)('@xterm/headless') as { Terminal: typeof Terminal };

/** How long something may take to show, in milliseconds: generous, for a loaded machine. */
const SHOW_TIMEOUT_MS = 30_000;

/** What the keys send. */
const KEYS = {
  enter: '\r',
  escape: '\u001b',
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  backspace: '\u007f',
  tab: '\t',
  pageUp: '\u001b[5~',
  pageDown: '\u001b[6~',
  ctrlC: '\u0003',
} as const;
export type Key = keyof typeof KEYS;

export interface TerminalOptions {
  cols?: number;
  rows?: number;
  /** The whole environment of the program. */
  env: Record<string, string>;
}

/**
 * A program in a pseudo-terminal, and the screen that a person would see:
 *
 *     const screen = new TerminalSession(process.execPath, [CHAT_MAIN, 'console'], { env });
 *     await screen.shows('Read Messages');
 *     screen.press('down', 'enter');
 */
export class TerminalSession {
  /** The screen's model. */
  readonly terminal: Terminal;
  /** Resolves with the exit status when the program has ended. */
  readonly exited: Promise<number>;
  readonly #pty: IPty;
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(command: string, args: readonly string[], options: TerminalOptions) {
    const { cols = 80, rows = 24, env } = options;
    this.terminal = new xterm.Terminal({ cols, rows, scrollback: 1_000, allowProposedApi: true });
    this.#pty = spawn(command, [...args], {
      name: 'xterm-256color',
      cols,
      rows,
      cwd: ROOT,
      env: { ...env, TERM: env['TERM'] ?? 'xterm-256color' },
    });
    this.#pty.onData((data) => this.terminal.write(data, () => this.#changed()));
    // Questions about the terminal (cursor position, …) are answered as a real one would.
    this.terminal.onData((answer) => this.#write(answer));
    this.exited = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#ended = true;
        // What was printed last may still be on its way into the model.
        this.terminal.write('', () => {
          resolve(exitCode === 0 && signal !== undefined && signal !== 0 ? 128 + signal : exitCode);
          this.#changed();
        });
      });
    });
  }

  /** Process id of the program. */
  get pid(): number {
    return this.#pty.pid;
  }

  /** What is on the screen, line by line, without trailing space. */
  text(): string {
    const { active } = this.terminal.buffer;
    const lines: string[] = [];
    for (let row = 0; row < this.terminal.rows; row += 1) {
      lines.push(active.getLine(active.viewportY + row)?.translateToString(true) ?? '');
    }
    return lines.join('\n').trimEnd();
  }

  /** Everything that was printed outside full screens, the part that scrolled away included. */
  scrolled(): string {
    const { normal } = this.terminal.buffer;
    const lines: string[] = [];
    for (let row = 0; row < normal.length; row += 1) {
      lines.push(normal.getLine(row)?.translateToString(true) ?? '');
    }
    return lines.join('\n').trimEnd();
  }

  /** Waits until the screen shows this. @returns the screen's text */
  shows(what: string | RegExp, timeoutMs = SHOW_TIMEOUT_MS): Promise<string> {
    return this.#until(what, (text) => found(text, what), timeoutMs);
  }

  /** Waits until the screen does not show this any more. @returns the screen's text */
  hides(what: string | RegExp, timeoutMs = SHOW_TIMEOUT_MS): Promise<string> {
    return this.#until(`no ${what}`, (text) => !found(text, what), timeoutMs);
  }

  /** Types text as a person would, without an Enter. */
  type(text: string): void {
    this.#write(text);
  }

  press(...keys: Key[]): void {
    for (const key of keys) this.#write(KEYS[key]);
  }

  resize(cols: number, rows: number): void {
    this.terminal.resize(cols, rows);
    this.#pty.resize(cols, rows);
  }

  /** Sends a signal to the program; SIGHUP is what closing a terminal's window does. */
  signal(name: 'SIGHUP' | 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#ended) this.#pty.kill(name);
  }

  /** Ends the program at once and waits until it is gone. */
  async close(): Promise<void> {
    this.signal('SIGKILL');
    await this.exited;
    this.terminal.dispose();
  }

  #write(data: string): void {
    if (!this.#ended) this.#pty.write(data);
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }

  #until(what: string | RegExp, holds: (text: string) => boolean, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (error?: string): void => {
        clearTimeout(late);
        this.#watchers.delete(look);
        if (error === undefined) resolve(this.text());
        else reject(new Error(`${error} for ${String(what)}; the screen is:\n${this.text()}`));
      };
      const look = (): void => {
        if (holds(this.text())) settle();
        else if (this.#ended) settle('The program ended before the wait');
      };
      const late = setTimeout(() => settle(`Waited ${timeoutMs} ms in vain`), timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }
}

function found(text: string, what: string | RegExp): boolean {
  return typeof what === 'string' ? text.includes(what) : what.test(text);
}
