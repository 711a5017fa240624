import { resolve } from 'node:path';
import {
  BLOCK_BYTES,
  type FileRuleView,
  type FileView,
  P2pChatError,
  safeJson,
  safeLine,
} from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import { conversationLabel, progressBar, progressLabel, shownPath } from '../console/labels.js';
import { truncate } from '../console/layout.js';
import { fileText } from '../console/message-text.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';
import { InputError } from './text-input.js';

export interface SendFileFlags extends ProfileFlags {
  caption?: string;
  /** False with `--no-copy`. */
  copy: boolean;
  json?: boolean;
}

export interface FilesFlags extends ProfileFlags {
  rule?: FileRuleView;
  json?: boolean;
}

export interface GetFlags extends ProfileFlags {
  to?: string;
  json?: boolean;
}

export interface ChangeFileFlags extends ProfileFlags {
  json?: boolean;
}

/** `send-file`: offers files and folders, to one conversation or several separated by commas. */
export async function sendFile(
  io: Io,
  whom: string,
  paths: readonly string[],
  flags: SendFileFlags,
): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const absolute = paths.map((path) => resolve(path));
  let as: string | undefined;
  for (const conversation of await conversationsOf(client, whom, signal)) {
    const { caption, copy } = flags;
    const request = {
      paths: absolute,
      copy,
      ...(caption === undefined ? {} : { caption }),
      ...(as === undefined ? {} : { as }),
    };
    const sent = await client.sendFiles(conversation.id, request, signal);
    as ??= sent.id;
    if (flags.json === true) {
      await printJson(io, sent);
      continue;
    }
    const label = conversationLabel(conversation);
    for (const file of sent.files)
      await print(io, `${fileText(file)} is offered to ${label}. Id: ${file.id}\n`);
    for (const line of sent.skipped) note(io, `Left out: ${safeLine(line)}`);
  }
}

/** A name may have a comma, so the whole is looked for first. */
async function conversationsOf(client: ControlClient, whom: string, signal: AbortSignal) {
  try {
    return [await client.conversation(whom, signal)];
  } catch (error) {
    const names = whom.split(',').map((name) => name.trim());
    if (names.length < 2) throw error;
    return Promise.all(names.map((name) => client.conversation(name, signal)));
  }
}

/** `files`: what was offered and what became of it; with `--rule`, when files are fetched. */
export async function files(io: Io, conversation: string | undefined, flags: FilesFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  if (flags.rule !== undefined) {
    if (conversation === undefined) throw new InputError('--rule is that of one conversation: name it.');
    const rule = await client.setFileRule(conversation, flags.rule, signal);
    if (flags.json === true) return printJson(io, rule);
    return print(io, `Files are fetched from now on: ${ruleLabel(rule)}.\n`);
  }
  const listed = await client.files(conversation, signal);
  for (const file of listed) {
    if (flags.json === true) await printJson(io, file);
    else await print(io, describe(file, pathFor(io)));
  }
  if (listed.length === 0 && flags.json !== true) note(io, 'There is no file.');
}

function describe(file: FileView, shown: (path: string) => string): string {
  const who = file.direction === 'out' ? 'You' : safeLine(file.user);
  const where = file.path === null ? '' : `\n    ${shown(file.path)}`;
  return `${file.id}  ${who}: ${fileText(file)} ${progressLabel(file)}${where}\n`;
}

const ERASE_LINE = '\r\u001b[K';
/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80;

/** `get`: fetches a file, or all of a message, and waits until it is whole. */
export async function get(io: Io, id: string, flags: GetFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const stop = new AbortController();
  const feed = client.events(AbortSignal.any([signal, stop.signal]), undefined, undefined, ['file']);
  const to = flags.to === undefined ? undefined : resolve(flags.to);
  let asked = false;
  const waiting = new Map<string, FileView>();
  // A terminal shows one line that changes, a log a line for each step.
  const isTerminal = io.stderr.isTTY === true && flags.json !== true;
  try {
    for await (const item of feed) {
      if (item.type === 'file') {
        if (waiting.has(item.file.id)) await step(item.file);
      } else if (item.type === 'disconnected') {
        note(io, 'The node has gone away; waiting for it to come back.');
      } else if (!asked) {
        asked = true;
        for (const file of await client.fetchFile(id, to, signal)) {
          waiting.set(file.id, file);
          await step(file);
        }
      } else if (item.type === 'connected' || item.type === 'resync') {
        for (const file of await client.files(undefined, signal)) if (waiting.has(file.id)) await step(file);
      }
      if (asked && waiting.size === 0) break;
    }
  } finally {
    stop.abort();
    if (isTerminal) io.stderr.write(ERASE_LINE);
    if (signal.aborted && waiting.size > 0) note(io, 'The node goes on with it; p2p-chat cancel stops it.');
  }

  async function step(file: FileView): Promise<void> {
    if (file.state === 'complete' || (file.direction === 'out' && file.path !== null)) {
      waiting.delete(file.id);
      if (isTerminal) io.stderr.write(ERASE_LINE);
      if (file.problem !== null) note(io, safeLine(file.problem.detail));
      if (flags.json === true) await printJson(io, { path: file.path });
      else await print(io, `${pathFor(io)(file.path ?? '')}\n`);
      return;
    }
    if (file.state === 'failed' || file.state === 'offered') {
      throw new P2pChatError(
        file.problem?.code ?? 'file-cancelled',
        file.problem?.detail ?? 'It was given up.',
      );
    }
    if (file.state === 'paused' && file.problem === null)
      throw new P2pChatError('file-paused', 'It was paused.', { hint: 'p2p-chat resume goes on with it.' });
    if (flags.json === true) {
      const { name, size, state, progress, rate, problem } = file;
      note(io, safeJson({ event: 'progress', id: file.id, name, size, state, progress, rate, problem }));
    } else if (progressLabel(file) !== progressLabel(waiting.get(file.id) ?? file) || file.progress === 0) {
      const line = `${safeLine(file.name)}: ${progressBar(file)}${progressLabel(file)}`;
      if (isTerminal) io.stderr.write(`${ERASE_LINE}${truncate(line, io.stderr.columns ?? COLUMNS)}`);
      else note(io, line);
    }
    waiting.set(file.id, file);
  }
}

/** `pause`, `resume`, `cancel`: what becomes of a file, or of all files of a message. */
export async function changeFile(
  io: Io,
  verb: 'pause' | 'resume' | 'cancel',
  id: string,
  flags: ChangeFileFlags,
): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const change = {
    pause: () => client.pauseFile(id, signal),
    resume: () => client.fetchFile(id, undefined, signal),
    cancel: () => client.cancelFile(id, signal),
  }[verb];
  for (const file of await change()) {
    if (flags.json === true) await printJson(io, file);
    else await print(io, describe(file, pathFor(io)));
  }
}

/** A person clicks on it, a program reads it. */
function pathFor(io: Io): (path: string) => string {
  return io.stdout.isTTY === true ? shownPath : (path) => path;
}

function ruleLabel({ fetch, upTo = 0 }: FileRuleView): string {
  return fetch === 'always' ? `by themselves up to ${upTo / BLOCK_BYTES} MiB` : fetch;
}
