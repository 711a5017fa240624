import type { Key } from 'node:readline';
import type { MemberView, MessageView } from '@p2p-chat/shared';
import type { Draft } from '../line-editor.js';
import { messageText } from '../message-text.js';
import type { KeyHelp } from './help.js';

/** What can be done with messages of the conversation that is open. */
export interface MessageCommands {
  edit(id: string, body: string): Promise<void>;
  /** @param forMe here alone */
  delete(id: string, forMe: boolean): Promise<void>;
  /** Adds the emoji to one's own, or takes it away. */
  react(message: MessageView, emoji: string): Promise<void>;
  confirm(id: string): Promise<void>;
  /** Who has read it, in a line. */
  who(message: MessageView): Promise<string>;
  /** Shows a message, wherever it is. */
  jumpTo(id: string): Promise<void>;
}

/** What the keys are for: a message that is chosen, or the line that is being written for one. */
export type Mode =
  | { type: 'choose'; id: string; menu: 'all' | 'react' | 'delete' }
  | { type: 'reply'; id: string }
  /** @property before what was being written; it comes back */
  | { type: 'edit'; id: string; before: Draft };

/** What a key does while a message is chosen. */
export type Chosen =
  | { do: 'move'; by: number }
  | { do: 'leave' }
  | { do: 'menu'; menu: 'all' | 'react' | 'delete' }
  | { do: 'react'; emoji: string }
  | { do: 'delete'; forMe: boolean }
  | { do: 'reply' | 'edit' | 'forward' | 'who' | 'confirm' | 'jump' };

/** The emoji that have a key of their own. */
export const QUICK_EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🎉', '🙏', '👀'] as const;

/** What can be done with a message, a key each. */
export function choices(message: MessageView, menu: 'all' | 'react' | 'delete'): KeyHelp[] {
  const mine = message.direction === 'out';
  switch (menu) {
    case 'react':
      return [...QUICK_EMOJI.map((emoji, nth): KeyHelp => [String(nth + 1), emoji]), ['esc', 'back']];
    case 'delete':
      return [...(mine ? [['a', 'for all'] as const] : []), ['m', 'for me'], ['esc', 'back']];
    case 'all':
      return [
        ...(message.deleted === true ? [] : actions(message, mine)),
        ['d', 'delete'],
        ...(message.replyTo ? [['⏎', 'to the quoted one'] as const] : []),
        ['↑↓', 'choose'],
        ['esc', 'back'],
      ];
  }
}

function actions(message: MessageView, mine: boolean): KeyHelp[] {
  return [
    ['r', 'reply'],
    ['+', 'react'],
    ...(mine && message.kind === 'text' ? [['e', 'edit'] as const] : []),
    ...(message.confirm === true && !mine ? [['y', 'confirm'] as const] : []),
    ['f', 'forward'],
    ...(mine ? [['w', 'who has read it'] as const] : []),
  ];
}

/** What a key does with the message that is chosen; null for a key without a meaning here. */
export function chosenBy(key: Key, message: MessageView, menu: 'all' | 'react' | 'delete'): Chosen | null {
  if (key.name === 'escape') return menu === 'all' ? { do: 'leave' } : { do: 'menu', menu: 'all' };
  if (key.name === 'up') return { do: 'move', by: -1 };
  if (key.name === 'down') return { do: 'move', by: 1 };
  const mine = message.direction === 'out';
  const name = key.sequence ?? '';
  if (menu === 'react') {
    const emoji = QUICK_EMOJI[Number(name) - 1];
    return emoji === undefined ? null : { do: 'react', emoji };
  }
  if (menu === 'delete') {
    if (name === 'a' && mine) return { do: 'delete', forMe: false };
    return name === 'm' ? { do: 'delete', forMe: true } : null;
  }
  if ((key.name === 'return' || key.name === 'enter') && message.replyTo) return { do: 'jump' };
  if (name === 'd') return { do: 'menu', menu: 'delete' };
  if (message.deleted === true) return null;
  switch (name) {
    case 'r':
      return { do: 'reply' };
    case '+':
      return { do: 'menu', menu: 'react' };
    case 'e':
      return mine && message.kind === 'text' ? { do: 'edit' } : null;
    case 'y':
      return message.confirm === true && !mine ? { do: 'confirm' } : null;
    case 'f':
      return { do: 'forward' };
    case 'w':
      return mine ? { do: 'who' } : null;
    default:
      return null;
  }
}

/** The last message of one's own that can be changed. */
export function lastOwnText(messages: readonly MessageView[]): MessageView | undefined {
  return messages.findLast(
    ({ direction, kind, deleted }) => direction === 'out' && kind === 'text' && deleted !== true,
  );
}

/** The line with the name of a member in the place of the `@` and its first letters before the cursor; null where nobody is called so. */
export function withMention({ text, cursor }: Draft, members: readonly MemberView[]): Draft | null {
  const [, letters] = /(?:^|[^\p{L}\p{N}_])@([^\s@]*)$/u.exec(text.slice(0, cursor)) ?? [];
  if (letters === undefined) return null;
  const name = members
    .filter(({ self, user }) => !self && user.toLowerCase().startsWith(letters.toLowerCase()))
    .map(({ user }) => user)
    .sort((a, b) => a.localeCompare(b))[0];
  if (name === undefined) return null;
  const start = cursor - letters.length;
  return { text: `${text.slice(0, start)}${name} ${text.slice(cursor)}`, cursor: start + name.length + 1 };
}

/** What a message says, in a line: what is answered or changed. Not safe for a terminal yet. */
export function excerptOf(message: MessageView | undefined): string {
  return message === undefined ? '' : messageText(message).replaceAll('\n', ' ');
}
