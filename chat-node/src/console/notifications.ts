import { type Environment, type MessageView, safeLine, Settings } from '@p2p-chat/shared';
import { messageText } from './message-text.js';

/** What a terminal can do to say that something came, and may. */
export interface Notifications {
  bell: boolean;
  /** Whether its window has a title. */
  title: boolean;
  /** Which sequence makes it show a notification of the desktop; null for none. */
  desktop: 'osc9' | 'osc777' | null;
}

const NONE: Notifications = { bell: false, title: false, desktop: null };

/**
 * What to use of this terminal, by its own word and `P2P_CHAT_NOTIFICATIONS`
 * (`all`, the default; `bell`; `off`).
 * @throws {SettingError} where that is none of them
 */
export function notificationsOf(env: Environment): Notifications {
  const level = new Settings(env).word('P2P_CHAT_NOTIFICATIONS', ['all', 'bell', 'off']) ?? 'all';
  if (level === 'off') return NONE;
  const term = env.TERM ?? '';
  if (level === 'bell') return { ...NONE, bell: true };
  const title = !/^(dumb|linux|vt\d+)?$/.test(term);
  // A multiplexer stands between, and swallows or misreads what it does not know.
  const isDirect = !env.TMUX && !env.STY && !/^(screen|tmux)/.test(term);
  return { bell: true, title, desktop: isDirect ? desktopOf(term, env.TERM_PROGRAM ?? '') : null };
}

const OSC9_PROGRAMS: ReadonlySet<string> = new Set(['iTerm.app', 'WezTerm', 'ghostty']);

function desktopOf(term: string, program: string): Notifications['desktop'] {
  if (OSC9_PROGRAMS.has(program) || /^xterm-(kitty|ghostty)/.test(term)) return 'osc9';
  return /^(foot|rxvt)/.test(term) ? 'osc777' : null;
}

const BEL = '\u0007';
const OSC = '\u001b]';
/** Characters of a notification: what a corner of a screen shows. */
const MAX_TEXT = 120;

/** The sequence that sets the title of the window. */
export function titleSequence(text: string): string {
  return `${OSC}0;${safeLine(text)}${BEL}`;
}

/** The sequence that shows a message on the desktop, without anything in it that a terminal would obey. */
export function desktopSequence(kind: 'osc9' | 'osc777', from: string, message: MessageView): string {
  // A semicolon ends a field, and a number before one is a command to some terminals.
  const clean = (text: string): string => safeLine(text).replaceAll(';', ',');
  const text = [...`${clean(from)}: ${clean(messageText(message))}`].slice(0, MAX_TEXT).join('');
  return kind === 'osc9' ? `${OSC}9;p2p-chat: ${text}${BEL}` : `${OSC}777;notify;p2p-chat;${text}${BEL}`;
}

/** The bell. */
export const BELL = BEL;
/** Keeps the title that the window has, and brings it back. */
export const SAVE_TITLE = '\u001b[22;0t';
export const RESTORE_TITLE = '\u001b[23;0t';
