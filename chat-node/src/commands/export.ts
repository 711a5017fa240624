import { cp, mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  type ConversationView,
  errorCode,
  errorMessage,
  type FileView,
  MAX_HISTORY_PAGE,
  safeLine,
  safeText,
  type MessageView,
} from '@p2p-chat/shared';
import type { ControlClient } from '../console/control-client.js';
import { conversationLabel, localDay, stateMark, timeOfDay } from '../console/labels.js';
import { messageMarks, messageText, quoteLine } from '../console/message-text.js';
import type { EXPORT_FORMATS } from './choices.js';
import { endComment, messageComment } from './export-comment.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface ExportFlags extends ProfileFlags {
  format: (typeof EXPORT_FORMATS)[number];
  /** A folder for the files that are here. */
  files?: string;
}

/** `export`: a whole conversation, oldest first, in memory that does not grow with it. */
export async function exportConversation(io: Io, name: string, flags: ExportFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const conversation = await client.conversation(name, signal);
  const messages = withPeer(wholeConversation(client, conversation.id, signal), conversation);
  if (flags.format === 'markdown') {
    const { peerId } = await client.status(signal);
    await exportMarkdown(io, escaped(conversationLabel(conversation)), peerId, messages);
  } else for await (const message of messages) await printJson(io, message);
  if (flags.files !== undefined)
    await exportFiles(io, await client.files(conversation.id, signal), resolve(flags.files));
}

/** Puts the files that are here into a folder, each under its id and name; what is there stays. */
async function exportFiles(io: Io, files: readonly FileView[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { id, path, name } of files) {
    if (path === null) {
      note(io, `Not here: ${safeLine(name)}`);
      continue;
    }
    try {
      await cp(path, join(folder, `${id} ${basename(path)}`), { recursive: true, force: false });
    } catch (error) {
      note(io, `Not taken along: ${safeLine(name)} (${errorCode(error) ?? safeLine(errorMessage(error))})`);
    }
  }
}

/** @param from how the other person is called, as Markdown @param self own peer id */
async function exportMarkdown(
  io: Io,
  from: string,
  self: string,
  messages: AsyncIterable<ExportedMessage>,
): Promise<void> {
  await print(io, `# Conversation with ${from}\n`);
  let day = '';
  let count = 0;
  for await (const message of messages) {
    const its = localDay(message.sentAt);
    if (its !== day) await print(io, `\n## ${its}\n`);
    day = its;
    count += 1;
    await print(io, markdown(message, from, self));
  }
  await print(io, `\n${endComment(count)}\n`);
}

/** A message as it is exported, which changes of a group are not: with the other person of the conversation, whom its id does not tell. */
type ExportedMessage = MessageView & { peerId?: string };

async function* withPeer(
  messages: AsyncIterable<MessageView>,
  { peerId }: ConversationView,
): AsyncGenerator<ExportedMessage> {
  for await (const { request: _, ...message } of messages)
    if (message.change === undefined) yield peerId === undefined ? message : { ...message, peerId };
}

/** Every message, oldest first: the places of the pages are found backwards, and the pages given forwards. */
async function* wholeConversation(
  client: ControlClient,
  conversation: string,
  signal: AbortSignal,
): AsyncGenerator<MessageView> {
  const limit = MAX_HISTORY_PAGE;
  const firsts: string[] = [];
  let oldest: MessageView[];
  do {
    const before = firsts.at(-1);
    oldest = await client.history(
      conversation,
      { limit, ...(before === undefined ? {} : { before }) },
      signal,
    );
    if (oldest[0] !== undefined) firsts.push(oldest[0].id);
  } while (oldest.length === limit);
  // A conversation of whole pages alone ends with an empty one.
  if (oldest.length === 0 && firsts.length > 0) {
    oldest = await client.history(conversation, { limit, ...beforeOf(firsts.at(-2)) }, signal);
  }
  for (let page = oldest; page.length > 0;) {
    yield* page;
    const after = page.at(-1)?.id;
    page = after === undefined ? [] : await client.history(conversation, { limit, after }, signal);
  }
}

function beforeOf(before: string | undefined): { before?: string } {
  return before === undefined ? {} : { before };
}

/** A message for people, behind a comment with all of it for `import`. */
function markdown(message: ExportedMessage, from: string, self: string): string {
  const mine = message.direction === 'out';
  const who = mine ? 'You' : from;
  const state = mine ? ` ${stateMark(message.state)}` : '';
  const quote = quoteLine(message);
  const marks = messageMarks(message, self);
  const body = [
    ...(quote === null ? [] : [`> ${safeLine(quote)}`]),
    ...safeText(messageText(message)).split('\n'),
    ...(marks.length === 0 ? [] : [`(${safeLine(marks.join(', '))})`]),
  ].map((line) => `> ${escaped(line)}`.trimEnd());
  // Two spaces at its end: the next line stays a line of its own.
  return `\n${messageComment(message)}\n\n**${who}** ${timeOfDay(message.sentAt)}${state}\n\n${body.join('  \n')}\n`;
}

/** Text that Markdown shows as it is. No `<` and no `>` of it stands without a backslash: it is no comment. */
function escaped(text: string): string {
  return text
    .replace(/[\\`*_[\]<>#|~&!]/gu, '\\$&')
    .replace(
      /^(\s*)([-+=]|\d+[.)])/u,
      (_, space: string, mark: string) => space + mark.replace(/[-+=.)]/u, '\\$&'),
    );
}
