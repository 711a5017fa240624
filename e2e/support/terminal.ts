import { spawn, type IPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { baseEnvironment, CHAT_MAIN } from './processes.ts';

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  /** Settings on top of the environment of all tests. */
  env?: Record<string, string>;
  /** The program; without it, this Node. */
  file?: string;
}

/** How long a condition on the screen may take to come true, in milliseconds: generous, for a loaded machine. */
const SCREEN_TIMEOUT_MS = 20_000;

const KEYS = {
  enter: '\r',
  escape: '\u001b',
  up: '\u001b[A',
  down: '\u001b[B',
  home: '\u001b[H',
  end: '\u001b[F',
  pageup: '\u001b[5~',
  pagedown: '\u001b[6~',
  backspace: '\u007f',
  left: '\u001b[D',
  'ctrl-c': '\u0003',
  'ctrl-d': '\u0004',
} as const;

export type Key = keyof typeof KEYS;

/** A program in a pseudo-terminal, and what a person would see there. */
export class TerminalSession {
  /** The model of the screen. */
  readonly terminal: InstanceType<typeof xterm.Terminal>;
  /** All bytes that reached the terminal. */
  output = '';
  /** Resolves with the exit status when the program has ended. */
  readonly exited: Promise<number>;
  readonly #pty: IPty;
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(args: readonly string[], options: TerminalOptions = {}) {
    const { columns = 100, rows = 30 } = options;
    this.terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#pty = spawn(options.file ?? process.execPath, [...args], {
      cols: columns,
      rows,
      name: options.env?.['TERM'] ?? 'xterm-256color',
      env: { ...baseEnvironment(), TERM: 'xterm-256color', ...options.env },
    });
    this.#pty.onData((data) => {
      this.output += data;
      this.terminal.write(data, () => this.#look());
    });
    this.exited = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode }) => {
        this.#ended = true;
        // What the terminal got last is drawn before anybody looks.
        this.terminal.write('', () => {
          this.#look();
          resolve(exitCode);
        });
      });
    });
  }

  /** Opens the console of a profile. */
  static console(env: Record<string, string>, options: TerminalOptions = {}): TerminalSession {
    return new TerminalSession([CHAT_MAIN, 'console'], { ...options, env: { ...env, ...options.env } });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** The screen as lines, without spaces at their ends and without empty lines at its end. */
  get screen(): string {
    const { active } = this.terminal.buffer;
    const lines = Array.from({ length: this.terminal.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? '').trimEnd(),
    );
    return lines.join('\n').trimEnd();
  }

  /** Whether the program has a screen of its own, beside the one of the shell. */
  get hasOwnScreen(): boolean {
    return this.terminal.buffer.active.type === 'alternate';
  }

  /** Where the cursor stands. */
  get cursor(): { column: number; row: number } {
    const { cursorX, cursorY } = this.terminal.buffer.active;
    return { column: cursorX, row: cursorY };
  }

  /** Types text, as fast as a paste. */
  type(text: string): void {
    this.#pty.write(text);
  }

  press(...keys: Key[]): void {
    for (const key of keys) this.#pty.write(KEYS[key]);
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  /** Waits until the screen shows this. @returns the screen */
  async until(what: string | RegExp | ((screen: string) => boolean)): Promise<string> {
    const shows =
      typeof what === 'function'
        ? what
        : (screen: string) => (typeof what === 'string' ? screen.includes(what) : what.test(screen));
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(late);
        this.#watchers.delete(look);
      };
      const look = (): void => {
        const { screen } = this;
        if (shows(screen)) {
          stop();
          resolve(screen);
        } else if (this.#ended) {
          stop();
          reject(new Error(`The program ended before its screen showed ${String(what)}:\n${screen}`));
        }
      };
      const late = setTimeout(() => {
        stop();
        reject(new Error(`The screen does not show ${String(what)}:\n${this.screen}`));
      }, SCREEN_TIMEOUT_MS);
      this.#watchers.add(look);
      look();
    });
  }

  /** Moves the selection of a list to the row that begins with this, and chooses it. */
  async choose(row: string): Promise<void> {
    const isWanted = (line: string): boolean => /^[❯ ] /.test(line) && line.slice(2).startsWith(row);
    const isSelected = (line: string): boolean => line.startsWith('❯ ');
    const ready = await this.until((screen) => {
      const lines = screen.split('\n');
      return lines.some(isWanted) && lines.some(isSelected);
    });
    const lines = ready.split('\n');
    const distance = lines.findIndex(isWanted) - lines.findIndex(isSelected);
    for (let i = 0; i < Math.abs(distance); i += 1) this.press(distance > 0 ? 'down' : 'up');
    await this.until((screen) => screen.split('\n').some((line) => isSelected(line) && isWanted(line)));
    this.press('enter');
  }

  /** Ends the program at once. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.#ended) this.#pty.kill(signal);
    await this.exited;
  }

  #look(): void {
    // Half of a picture that the program draws as one (DEC mode 2026) is nothing that a person sees.
    const begun = this.output.lastIndexOf('\u001b[?2026h');
    if (begun > this.output.lastIndexOf('\u001b[?2026l') && !this.#ended) return;
    for (const look of [...this.#watchers]) look();
  }
}
