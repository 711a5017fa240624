import { EventEmitter } from 'node:events';
import { createInterface, type Key } from 'node:readline';
import { PassThrough } from 'node:stream';

/** A lone Esc is told from the start of a key's sequence by what follows within this time, in milliseconds. */
const ESCAPE_TIMEOUT_MS = 50;

const FOCUS_IN = '\u001b[I';
const FOCUS_OUT = '\u001b[O';

/** What the name of a {@link Key} says when it is a pasted block: its `sequence` is the text. */
export const PASTE = 'paste';

interface Press {
  text: string | undefined;
  key: Key;
}

// Letters that mean something with Alt, as in every shell: word by word.
const ALT_LETTERS = 'bfd';

/** Esc and a letter in one read are two keys: a machine under load has them both before it looks at the first. */
function apart(press: Press): Press[] {
  const [escape, letter = '', ...more] = press.key.sequence ?? '';
  const isAlone = escape === '\u001b' && more.length === 0 && letter !== '[' && /^\P{C}$/u.test(letter);
  if (press.key.meta !== true || !isAlone || ALT_LETTERS.includes(letter)) return [press];
  return [
    { text: undefined, key: { name: 'escape', sequence: escape } },
    { text: letter, key: { name: letter.toLowerCase(), sequence: letter } },
  ];
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
   * @param onFocus the terminal has the person's attention, or has it no longer
   */
  constructor(
    private readonly source: NodeJS.ReadStream,
    private readonly onInterrupt: () => void,
    private readonly onPress: () => void = () => undefined,
    private readonly onFocus: (focused: boolean) => void = () => undefined,
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
    // What a terminal reports where it was asked to (DEC mode 1004) is no key.
    if (key.sequence === FOCUS_IN || key.sequence === FOCUS_OUT) {
      this.onFocus(key.sequence === FOCUS_IN);
      return;
    }
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
      for (const press of apart({ text, key })) this.#take(press);
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
