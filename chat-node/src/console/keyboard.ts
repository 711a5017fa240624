import { EventEmitter } from 'node:events';
import { createInterface, type Key } from 'node:readline';
import { PassThrough } from 'node:stream';

/** A lone Esc is told from the start of a key's sequence by what follows within this time, in milliseconds. */
const ESCAPE_TIMEOUT_MS = 50;

/** What the name of a {@link Key} says when it is a pasted block: its `sequence` is the text. */
export const PASTE = 'paste';

interface Press {
  text: string | undefined;
  key: Key;
}

/**
 * The keys of the terminal, read once and kept until a prompt takes them: what
 * is typed while one screen replaces another goes to the next one. A pasted
 * block is one key.
 *
 * To a prompt it is the input stream. It gives `keypress` events only, and
 * those only while a prompt is attached.
 */
export class Keyboard extends EventEmitter {
  readonly #waiting: Press[] = [];
  #pasted: string[] | null = null;
  #attached = false;
  #ended = false;

  /**
   * @param source the terminal
   * @param onInterrupt Ctrl-C while no prompt is there to take it
   * @param onPress somebody pressed any key
   */
  constructor(
    private readonly source: NodeJS.ReadStream,
    private readonly onInterrupt: () => void,
    private readonly onPress: () => void = () => undefined,
  ) {
    super();
    // Readline, Inquirer and its hooks listen for each prompt, and leave again.
    this.setMaxListeners(0);
  }

  /** Starts to read, key by key. */
  open(): void {
    // The first reader of the keys decides for how long Esc is waited for.
    const first = createInterface({
      input: this.source,
      output: new PassThrough(),
      terminal: true,
      escapeCodeTimeout: ESCAPE_TIMEOUT_MS,
    });
    first.close();
    this.source.on('keypress', this.#onKeypress);
    this.source.on('end', this.#onEnd);
    if (this.source.isTTY) this.source.setRawMode(true);
    this.source.resume();
  }

  /** Gives the terminal back. */
  close(): void {
    this.source.off('keypress', this.#onKeypress);
    this.source.off('end', this.#onEnd);
    if (this.source.isTTY) this.source.setRawMode(false);
    this.source.pause();
  }

  /** A prompt is ready for keys: it gets those that wait, one by one, until it detaches. @returns detaches it */
  attach(): () => void {
    this.#attached = true;
    // After the prompt's first drawing, of which this is called as a part.
    queueMicrotask(() => this.#deliver());
    return () => {
      this.#attached = false;
    };
  }

  // What readline asks of an input stream, which the terminal needs only once.
  pause(): this {
    return this;
  }
  resume(): this {
    return this;
  }

  #onKeypress = (text: string | undefined, key: Key): void => {
    this.onPress();
    if (key.name === 'paste-start') {
      this.#pasted = [];
    } else if (key.name === 'paste-end') {
      const sequence = (this.#pasted ?? []).join('');
      this.#pasted = null;
      this.#take({ text: undefined, key: { name: PASTE, sequence } });
    } else if (this.#pasted !== null) {
      this.#pasted.push(key.sequence ?? text ?? '');
    } else {
      this.#take({ text, key });
    }
  };

  #onEnd = (): void => {
    this.#ended = true;
    this.#deliver();
  };

  #take(press: Press): void {
    if (!this.#attached && press.key.ctrl === true && press.key.name === 'c') {
      this.onInterrupt();
      return;
    }
    this.#waiting.push(press);
    this.#deliver();
  }

  #deliver(): void {
    while (this.#attached) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.emit('keypress', next.text, next.key);
    }
    if (this.#attached && this.#ended) this.emit('end');
  }
}
