import type { FileView } from '../control/files.js';
import type { MessageView } from '../control/views.js';
import { P2pChatError } from '../errors.js';
import type { ControlApi } from './control-api.js';

/**
 * Sends what a message says, or the files that it offers, to others, as one's own.
 * @param files what became of files here, by id
 * @throws {P2pChatError} `file-id-unknown` where not all of them are here
 */
export async function forward(
  client: ControlApi,
  message: MessageView,
  files: ReadonlyMap<string, FileView>,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  if (message.kind !== 'file') return void (await client.send(to, message.body, signal));
  const paths = (message.files ?? []).map(({ id }) => files.get(id)?.path ?? null);
  const here = paths.filter((path) => path !== null);
  if (here.length < paths.length)
    throw new P2pChatError('file-id-unknown', 'Not all of it is here; fetch it first.');
  const { caption } = message;
  await client.sendFiles(to, { paths: here, ...(caption === undefined ? {} : { caption }) }, signal);
}
