import { once } from 'node:events';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CONTROL_ROUTES, type ControlFile, type StreamResult } from '@p2p-chat/shared';

export interface Fed {
  /** Of every message, in the order in which they were accepted. */
  ids: string[];
  /** When the answer to the first of them arrived, as `performance.now()`. */
  firstAt: number;
  /** When the answer to the last of them had. */
  lastAt: number;
}

/**
 * Hands lines to a node as a script does: one request, whose body and answer
 * are streams. The answer is read as it comes and looked at afterwards, so
 * that what is measured is the node.
 * @param chunks JSON strings, one a line, as a pipe would bring them
 */
export async function feed(control: ControlFile, peerId: string, chunks: readonly Buffer[]): Promise<Fed> {
  const sending = request({
    host: '127.0.0.1',
    port: control.port,
    path: CONTROL_ROUTES.messageStream(peerId),
    method: 'POST',
    headers: { authorization: `Bearer ${control.token}`, 'content-type': 'application/x-ndjson' },
    agent: false,
  });
  const sent = pipeline(Readable.from(chunks, { objectMode: false }), sending);
  const [answer] = (await once(sending, 'response')) as [Readable];
  const answers: Buffer[] = [];
  let firstAt = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (answers.length === 0) firstAt = performance.now();
    answers.push(chunk);
  }
  const lastAt = performance.now();
  await sent;
  const ids: string[] = [];
  for (const line of Buffer.concat(answers).toString('utf8').trimEnd().split('\n')) {
    const result = JSON.parse(line) as StreamResult;
    if ('error' in result) throw new Error(`the node refused a message: ${result.error.detail}`);
    for (const { id } of result.accepted) ids.push(id);
  }
  return { ids, firstAt, lastAt };
}
