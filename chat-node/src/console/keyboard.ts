import { EventEmitter } from 'node:events';
import type { Key } from 'node:readline';
import type { Clock, Timer } from '@p2p-chat/shared';
import { keysOf, TerminalInput, type TerminalEvent } from './terminal-input.js';

/** What the name of a {@link Key} says when it is a pasted block: its `sequence` is the text. */
export const PASTE = 'paste';

type Input = Exclude<TerminalEvent, { type: 'focus' }>;

/** What of the keyboard matters beyond the prompts. */
export interface KeyboardListeners {
  /** Ctrl-C while no prompt is there to take it. */
  onInterrupt: () => void;
  /** Ctrl-Z. */
  onSuspend?: () => void;
  /** Somebody pressed any key. */
  onPress?: () => void;
  /** The terminal has the person's attention, or has it no longer. */
  onFocus?: (focused: boolean) => void;
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
  readonly #input = new TerminalInput();
  #late: Timer | null = null;
  #waiting: Input[] = [];
  #attached: { writes: boolean } | null = null;
  #ended = false;

  /** @param source the terminal */
  constructor(
    private readonly source: NodeJS.ReadStream,
    private readonly clock: Clock,
    private readonly notify: KeyboardListeners,
  ) {
    super();
    // Readline, Inquirer and its hooks listen for each prompt, and leave again.
    this.setMaxListeners(0);
  }

  /** Starts to read, key by key. */
  open(): void {
    this.source.on('data', this.#onData);
    this.source.on('end', this.#onEnd);
    if (this.source.isTTY) this.source.setRawMode(true);
    this.source.resume();
  }

  /** Gives the terminal back. */
  close(): void {
    this.#late?.clear();
    this.source.off('data', this.#onData);
    this.source.off('end', this.#onEnd);
    if (this.source.isTTY) this.source.setRawMode(false);
    this.source.pause();
  }

  /**
   * A prompt is ready for keys: it gets those that wait, one by one, until it detaches.
   * @param writes whether text is written there, so that several lines at once are one text; elsewhere they are keys
   * @returns detaches it
   */
  attach(writes: boolean): () => void {
    this.#attached = { writes };
    // After the prompt's first drawing, of which this is called as a part.
    queueMicrotask(() => this.#deliver());
    return () => {
      this.#attached = null;
    };
  }

  // What readline asks of an input stream, which the terminal needs only once.
  pause(): this {
    return this;
  }
  resume(): this {
    return this;
  }

  #onData = (chunk: Buffer): void => {
    this.#take(this.#input.feed(chunk));
    this.#late?.clear();
    const { timeout } = this.#input;
    if (timeout !== null) this.#late = this.clock.setTimeout(this.#onLate, timeout);
  };

  #onLate = (): void => {
    // On a busy machine the rest may be there, and not be read yet.
    const late = setImmediate(() => {
      this.#take(this.#input.flush());
      const { timeout } = this.#input;
      if (timeout !== null) this.#late = this.clock.setTimeout(this.#onLate, timeout);
    });
    this.#late = { clear: () => clearImmediate(late) };
  };

  #onEnd = (): void => {
    this.#take(this.#input.flush());
    this.#ended = true;
    this.#deliver();
  };

  #take(events: readonly TerminalEvent[]): void {
    for (const event of events) {
      if (event.type === 'focus') {
        this.notify.onFocus?.(event.focused);
        continue;
      }
      this.notify.onPress?.();
      if (event.type === 'key' && event.key.ctrl === true && event.key.name === 'z') {
        this.notify.onSuspend?.();
      } else if (this.#attached === null && isInterrupt(event)) {
        this.notify.onInterrupt();
      } else {
        this.#waiting.push(event);
        this.#deliver();
      }
    }
  }

  #deliver(): void {
    while (this.#attached !== null) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (next.type === 'key') this.#press(next.key);
      else if (next.type === 'paste' || this.#attached.writes)
        this.#press({ name: PASTE, sequence: next.text });
      else this.#waiting.unshift(...keysOf(next.text).map((key) => ({ type: 'key' as const, key })));
    }
    if (this.#attached !== null && this.#ended) this.emit('end');
  }

  #press(key: Key): void {
    // Readline's own line takes what is typed, and what begins with Esc is not.
    const isText = key.name !== PASTE && key.sequence !== undefined && !key.sequence.startsWith('\u001b');
    this.emit('keypress', isText ? key.sequence : undefined, key);
  }
}

function isInterrupt(event: Input): boolean {
  return event.type === 'key' && event.key.ctrl === true && event.key.name === 'c';
}
