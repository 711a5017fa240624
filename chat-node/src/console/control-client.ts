import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type Clock,
  CONTROL_ROUTES,
  NDJSON,
  type SendResult,
  type StreamResult,
  SystemClock,
} from '@p2p-chat/shared';
import { ConnectionError, ControlApi, StreamError } from '@p2p-chat/shared/client';
import { nodeNotRunning } from './control-error.js';
import { readControlFile } from './control-file.js';

/** A client of one profile's node. It looks the node up anew for each request, so it goes on when that was restarted. */
export class ControlClient extends ControlApi {
  /** @param home the profile's data directory */
  constructor(
    readonly home: string,
    clock: Clock = new SystemClock(),
  ) {
    super({
      clock,
      notRunning: (cause) => nodeNotRunning(home, cause),
      locate: async () => {
        const { port, token } = await readControlFile(home);
        return { baseUrl: `http://127.0.0.1:${port}`, token };
      },
    });
  }

  /**
   * Hands over many messages, in order, with bounded memory on both sides. Not
   * by `fetch`: a node that stops reading half-way still gets its answer through.
   * @returns what was accepted, as it is accepted
   * @throws {StreamError} where the node stopped it half-way, or the error of `batches`: what was accepted before stays accepted
   */
  async *sendAll(
    conversation: string,
    batches: AsyncIterable<readonly string[]>,
    signal?: AbortSignal,
  ): AsyncGenerator<Omit<SendResult, 'author'>[]> {
    const source = { error: undefined as unknown };
    const answer = await this.#upload(
      CONTROL_ROUTES.messageStream(conversation),
      ndjson(batches, source),
      signal,
    );
    let accepted = 0;
    try {
      for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
        if (line === '') continue;
        const result = JSON.parse(line) as StreamResult;
        if ('error' in result) throw new StreamError(result.error);
        const { ids, state } = result.accepted;
        accepted += ids.length;
        yield ids.map((id) => ({ id, conversation: result.accepted.conversation, state }));
      }
    } catch (error) {
      throw source.error ?? this.translated(error, signal);
    } finally {
      answer.destroy();
    }
    if (source.error !== undefined) throw source.error as Error;
    if (!answer.complete) {
      throw new ConnectionError(
        'node-silent',
        `The node went away after it had accepted ${accepted} messages.`,
      );
    }
  }

  async #upload(
    path: string,
    body: AsyncIterable<string>,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> {
    signal?.throwIfAborted();
    const { baseUrl, token } = await this.parts.locate();
    let answer: IncomingMessage;
    try {
      answer = await open(baseUrl + path, token, body, signal);
    } catch (error) {
      throw this.translated(error, signal);
    }
    const { statusCode = 0, headers } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    const said = await text(answer).catch(() => '');
    // What of the request is still on its way is read by nobody.
    answer.destroy();
    throw this.refusal(statusCode, headers['content-type'] ?? '', said);
  }
}

/** Sends a request; resolves when the head of the answer is there. */
function open(
  url: string,
  token: string,
  body: AsyncIterable<string>,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      // A node that refuses would otherwise close the connection behind its
      // answer, and what is still being written would break it off unread.
      headers: { authorization: `Bearer ${token}`, 'content-type': NDJSON, connection: 'keep-alive' },
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    // The answer tells what became of it: a node that stops reading says why.
    pipeline(Readable.from(body, { objectMode: false }), outgoing).catch(() => undefined);
  });
}

/** Batches of bodies as NDJSON. An error of their source ends the request tidily, and is kept for the caller. */
async function* ndjson(
  batches: AsyncIterable<readonly string[]>,
  source: { error: unknown },
): AsyncGenerator<string> {
  try {
    for await (const batch of batches) {
      if (batch.length > 0) yield batch.map((body) => `${JSON.stringify(body)}\n`).join('');
    }
  } catch (error) {
    source.error = error;
  }
}

async function text(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
