import type { Key } from 'node:readline';
import { StringDecoder } from 'node:string_decoder';
import { characterKey, controlKey, csiKey, endsSs3, linuxKey, ss3Key } from './key-sequences.js';

/** What came from the terminal and means something. */
export type TerminalEvent =
  | { type: 'key'; key: Key }
  /** A block that the terminal marked as pasted. */
  | { type: 'paste'; text: string }
  /** Several lines that came at once: pasted without a mark, or typed ahead. */
  | { type: 'lines'; text: string }
  | { type: 'focus'; focused: boolean };

/** A lone Esc is told from the start of a sequence by what follows within this time, in milliseconds. */
export const ESCAPE_TIMEOUT_MS = 100;
/** The next part of lines that came at once is there within this time: nobody types as fast. */
export const LINES_TIMEOUT_MS = 50;
/** The rest of a sequence, or of a pasted block, comes within this time or is lost. */
export const SEQUENCE_TIMEOUT_MS = 1_000;

const ESC = 0x1b;
const BEL = 0x07;
const DEL = 0x7f;

const PASTE_START = '\u001b[200~';
const PASTE_END = '\u001b[201~';
/** Ctrl-C as the terminals send it. */
// eslint-disable-next-line no-control-regex -- what this looks for
const INTERRUPT = /\u0003|\u001b\[99;5u|\u001b\[27;5;99~/;
/** Characters behind the line break at the end of the first line. */
const SEVERAL_LINES = /[^\r\n](?:\r\n|\r(?!\n)|\n)[^]/;
/** The rest of a sequence whose Esc came so long before that it was taken for the key. */
const REST_OF_SEQUENCE =
  // eslint-disable-next-line no-control-regex -- what ends a string
  /^(?:\[[<=>?\d][\d;:<=>?]*[ -/]*[@-~]|\[[A-DFH]$|\[M[^]{3}$|\]\d+;|[PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\))/;
/** What such a rest may begin with: who types this after Esc sees it a moment later. */
const START_OF_REST = /^(?:\[(?:[<=>?\d][\d;:<=>?]*[ -/]*)?|\]\d*)$/;

type State =
  | 'text'
  /** After an Esc that was taken for the key. */
  | 'after-escape'
  | 'escape'
  | 'csi'
  | 'linux'
  | 'ss3'
  /** The rest of a character that was typed with Alt. */
  | 'alt-character'
  /** OSC, DCS, APC, PM, SOS: until BEL or ST. */
  | 'string'
  /** After an Esc in a string: the first half of ST, or the start of another sequence. */
  | 'string-end'
  | 'x10-mouse'
  | 'paste';

/**
 * Reads what a terminal sends: keys, text, pasted blocks, and reports, which
 * nobody typed. A sequence is one whole however it is cut into reads; what is
 * unknown means nothing. It has no clock: {@link timeout} says for how long the
 * rest is to be waited for, and {@link flush} is called then.
 */
export class TerminalInput {
  #state: State = 'text';
  /** Of the sequence that is being read, without its introducer; after an Esc, what may be the rest of one. */
  #sequence = '';
  /** Whether an Esc stood before the sequence, or before the Esc that is being read. */
  #alt = false;
  /** Bytes of an X10 mouse report that are still to come. */
  #missing = 0;
  #pasted = '';
  /** Text of this read; with `#several`, of those before it as well. */
  #text = '';
  #several = false;
  #decoder = new StringDecoder('utf8');
  #events: TerminalEvent[] = [];

  /** Takes what one read gave. @returns what was complete by then */
  feed(chunk: Uint8Array): TerminalEvent[] {
    this.#events = [];
    if (this.#state !== 'after-escape') {
      this.#read(chunk);
      return this.#events;
    }
    this.#sequence += latin1(chunk);
    if (!START_OF_REST.test(this.#sequence)) this.#endEscape();
    return this.#events;
  }

  #read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'paste') at = this.#paste(chunk, at);
      else if (this.#state === 'text') at = this.#plain(chunk, at);
      else if (this.#step(chunk[at] ?? 0)) at += 1;
    }
    if (SEVERAL_LINES.test(this.#text)) this.#several = true;
    if (!this.#several) this.#endText();
  }

  /** It is known what followed an Esc that was taken for the key: the rest of a sequence, or text. */
  #endEscape(): void {
    const bytes = this.#sequence;
    this.#enter(REST_OF_SEQUENCE.test(bytes) ? 'escape' : 'text');
    this.#read(Buffer.from(bytes, 'latin1'));
  }

  /** For how long what is incomplete may be waited for, in milliseconds; null where nothing is. */
  get timeout(): number | null {
    if (this.#state === 'text') return this.#several ? LINES_TIMEOUT_MS : null;
    return this.#state === 'escape' ? ESCAPE_TIMEOUT_MS : SEQUENCE_TIMEOUT_MS;
  }

  /** Nothing came within {@link timeout}. @returns what can be made of what is there */
  flush(): TerminalEvent[] {
    this.#events = [];
    const state = this.#state;
    this.#endText();
    if (state === 'escape') this.#escapes();
    if (state === 'paste') this.#endPaste(this.#pasted);
    if (state === 'after-escape') this.#endEscape();
    else this.#enter(state === 'escape' ? 'after-escape' : 'text');
    return this.#events;
  }

  #enter(state: State): void {
    this.#state = state;
    this.#sequence = '';
    if (state === 'text' || state === 'escape') this.#alt = false;
  }

  #key(key: Key | null): void {
    if (key !== null) this.#events.push({ type: 'key', key });
  }

  /** Text up to the next control character, and that one. @returns where it goes on */
  #plain(chunk: Uint8Array, from: number): number {
    let end = from;
    while (end < chunk.length && isText(chunk[end] ?? 0)) end += 1;
    this.#text += this.#decoder.write(chunk.subarray(from, end));
    if (end === chunk.length) return end;
    // A part of a character, whose rest was lost.
    this.#decoder.end();
    this.#endText();
    const code = chunk[end] ?? 0;
    if (code === ESC) this.#enter('escape');
    else this.#key(controlKey(code));
    return end + 1;
  }

  #endText(): void {
    const text = this.#text;
    const isSeveral = this.#several || SEVERAL_LINES.test(text);
    [this.#text, this.#several] = ['', false];
    if (isSeveral) this.#events.push({ type: 'lines', text });
    else for (const key of keysOf(text)) this.#key(key);
  }

  /** The next byte of a sequence. @returns false where it is not of it, and is to be read as text */
  #step(code: number): boolean {
    const character = String.fromCharCode(code);
    if (this.#state === 'alt-character') {
      if (code >= 0x80 && code < 0xc0) return true;
      this.#enter('text');
      return false;
    }
    if (this.#state === 'string-end') {
      this.#enter('escape');
      return false;
    }
    if (this.#state === 'escape') return this.#introduced(code, character);
    if (code === ESC) {
      // The end of a string, or the start of another sequence, where the end of this one was lost.
      this.#enter(this.#state === 'string' ? 'string-end' : 'escape');
      return true;
    }
    if (code === BEL && this.#state === 'string') {
      this.#enter('text');
      return true;
    }
    // No sequence has control characters or, but strings, letters beyond ASCII.
    if (code < 0x20 || (code >= 0x80 && this.#state !== 'string' && this.#state !== 'x10-mouse')) {
      this.#enter('text');
      return false;
    }
    switch (this.#state) {
      case 'csi':
        return this.#csi(character);
      case 'ss3':
        return this.#ss3(character);
      case 'linux':
        this.#key(linuxKey(character));
        this.#enter('text');
        return true;
      case 'x10-mouse':
        this.#missing -= 1;
        if (this.#missing === 0) this.#enter('text');
        return true;
      default:
        return true;
    }
  }

  /** What follows an Esc. */
  #introduced(code: number, character: string): boolean {
    const alt = this.#alt;
    switch (character) {
      case '\u001b':
        if (alt) this.#key(escapeKey());
        this.#alt = true;
        return true;
      case '[':
        this.#enter('csi');
        return true;
      case 'O':
        this.#enter('ss3');
        return true;
      case ']':
      case 'P':
      case 'X':
      case '^':
      case '_':
        this.#enter('string');
        return true;
      // ST, at the end of a string.
      case '\\':
        this.#enter('text');
        return true;
    }
    if (alt) this.#key(escapeKey());
    if (code >= 0x80) this.#enter('alt-character');
    else {
      this.#key(code < 0x20 || code === DEL ? controlKey(code, true) : characterKey(character, true));
      this.#enter('text');
    }
    return true;
  }

  #csi(character: string): boolean {
    const parameters = this.#sequence;
    // rxvt's keys with Shift end with what begins the end of other sequences.
    const isRxvt = character === '$' && /^[235678]$/.test(parameters);
    if (character < '@' && !isRxvt) {
      this.#sequence += character;
      return true;
    }
    const alt = this.#alt;
    if (parameters === '' && character === '[') this.#enter('linux');
    else if (parameters === '' && character === 'M') {
      this.#enter('x10-mouse');
      this.#missing = 3;
    } else if (parameters === '200' && character === '~') {
      this.#enter('paste');
      this.#pasted = '';
    } else {
      this.#enter('text');
      if (parameters === '' && (character === 'I' || character === 'O'))
        this.#events.push({ type: 'focus', focused: character === 'I' });
      else this.#key(csiKey(parameters, character, alt));
    }
    return true;
  }

  #ss3(character: string): boolean {
    if (/\d/.test(character)) {
      this.#sequence += character;
      return true;
    }
    const isEnd = endsSs3(character);
    if (isEnd) this.#key(ss3Key(this.#sequence, character, this.#alt));
    this.#enter('text');
    return isEnd;
  }

  /** A pasted block up to its end. @returns where it goes on */
  #paste(chunk: Uint8Array, from: number): number {
    const before = this.#pasted.length;
    this.#pasted += latin1(chunk.subarray(from));
    const end = this.#pasted.indexOf(PASTE_END, Math.max(0, before - PASTE_END.length));
    // Without an end it may be lost, and then this is a person who wants to leave.
    const interrupt = end >= 0 ? -1 : this.#pasted.slice(before).search(INTERRUPT);
    if (end < 0 && interrupt < 0) return chunk.length;
    const [taken, next] = end >= 0 ? [end, end + PASTE_END.length] : [before + interrupt, before + interrupt];
    this.#endPaste(this.#pasted.slice(0, taken));
    this.#enter('text');
    return from + next - before;
  }

  #endPaste(bytes: string): void {
    this.#pasted = '';
    const text = Buffer.from(bytes.replaceAll(PASTE_START, ''), 'latin1').toString('utf8');
    if (text !== '') this.#events.push({ type: 'paste', text });
  }

  /** Esc, once or twice, that began nothing. */
  #escapes(): void {
    if (this.#alt) this.#key(escapeKey());
    this.#key(escapeKey());
  }
}

/** Text as the keys that write it. */
export function keysOf(text: string): Key[] {
  return Array.from(text.replaceAll('\r\n', '\r'), (character) =>
    /^[\t\r\n]$/.test(character) ? controlKey(character.charCodeAt(0)) : characterKey(character),
  );
}

function escapeKey(): Key {
  return { name: 'escape', sequence: '\u001b' };
}

function isText(code: number): boolean {
  return code >= 0x20 ? code !== DEL : code === 0x09 || code === 0x0a || code === 0x0d;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
