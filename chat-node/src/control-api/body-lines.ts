import type { Readable } from 'node:stream';
import { MAX_CONTROL_BODY_BYTES } from '@p2p-chat/shared';
import { ChatError } from '../core/errors.js';
import { checkBody } from '../core/conversations/body.js';
import { ControlApiError } from './problem.js';

/** Bytes that are read ahead while a batch is being saved. */
const READ_AHEAD_BYTES = 1024 * 1024;
/** Bodies that are accepted together: as many as one commit takes. */
const MAX_BODIES = 8_192;
const NEWLINE = 0x0a;

/**
 * The bodies of a message stream, in batches: all that has arrived when the
 * next batch is asked for. Reading goes on meanwhile, within a bound.
 *
 * A line that is no message ends the iteration with its error, after the good
 * ones before it.
 */
export class BodyLines implements AsyncIterable<string[]> {
  #bodies: string[] = [];
  #bytes = 0;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #done = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(private readonly source: Readable) {
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#end());
    source.on('close', () => this.#finish(null));
    source.on('error', (error) => this.#finish(error));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string[], void, void> {
    for (;;) {
      if (this.#bodies.length > 0) {
        const batch = this.#bodies.splice(0, MAX_BODIES);
        if (this.#bodies.length === 0) this.#readOn();
        yield batch;
      } else if (this.#error !== null) {
        throw this.#error;
      } else if (this.#done) {
        return;
      } else {
        const more = new Promise<void>((resolve) => (this.#wake = resolve));
        this.#readOn();
        await more;
      }
    }
  }

  #readOn(): void {
    this.#bytes = 0;
    this.source.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#done) return;
    const start = chunk.lastIndexOf(NEWLINE) + 1;
    if (start > 0) {
      // Whole lines only, so no character is cut.
      this.#lines(this.#join(chunk.subarray(0, start)).toString('utf8'));
      if (this.#done) return;
    }
    if (start < chunk.length) {
      this.#rest.push(chunk.subarray(start));
      this.#restBytes += chunk.length - start;
      if (this.#restBytes > MAX_CONTROL_BODY_BYTES) this.#finish(lineTooLarge());
    }
    this.#bytes += chunk.length;
    if (this.#bytes >= READ_AHEAD_BYTES) this.source.pause();
    this.#notify();
  }

  #join(end: Buffer): Buffer {
    if (this.#rest.length === 0) return end;
    const line = Buffer.concat([...this.#rest, end]);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }

  /** Takes whole lines: at once where all of them are as they should be, or else one by one. */
  #lines(text: string): void {
    const bodies = bodiesOf(text);
    if (bodies !== null) {
      for (const body of bodies) this.#bodies.push(body);
      return;
    }
    for (const line of text.split('\n')) {
      this.#line(line);
      if (this.#done) return;
    }
  }

  #line(line: string): void {
    if (line === '') return;
    if (line.length > MAX_CONTROL_BODY_BYTES) return this.#finish(lineTooLarge());
    try {
      const body: unknown = JSON.parse(line);
      if (typeof body !== 'string') throw new SyntaxError('not a string');
      checkBody(body);
      this.#bodies.push(body);
    } catch (error) {
      const known = error instanceof Error && !(error instanceof SyntaxError);
      const syntax = 'A line of a message stream is one JSON string.';
      this.#finish(known ? error : new ControlApiError(422, 'request-invalid', syntax));
    }
  }

  #end(): void {
    if (this.#done) return;
    if (this.#restBytes > 0) this.#line(this.#join(Buffer.alloc(0)).toString('utf8'));
    this.#finish(null);
  }

  #finish(error: Error | null): void {
    if (this.#done) return;
    this.#done = true;
    this.#error = error;
    // What is still to come is of no use and must not hold up the answer.
    if (error !== null) this.source.resume();
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/**
 * The bodies of lines that each hold one, with one parse for all of them; null
 * where it is not certain that they do. The newlines stay between them, as
 * none may stand inside a text: with a text for each line there is one in each.
 */
function bodiesOf(text: string): string[] | null {
  const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
  try {
    const bodies = JSON.parse(`[${lines.replaceAll('\n', ',\n')}]`) as unknown[];
    let newlines = 0;
    for (let at = lines.indexOf('\n'); at !== -1; at = lines.indexOf('\n', at + 1)) newlines += 1;
    return bodies.length === newlines + 1 && bodies.every(isGoodBody) ? bodies : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isGoodBody(body: unknown): body is string {
  if (typeof body !== 'string') return false;
  try {
    checkBody(body);
    return true;
  } catch (error) {
    if (error instanceof ChatError) return false;
    throw error;
  }
}

function lineTooLarge(): ControlApiError {
  return new ControlApiError(413, 'body-too-large', 'A line is larger than any message.');
}
