import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { isTyped } from '../line-editor.js';
import { TerminalInput } from '../terminal-input.js';

/** A dialogue in lines: what was written stays written, and what is typed is read line by line. */
export class PlainLines {
  readonly #typed: string[] = [];
  #reader: Interface | null = null;
  #ended = false;
  #wake: () => void = () => undefined;

  /**
   * @param onLine somebody typed a line
   */
  constructor(
    private readonly input: Readable,
    private readonly output: Writable,
    private readonly signal: AbortSignal,
    private readonly onLine: () => void = () => undefined,
  ) {}

  open(): void {
    const reader = createInterface({ input: this.input, terminal: false });
    reader.on('line', (line) => {
      this.onLine();
      this.#typed.push(typedText(line));
      this.#wake();
    });
    reader.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    this.signal.addEventListener('abort', () => this.#wake());
    this.#reader = reader;
  }

  close(): void {
    this.#reader?.close();
    this.input.pause();
  }

  /** Writes lines, without colours. */
  say(...lines: string[]): void {
    for (const line of lines) this.output.write(`${stripVTControlCharacters(line)}\n`);
  }

  /**
   * The next line that was typed; null when there are no more.
   * @throws the reason of the signal when it aborts
   */
  async next(): Promise<string | null> {
    for (;;) {
      this.signal.throwIfAborted();
      const line = this.#typed.shift();
      if (line !== undefined) return line;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** What of a line is text: arrow keys and reports of the terminal are in it, too. */
function typedText(line: string): string {
  const input = new TerminalInput();
  const events = input.feed(Buffer.from(line));
  while (input.timeout !== null) events.push(...input.flush());
  const texts = events.map((event) =>
    event.type === 'paste'
      ? event.text
      : event.type === 'key' && isTyped(event.key)
        ? event.key.sequence
        : '',
  );
  return texts.join('').replace(/\p{Cc}/gu, '');
}

/** Lines made for a screen as lines to be read out: without rules, empty ones and gaps. */
export function spoken(lines: readonly string[]): string[] {
  return lines
    .map((line) => stripVTControlCharacters(line).trim().replace(/ {2,}/gu, ', '))
    .filter((line) => line !== '' && !/^─+$/u.test(line));
}
