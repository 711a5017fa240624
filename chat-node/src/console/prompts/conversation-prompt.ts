import { createPrompt, isEnterKey, useEffect, useKeypress, useMemo, useRef, useState } from '@inquirer/core';
import stringWidth from 'fast-string-width';
import { errorMessage, P2pChatError, safeLine } from '@p2p-chat/shared';
import type { LoadedMessages } from '../conversation-window.js';
import { wrap } from '../layout.js';
import { MessageLines, type MessageLine } from '../message-lines.js';
import type { Store } from '../store.js';
import { theme } from '../theme.js';
import type { ViewState } from '../view-state.js';
import type { PromptFunction } from './prompt-function.js';
import { useStore } from './use-store.js';
import { useEndOfInput, useTerminalSize } from './use-terminal.js';

export interface ConversationPromptConfig {
  view: Store<ViewState>;
  messages: Store<LoadedMessages>;
  /** Lines above the conversation. */
  header: (state: ViewState, width: number) => string[];
  /** What an empty conversation says. */
  empty: string;
  /** What stands in the line at first. */
  draft: string;
  /** Hands a message over; rejects where it was not accepted. */
  send: (body: string) => Promise<void>;
  older: () => Promise<void>;
  newer: () => Promise<void>;
  toEnd: () => void;
}

/** Where the view ends: at the newest message, or above this line of a message. */
type Anchor = 'end' | { messageId: string; line: number };

const MIN_HISTORY_LINES = 3;
const PROMPT = '› ';

/**
 * A conversation: history above, the line being written below. Enter sends,
 * and on an empty line goes back, as Esc does.
 * @returns the text that was left in the line
 */
export const conversationPrompt: PromptFunction<string, ConversationPromptConfig> = createPrompt(
  (config, done): [string, string] => {
    const state = useStore(config.view);
    const loaded = useStore(config.messages);
    const size = useTerminalSize();
    const [text, setText] = useState('');
    const [problem, setProblem] = useState<string | null>(null);
    const [anchor, setAnchor] = useState<Anchor>('end');
    const drawer = useMemo(() => new MessageLines(), []);
    // What is being typed when the input ends is kept too.
    const current = useRef('');
    current.current = text;

    useEffect((rl) => {
      if (config.draft === '') return;
      rl.write(config.draft);
      setText(config.draft);
    }, []);
    useEndOfInput(() => done(current.current));

    const above = config.header(state, size.columns);
    const lines = drawer.of(loaded.messages, size.columns);
    const promptRows = 1 + Math.floor(stringWidth(PROMPT + text) / size.columns);
    // An empty line, the help, and one that stays free for the cursor.
    const height = Math.max(MIN_HISTORY_LINES, size.rows - above.length - promptRows - 3);
    const end = endOf(lines, anchor);
    const shown = lines.slice(Math.max(0, end - height), end);

    const scrollTo = (line: number): void => {
      if (line >= lines.length) setAnchor(loaded.atEnd ? 'end' : anchorAt(lines, lines.length));
      else setAnchor(anchorAt(lines, line));
    };
    useKeypress((key, rl) => {
      if (isEnterKey(key)) {
        if (text.trim() === '') return done('');
        setText('');
        setProblem(null);
        setAnchor('end');
        config.send(text).catch((error: unknown) => {
          // Nothing that was written gets lost because it could not be sent.
          const since = rl.line;
          rl.clearLine(0);
          rl.write(since === '' ? text : `${text} ${since}`);
          setText(rl.line);
          setProblem(describe(error));
        });
      } else if (key.name === 'escape') {
        done(text);
      } else if (key.name === 'pageup') {
        if (end - height <= height) void config.older();
        scrollTo(Math.max(end - height + 1, Math.min(height, lines.length)));
      } else if (key.name === 'pagedown') {
        if (lines.length - end <= height) void config.newer();
        scrollTo(end + height - 1);
      } else if (key.ctrl && key.name === 'end') {
        setAnchor('end');
        if (!loaded.atEnd) config.toEnd();
      } else {
        setText(rl.line);
        setProblem(null);
      }
    });

    const history =
      loaded.messages.length > 0
        ? shown.map((line) => line.text)
        : [theme.faint(loaded.loading ? 'Loading…' : config.empty)];
    const below = end < lines.length || !loaded.atEnd ? [['pgdn', 'newer'] as const] : [];
    const more = end - height > 0 || !loaded.atStart ? [['pgup', 'older'] as const] : [];
    const keys = [
      ['⏎', text.trim() === '' ? 'back' : 'send'] as const,
      ['esc', 'back'] as const,
      ...more,
      ...below,
    ];
    const help = keys
      .map(([key, does]) => `${theme.strong(key)} ${theme.faint(does)}`)
      .join(theme.faint(' · '));
    const notes = problem === null ? [] : wrap(`! ${problem}`, size.columns).map(theme.problem);
    return [
      [...above, ...history, '', `${theme.active(PROMPT)}${text}`].join('\n'),
      [...notes, help].join('\n'),
    ];
  },
);

/** The line before which the view ends. */
function endOf(lines: readonly MessageLine[], anchor: Anchor): number {
  if (anchor === 'end') return lines.length;
  const first = lines.findIndex((line) => line.messageId === anchor.messageId);
  return first < 0 ? lines.length : Math.min(lines.length, first + anchor.line);
}

function anchorAt(lines: readonly MessageLine[], end: number): Anchor {
  const last = lines[end - 1];
  if (last === undefined) return 'end';
  const first = lines.findIndex((line) => line.messageId === last.messageId);
  return { messageId: last.messageId, line: end - first };
}

function describe(error: unknown): string {
  const hint = error instanceof P2pChatError && error.hint !== undefined ? ` ${error.hint}` : '';
  return safeLine(`Not sent: ${errorMessage(error)}${hint}`);
}
