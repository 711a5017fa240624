import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { CONTROL_ROUTES, type ControlFile, type StreamResult } from '@p2p-chat/shared';

/** Lines that are handed over at once: 64 KiB, as a pipe holds. */
const BATCH = 500;

/** Lines of a script, as a pipe would bring them. */
export function linesOf(count: number, bodyBytes: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let first = 0; first < count; first += BATCH) {
    const lines = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) =>
      JSON.stringify(`${first + index} `.padEnd(bodyBytes, '.')),
    );
    chunks.push(Buffer.from(`${lines.join('\n')}\n`));
  }
  return chunks;
}

/**
 * Hands lines to a node as a script does: one request, whose body and answer
 * are streams. The answer is read as it comes and looked at in the end, so
 * that what is measured is the node.
 */
export class LineFeed {
  /** When the first and the latest answer came, as `performance.now()`. */
  firstAt = 0;
  lastAt = 0;
  readonly #answers: Buffer[] = [];
  readonly #sending: ClientRequest;
  readonly #answered: Promise<void>;
  #wake: () => void = () => undefined;

  constructor(control: ControlFile, conversation: string) {
    this.#sending = request({
      host: '127.0.0.1',
      port: control.port,
      path: CONTROL_ROUTES.messageStream(conversation),
      method: 'POST',
      headers: { authorization: `Bearer ${control.token}`, 'content-type': 'application/x-ndjson' },
      agent: false,
    });
    this.#answered = this.#read();
  }

  /** @param lines JSON strings, each with its newline */
  async write(lines: Buffer): Promise<void> {
    if (!this.#sending.write(lines)) await once(this.#sending, 'drain');
  }

  /** The next answer to arrive. */
  answer(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  /** No more lines. @returns the ids of all messages, in the order in which they were accepted */
  async end(): Promise<string[]> {
    this.#sending.end();
    await this.#answered;
    const ids: string[] = [];
    for (const line of Buffer.concat(this.#answers).toString('utf8').trimEnd().split('\n')) {
      const result = JSON.parse(line) as StreamResult;
      if ('error' in result) throw new Error(`the node refused a message: ${result.error.detail}`);
      ids.push(...result.accepted.ids);
    }
    return ids;
  }

  async #read(): Promise<void> {
    const [answer] = (await once(this.#sending, 'response')) as [IncomingMessage];
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      this.lastAt = performance.now();
      this.firstAt ||= this.lastAt;
      this.#answers.push(chunk);
      this.#wake();
    }
  }
}
