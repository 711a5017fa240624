import type { Keyboard } from './keyboard.js';

// A screen of its own, pasted blocks marked as such, and word of where the person looks.
const ENTER_SCREEN = '\u001b[?1049h\u001b[2J\u001b[H\u001b[?2004h\u001b[?1004h';
const LEAVE_SCREEN = '\u001b[?1004l\u001b[?2004l\u001b[?25h\u001b[?1049l';

/** The person's terminal while the console is open: a screen of its own, so that what stood there comes back. */
export class Terminal {
  #entered = false;

  constructor(
    private readonly keyboard: Keyboard,
    private readonly output: NodeJS.WriteStream,
  ) {}

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.keyboard.open();
    this.output.write(ENTER_SCREEN);
  }

  /** Gives the terminal back as it was. Harmless when done twice. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    // First: a process that is no longer in the foreground may write, but is stopped where it changes modes.
    this.output.write(LEAVE_SCREEN);
    this.keyboard.close();
  }
}
