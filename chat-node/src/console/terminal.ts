import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';

/** A lone Esc is told from the start of a key's sequence by what follows within this time, in milliseconds. */
const ESCAPE_TIMEOUT_MS = 50;

const ENTER_SCREEN = '\u001b[?1049h';
const LEAVE_SCREEN = '\u001b[?1049l';
const CLEAR = '\u001b[2J\u001b[H';
const SHOW_CURSOR = '\u001b[?25h';

/** The person's terminal while the console is open: a screen of its own, so that what stood there comes back. */
export class Terminal {
  /** Whether it can do more than print lines. */
  readonly #able: boolean;
  #entered = false;

  constructor(
    private readonly input: NodeJS.ReadStream,
    private readonly output: NodeJS.WriteStream,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#able = env.TERM !== 'dumb';
  }

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    // The first reader of the keys decides for how long Esc is waited for.
    const keys = createInterface({
      input: this.input,
      output: new PassThrough(),
      terminal: true,
      escapeCodeTimeout: ESCAPE_TIMEOUT_MS,
    });
    keys.close();
    if (this.#able) this.output.write(ENTER_SCREEN + CLEAR);
  }

  clear(): void {
    if (this.#able) this.output.write(CLEAR);
  }

  /** Gives the terminal back as it was. Harmless when done twice. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    if (this.input.isTTY) this.input.setRawMode(false);
    this.input.pause();
    this.output.write(this.#able ? SHOW_CURSOR + LEAVE_SCREEN : '\n');
  }
}
