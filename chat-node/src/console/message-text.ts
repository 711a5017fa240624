import { type MessageView, safeLine } from '@p2p-chat/shared';

/** What of a message is shown as its text, by its kind: the one place for the screens and the commands. Not safe for a terminal yet. */
export function messageText({ kind, body }: Pick<MessageView, 'kind' | 'body'>): string {
  switch (kind) {
    case 'text':
      return body;
    case 'unreadable':
      return '[cannot be shown]';
    default:
      return `[needs a newer version of p2p-chat: ${safeLine(kind)}]`;
  }
}
