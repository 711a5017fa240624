import type { Key } from 'node:readline';
import type { MessageView } from '@p2p-chat/shared';
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
  /** Who has read it, confirmed it, or says what they feel about it: lines. */
  who(message: MessageView): Promise<string[]>;
  /** What one's own message said before and says: lines. */
  versions(message: MessageView): Promise<string[]>;
  /** Reminds those who have not confirmed it, and says whom. */
  remind(message: MessageView): Promise<string[]>;
  /** Hands its text to the terminal's clipboard, and says so. */
  copy(message: MessageView): Promise<string[]>;
  /** Shows a message, wherever it is. */
  jumpTo(id: string): Promise<void>;
}

type Menu = 'all' | 'react' | 'delete';

/** What the keys are for: a message that is chosen, or the line that is being written for one. */
export type Mode =
  | { type: 'choose'; id: string; menu: Menu }
  | { type: 'reply'; id: string }
  /** @property before what was being written; it comes back */
  | { type: 'edit'; id: string; before: Draft };

/** What is being written, and for what: it outlives a look at another screen. */
export interface Writing {
  draft: Draft;
  mode: Mode | null;
}

/** What of it would be sent as a message: what was there before an edit began. */
export function keptText({ draft, mode }: Writing): string {
  return mode?.type === 'edit' ? mode.before.text : draft.text;
}

/** What can be written in a conversation so that its readers are asked to confirm it. */
export const ANNOUNCE_COMMAND = ['/announce TEXT', 'ask everybody here to confirm TEXT'] as const;

/** What stands beside the message that waits to be confirmed, and that its key confirms. */
export const CONFIRM_KEY = '(F4: confirm)';

/** The text that is to be confirmed; null where what was written is another thing. */
export function announced(written: string): string | null {
  return /^\/announce\s+(.*\S)/su.exec(written)?.[1] ?? null;
}

/** What a key does while a message is chosen. */
export type Chosen =
  | { do: 'move'; by: number }
  | { do: 'leave' }
  | { do: 'menu'; menu: Menu }
  | { do: 'react'; emoji: string }
  | { do: 'delete'; forMe: boolean }
  | { do: 'reply' | 'edit' | 'copy' | 'forward' | 'who' | 'versions' | 'remind' | 'confirm' | 'jump' };

/** The emoji that have a key of their own. */
export const QUICK_EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🎉', '🙏', '👀'] as const;

/**
 * What can be done with a message, a key each.
 * @param isAdmin whether the person may delete what others wrote there
 */
export function choices(message: MessageView, menu: Menu, isAdmin: boolean): KeyHelp[] {
  const mine = message.direction === 'out';
  switch (menu) {
    case 'react':
      return [...QUICK_EMOJI.map((emoji, nth): KeyHelp => [String(nth + 1), emoji]), ['esc', 'back']];
    case 'delete':
      return [...(mine || isAdmin ? [['a', 'for all'] as const] : []), ['m', 'for me'], ['esc', 'back']];
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
  const { kind, confirm, edited, reactions = [] } = message;
  const hasText = kind === 'text' || kind === 'file';
  return [
    ['r', 'reply'],
    ['+', 'react'],
    ...(mine && kind === 'text' ? [['e', 'edit'] as const] : []),
    ...(confirm === true && !mine ? [['y', 'confirm'] as const] : []),
    ...(hasText ? [['c', 'copy'] as const, ['f', 'forward'] as const] : []),
    ...(mine ? [['w', 'who has read it'] as const] : []),
    ...(!mine && reactions.length > 0 ? [['w', 'who reacts'] as const] : []),
    ...(mine && edited === true ? [['v', 'earlier versions'] as const] : []),
    ...(mine && confirm === true ? [['n', 'remind'] as const] : []),
  ];
}

/** What the letters of {@link actions} do. */
const LETTERS: Partial<Record<string, Chosen>> = {
  r: { do: 'reply' },
  '+': { do: 'menu', menu: 'react' },
  e: { do: 'edit' },
  y: { do: 'confirm' },
  c: { do: 'copy' },
  f: { do: 'forward' },
  w: { do: 'who' },
  v: { do: 'versions' },
  n: { do: 'remind' },
};

/** What a key does with the message that is chosen; null for a key without a meaning here. */
export function chosenBy(key: Key, message: MessageView, menu: Menu, isAdmin: boolean): Chosen | null {
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
    if (name === 'a' && (mine || isAdmin)) return { do: 'delete', forMe: false };
    return name === 'm' ? { do: 'delete', forMe: true } : null;
  }
  if ((key.name === 'return' || key.name === 'enter') && message.replyTo) return { do: 'jump' };
  if (name === 'd') return { do: 'menu', menu: 'delete' };
  const can = message.deleted !== true && actions(message, mine).some(([letter]) => letter === name);
  return can ? (LETTERS[name] ?? null) : null;
}

/** The last message of one's own that can be changed. */
export function lastOwnText(messages: readonly MessageView[]): MessageView | undefined {
  return messages.findLast(
    ({ direction, kind, deleted }) => direction === 'out' && kind === 'text' && deleted !== true,
  );
}

/** What a message says, in a line: what is answered or changed. Not safe for a terminal yet. */
export function excerptOf(message: MessageView | undefined): string {
  return message === undefined ? '' : messageText(message).replaceAll('\n', ' ');
}
