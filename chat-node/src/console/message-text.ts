import { FOLDER_TYPE, type MessageView, type OfferedFileView, safeLine } from '@p2p-chat/shared';
import { sizeLabel } from './labels.js';

/** What of a message is shown as its text, by its kind: the one place for the screens and the commands. Not safe for a terminal yet. */
export function messageText({
  kind,
  body,
  caption,
  files = [],
}: Pick<MessageView, 'kind' | 'body' | 'caption' | 'files'>): string {
  switch (kind) {
    case 'text':
      return body;
    case 'file':
      return [...files.map(fileText), ...(caption === undefined ? [] : [caption])].join('\n');
    case 'unreadable':
      return '[cannot be shown]';
    default:
      return `[needs a newer version of p2p-chat: ${safeLine(kind)}]`;
  }
}

/** An offered file in a line: `[file] report.pdf (2.1 MB)`. */
export function fileText({ name, size, type }: Pick<OfferedFileView, 'name' | 'size' | 'type'>): string {
  return `[${type === FOLDER_TYPE ? 'folder' : 'file'}] ${safeLine(name)} (${sizeLabel(size)})`;
}
