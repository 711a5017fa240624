import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type FileView, foldText, P2pChatError, safeLine } from '@p2p-chat/shared';
import type { LiveView } from '@p2p-chat/shared/client';

/** What can be written in a conversation about files, and what it does. */
export const FILE_COMMANDS: readonly (readonly [command: string, does: string])[] = [
  ['/file PATH', 'send a file or a folder'],
  ['/get, /pause, /resume, /cancel', 'fetch, stop, go on with, give up the latest file, or that of a NAME'],
];

const COMMAND = /^\/(file|get|pause|resume|cancel)(?: +(\S.*?))?\s*$/u;

/** Whether what was written is a command about files, and no message. */
export function isFileCommand(written: string): boolean {
  return COMMAND.test(written);
}

/**
 * Does what was written.
 * @throws {P2pChatError} what a person has to know
 */
export async function runFileCommand(view: LiveView, conversation: string, written: string): Promise<void> {
  const [, verb, argument] = COMMAND.exec(written) ?? [];
  const { client, signal } = view;
  if (verb === 'file') {
    if (argument === undefined)
      throw new P2pChatError('invalid-input', 'Write the path of the file: /file PATH.');
    await client.sendFiles(conversation, { paths: [pathOf(argument)] }, signal);
  } else {
    const file = named(
      await client.files(conversation, signal),
      argument,
      verb === 'get' || verb === 'resume',
    );
    if (verb === 'get' || verb === 'resume') await client.fetchFile(file.id, undefined, signal);
    else if (verb === 'pause') await client.pauseFile(file.id, signal);
    else await client.cancelFile(file.id, signal);
  }
  await showFiles(view, conversation);
}

/** Shows how the files of a conversation are; from then on events tell it. */
export async function showFiles(view: LiveView, conversation: string): Promise<void> {
  try {
    const files = await view.client.files(conversation, view.signal);
    view.store.update((state) => {
      const known = new Map(state.files);
      for (const file of files) known.set(file.id, file);
      return { ...state, files: known };
    });
  } catch {
    // Without it they are shown as they were offered; the state of the node stands above.
  }
}

/** A path as it is typed, or pasted by a terminal to which a file was dragged: quoted, escaped, a URL, from home. */
export function pathOf(written: string): string {
  const quoted = /^(['"])(.*)\1$/u.exec(written)?.[2];
  const plain = quoted ?? written.replace(/\\(.)/gu, '$1');
  if (plain.startsWith('file://')) return decodeURIComponent(new URL(plain).pathname);
  return plain === '~' || plain.startsWith('~/') ? resolve(homedir(), plain.slice(2)) : resolve(plain);
}

/** The latest file whose name has the words; of those that can be fetched, where that is wanted. */
function named(files: readonly FileView[], name: string | undefined, toFetch: boolean): FileView {
  const wanted = foldText(name ?? '');
  const found = files.findLast((file) => {
    if (toFetch && file.direction === 'out') return false;
    const isOver = file.state === 'complete' || file.state === 'failed';
    return foldText(file.name).includes(wanted) && (name !== undefined || !isOver);
  });
  if (found !== undefined) return found;
  throw new P2pChatError(
    'file-id-unknown',
    name === undefined ? 'There is no such file here.' : `There is no file ${safeLine(name)} here.`,
  );
}
