import {
  type FileView,
  FOLDER_TYPE,
  hasVisibleText,
  type MessageView,
  type OfferedFileView,
  safeLine,
} from '@p2p-chat/shared';
import { changeLine } from './group-labels.js';
import { progressBar, progressLabel, sizeLabel } from './labels.js';

/** Of what this version cannot read, and of texts that other nodes send without anything to see in them. */
const UNREADABLE = '[cannot be shown]';
const NONE: ReadonlyMap<string, FileView> = new Map();

/** What of a message is shown as its text, by its kind: the one place for the screens and the commands. Not safe for a terminal yet. */
export function messageText(
  {
    kind,
    body,
    caption,
    files = [],
    change,
    blocked,
  }: Pick<MessageView, 'kind' | 'body' | 'caption' | 'files' | 'change' | 'blocked'>,
  transfers: ReadonlyMap<string, FileView> = NONE,
): string {
  if (change !== undefined) return changeLine(change);
  if (blocked === true) return '[of somebody whom you have blocked]';
  switch (kind) {
    case 'text':
      return hasVisibleText(body) ? body : UNREADABLE;
    case 'file':
      return [
        ...files.map((file) => transferText(file, transfers.get(file.id))),
        ...(caption === undefined ? [] : [caption]),
      ].join('\n');
    case 'deleted':
      return '[deleted]';
    case 'unreadable':
      return UNREADABLE;
    default:
      return `[needs a newer version of p2p-chat: ${safeLine(kind)}]`;
  }
}

/** An offered file, and what became of it here. */
function transferText(file: OfferedFileView, transfer: FileView | undefined): string {
  if (transfer === undefined) return fileText(file);
  const isHere = transfer.state === 'complete' && transfer.path !== null;
  return `${fileText(file)} ${isHere ? safeLine(transfer.path ?? '') : progressBar(transfer) + progressLabel(transfer)}`;
}

/** An offered file in a line: `[file] report.pdf (2.1 MB)`. */
export function fileText({ name, size, type }: Pick<OfferedFileView, 'name' | 'size' | 'type'>): string {
  return `[${type === FOLDER_TYPE ? 'folder' : 'file'}] ${safeLine(name)} (${sizeLabel(size)})`;
}

/** What others made of a message, in short: "edited", who reacts, what is asked. Not safe for a terminal yet. */
export function messageMarks(message: MessageView, self: string): string[] {
  const { edited, mentions = [], reactions = [], confirm, confirmed = [], author, deletion } = message;
  const isDone = confirmed.some(({ peerId }) => peerId === self);
  const asks =
    author === self ? `${confirmed.length} confirmed` : isDone ? 'you confirmed' : 'asks you to confirm';
  return [
    ...(mentions.includes(self) ? ['mentions you'] : []),
    ...(edited === true ? ['edited'] : []),
    ...(deletion === undefined ? [] : [`asked ${deletion.asked}, done ${deletion.done}`]),
    ...reactions.map(({ emoji, by }) => (by.length > 1 ? `${emoji} ${by.length}` : emoji)),
    ...(confirm === true ? [asks] : []),
  ];
}

/** What a message says, what it answers and what others made of it, as one text. Not safe for a terminal yet. @param self peer id of who reads it */
export function messageLine(message: MessageView, self: string): string {
  const marks = messageMarks(message, self);
  const quote = quoteLine(message);
  const answer = quote === null ? '' : `[answers ${quote}] `;
  return `${answer}${messageText(message)}${marks.length === 0 ? '' : ` [${marks.join(', ')}]`}`;
}

/** The message that another one answers, as one line; null where it answers none. Not safe for a terminal yet. */
export function quoteLine({ replyTo, quote }: MessageView): string | null {
  if (replyTo === undefined || replyTo === null) return null;
  if (quote === undefined || quote === null) return 'a message that is not here';
  const [first = ''] = quote.body.split('\n');
  return `${quote.user}: ${quote.deleted ? '[deleted]' : first}`;
}
