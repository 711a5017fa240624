import { createPrompt, isEnterKey, useEffect, useMemo, useRef, useState } from '@inquirer/core';
import type { Key } from 'node:readline';
import { errorMessage, type MemberView, type MessageView, P2pChatError, safeLine } from '@p2p-chat/shared';
import {
  compareMessages,
  conversationOf,
  type LoadedMessages,
  mentionable,
  withMention,
} from '@p2p-chat/shared/client';
import { authorLabel } from '../labels.js';
import { truncate, wrap } from '../layout.js';
import { draftOf, edit, EMPTY_DRAFT, isNewline, layoutDraft, type Draft } from '../line-editor.js';
import { FILE_COMMANDS } from '../file-commands.js';
import { PASTE } from '../keyboard.js';
import { droppedFile, withPath } from '../path-completion.js';
import { MessageLines, type MessageLine } from '../message-lines.js';
import type { Store } from '@p2p-chat/shared/client';
import { theme } from '../theme.js';
import type { ViewState } from '@p2p-chat/shared/client';
import { helpLine, helpPage, helpRows, type KeyHelp } from './help.js';
import {
  ANNOUNCE_COMMAND,
  choices,
  chosenBy,
  excerptOf,
  keptText,
  lastOwnText,
  type MessageCommands,
  type Mode,
  type Writing,
} from './message-mode.js';
import type { PromptFunction } from './prompt-function.js';
import { show, type Draw } from './use-frame.js';
import { useKeys } from './use-keys.js';
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
  /** Keeps what is written and not sent yet. */
  keep: (draft: string) => void;
  /** What was being written when this conversation was left, and takes note of it. */
  writing?: { last: () => Writing | undefined; hold: (writing: Writing) => void };
  /** Hands a message over; rejects where it was not accepted. */
  send: (body: string, replyTo?: string) => Promise<void>;
  /** What can be done with messages. */
  commands: MessageCommands;
  /** Who can be mentioned. */
  members?: () => readonly MemberView[];
  /** The messages that the person is asked to confirm, oldest first. */
  toConfirm: (state: ViewState) => readonly MessageView[];
  /** Something is being written. */
  writes: () => void;
  /** What stands between the conversation and the text being written: who is typing. */
  typing: (state: ViewState) => string | null;
  /** A message was on the screen, and those before it. */
  seen: (messageId: string) => void;
  older: () => Promise<void>;
  newer: () => Promise<void>;
  toEnd: () => void;
  /** Whether texts are shown with their marks. */
  formats?: boolean;
  draw?: Draw;
}

/** Where the person goes from a conversation. */
export type Leaving = 'back' | 'next-unread' | 'safety-number' | { forward: MessageView };

/** Where the view ends: at the newest message, or above this line of a message. */
type Anchor = 'end' | { message: MessageView; line: number };

const MIN_HISTORY_LINES = 3;
const PROMPT = '› ';
const INDENT = '  ';
/** The text being written takes at most this part of the screen; it scrolls there. */
const MAX_INPUT_SHARE = 1 / 3;
/** A message that was searched for begins at most this far above the end of the screen, so that one sees what led to it. */
const FOUND_SHARE_BELOW = 2 / 3;

const ALL_KEYS: readonly KeyHelp[] = [
  ['Enter', 'send; on an empty line, back'],
  ['Alt-Enter, Ctrl-J', 'new line'],
  ['Page Up, Page Down', 'older and newer messages'],
  ['Ctrl-End', 'the newest message'],
  ['Ctrl-N', 'the next person with unread messages'],
  ['F2', 'the safety number'],
  ...FILE_COMMANDS,
  ANNOUNCE_COMMAND,
  ['F4', 'confirm what stands above the conversation'],
  ['↑ on an empty line', 'choose a message: reply, react, edit, copy, forward, delete'],
  ['↑ twice', 'edit your last message'],
  ['Tab after /file', 'the rest of the path, as far as it is clear'],
  ['Tab after @', 'the name of somebody in the conversation: they are mentioned'],
  ['Ctrl-W, Ctrl-U, Ctrl-K', 'erase the word, the line before, the line after'],
  ['Esc', 'back; what is written stays'],
  ['Ctrl-C', 'leave'],
];

/**
 * A conversation: history above, the text being written below. Enter sends,
 * and on an empty line goes back, as Esc does.
 */
export const conversationPrompt: PromptFunction<Leaving, ConversationPromptConfig> = createPrompt(
  (config, done): string => {
    const state = useStore(config.view);
    const loaded = useStore(config.messages);
    const size = useTerminalSize();
    const last = useMemo(() => config.writing?.last(), []);
    // What was sent meanwhile, or could not be sent, is not in it.
    const held = last !== undefined && keptText(last) === config.draft ? last : undefined;
    const [draft, setDraft] = useState<Draft>(held?.draft ?? draftOf(config.draft));
    const [problem, setProblem] = useState<string | null>(null);
    const anchor = useRef<Anchor | null>(null);
    const [, redraw] = useState(0);
    const [help, setHelp] = useState(false);
    const [mode, setMode] = useState<Mode | null>(held?.mode ?? null);
    const [remark, setRemark] = useState<readonly string[]>([]);
    const self = state.me?.peerId ?? '';
    const drawer = useMemo(
      () =>
        new MessageLines(
          (message, cells) => authorLabel(message, config.view.get(), cells),
          self,
          config.formats,
        ),
      [self],
    );
    // A line that says what has changed in a group is none to do something with.
    const messages = loaded.messages.filter(({ change }) => change === undefined);
    const messageOf = (id: string): MessageView | undefined => loaded.messages.find((one) => one.id === id);
    const isAdmin = ({ conversation }: MessageView): boolean =>
      conversationOf(state, conversation)?.group?.admin === true;
    const chosen = mode?.type === 'choose' ? messageOf(mode.id) : undefined;
    // What is being typed when an answer comes.
    const current = useRef(draft);
    current.current = draft;
    useEndOfInput(() => done('back'));

    const width = Math.max(1, size.columns - PROMPT.length);
    const input = useMemo(() => layoutDraft(draft, width), [draft, width]);
    const inputHeight = Math.min(input.rows.length, Math.max(1, Math.floor(size.rows * MAX_INPUT_SHARE)));
    const firstRow = Math.max(0, Math.min(input.row - inputHeight + 1, input.rows.length - inputHeight));
    const notes = [
      ...(problem === null ? [] : wrap(`! ${problem}`, size.columns).map(theme.problem)),
      ...remark
        .flatMap((line) => wrap(safeLine(line), size.columns))
        .slice(-Math.max(1, Math.floor(size.rows * MAX_INPUT_SHARE)))
        .map(theme.faint),
      ...(mode === null || mode.type === 'choose'
        ? []
        : [theme.faint(truncate(about(mode.type, messageOf(mode.id)), size.columns))]),
    ];
    const above = config.header(state, size.columns);
    const lines = drawer.of(loaded.messages, size.columns, loaded.firstUnread, state.files);
    const menu =
      chosen === undefined || mode?.type !== 'choose' ? [] : choices(chosen, mode.menu, isAdmin(chosen));
    const menuRows = helpRows(menu, size.columns);
    // An empty line and the help.
    const taken = above.length + inputHeight + notes.length + 1 + Math.max(1, menuRows.length);
    const height = Math.max(MIN_HISTORY_LINES, size.rows - taken);
    if (!loaded.loading) anchor.current ??= firstPlace(lines, loaded, height);
    const end = Math.max(
      Math.min(height, lines.length),
      endOf(lines, loaded.messages, anchor.current ?? 'end'),
    );
    const shown = lines.slice(Math.max(0, end - height), end);

    const setAnchor = (next: Anchor): void => {
      anchor.current = next;
      redraw((n) => n + 1);
    };
    const scrollTo = (line: number): void => {
      if (line >= lines.length)
        setAnchor(loaded.atEnd ? 'end' : anchorAt(lines, loaded.messages, lines.length));
      else setAnchor(anchorAt(lines, loaded.messages, line));
    };
    const lastShown = help ? undefined : shown.at(-1)?.messageId;
    useEffect(() => {
      if (lastShown !== undefined) config.seen(lastShown);
    }, [lastShown]);
    useEffect(() => {
      config.writing?.hold({ draft, mode: mode?.type === 'choose' ? null : mode });
      // What was to be changed is gone, and with it all that says what it said.
      if (mode?.type !== 'edit' || messageOf(mode.id)?.deleted !== true) return;
      leaveMode();
      setRemark(['The message was deleted meanwhile.']);
    }, [draft, mode, loaded]);

    const choose = (id: string, menu: 'all' | 'react' | 'delete' = 'all'): void => {
      setMode({ type: 'choose', id, menu });
      const first = lines.findIndex((line) => line.messageId === id && line.isDivider !== true);
      const last = lines.findLastIndex((line) => line.messageId === id);
      if (first < end - height || last >= end) scrollTo(Math.max(last + 1, Math.min(height, lines.length)));
      if (first === 0) void config.older();
    };
    const startEdit = (message: MessageView): void => {
      setMode({ type: 'edit', id: message.id, before: draft });
      setDraft(draftOf(message.body));
    };
    const leaveMode = (): void => {
      setMode(null);
      if (mode?.type === 'edit') setDraft(mode.before);
    };
    /** Does something with a message; what goes wrong is said, and the line being written stays. */
    const perform = (work: Promise<unknown>): void => {
      setMode(null);
      work.then(
        () => undefined,
        (error: unknown) => setProblem(describe(error, 'Not done')),
      );
    };
    const chooseKey = (key: Key, message: MessageView, menu: 'all' | 'react' | 'delete'): void => {
      const { commands } = config;
      const what = chosenBy(key, message, menu, isAdmin(message));
      switch (what?.do) {
        case 'leave':
          return setMode(null);
        case 'menu':
          return choose(message.id, what.menu);
        case 'move': {
          const at = messages.indexOf(message);
          const own = lastOwnText(messages);
          // The second arrow up of two: one's own last message is what one most often wants to change.
          if (what.by < 0 && at === messages.length - 1 && own !== undefined) return startEdit(own);
          const next = messages[at + what.by];
          return next === undefined ? (what.by > 0 ? setMode(null) : undefined) : choose(next.id);
        }
        case 'reply':
          return setMode({ type: 'reply', id: message.id });
        case 'edit':
          return startEdit(message);
        case 'forward':
          return done({ forward: message });
        case 'react':
          return perform(commands.react(message, what.emoji));
        case 'delete':
          return perform(commands.delete(message.id, what.forMe));
        case 'confirm':
          return perform(commands.confirm(message.id));
        case 'jump':
          anchor.current = null;
          return perform(commands.jumpTo(message.replyTo ?? ''));
        case 'copy':
        case 'who':
        case 'versions':
        case 'remind':
          return perform(commands[what.do](message).then(setRemark));
        case undefined:
      }
    };

    const write = (next: Draft): void => {
      setDraft(next);
      setProblem(null);
      if (mode?.type === 'edit') return;
      config.keep(next.text);
      if (next.text.trim() !== '') config.writes();
    };
    const send = (): void => {
      const { text } = draft;
      const how = mode;
      setProblem(null);
      setMode(null);
      if (how?.type === 'edit') {
        setDraft(how.before);
        config.commands.edit(how.id, text).catch((error: unknown) => {
          // What was changed is not lost: it is there to be sent again.
          setMode(how);
          setDraft(draftOf(text));
          setProblem(describe(error, 'Not changed'));
        });
        return;
      }
      setDraft(EMPTY_DRAFT);
      setAnchor('end');
      const sending = how?.type === 'reply' ? config.send(text, how.id) : config.send(text);
      sending.then(
        // Kept until now, so that a crash meanwhile takes nothing.
        () => config.keep(current.current.text),
        (error: unknown) => {
          // Nothing that was written gets lost because it could not be sent.
          const since = current.current.text;
          const both = since === '' ? text : `${text}\n${since}`;
          setDraft(draftOf(both));
          config.keep(both);
          setProblem(describe(error));
        },
      );
    };
    useKeys((key: Key) => {
      setRemark([]);
      if (help) return setHelp(false);
      if (mode?.type === 'choose' && chosen !== undefined && !isTurning(key))
        return chooseKey(key, chosen, mode.menu);
      if (key.name === 'escape' && mode !== null) return leaveMode();
      if (key.name === 'up' && isUntouched(mode, draft, messageOf)) {
        const newest = mode === null ? messages.at(-1) : messages.at(-2);
        leaveMode();
        return newest === undefined ? undefined : choose(newest.id);
      }
      const [pinned] = config.toConfirm(state);
      if (key.name === 'f4' && pinned !== undefined) return perform(config.commands.confirm(pinned.id));
      if (isEnterKey(key as Parameters<typeof isEnterKey>[0]) && !isNewline(key)) {
        if (draft.text.trim() !== '') send();
        else if (mode === null) done('back');
        else leaveMode();
      } else if (key.name === 'escape') done('back');
      else if (key.ctrl === true && key.name === 'n') done('next-unread');
      else if (key.name === 'f1') setHelp(true);
      else if (key.name === 'f2') done('safety-number');
      else if (key.name === 'tab') {
        const path = withPath(draft);
        const callable = mentionable(draft, config.members?.() ?? []);
        const [member] = callable;
        if (callable.length > 1) setRemark([callable.map(({ user }) => `@${user}`).join('  ')]);
        if (path !== null && path.names.length > 0) setRemark([path.names.join('  ')]);
        if (path !== null) write(path.draft);
        else if (member !== undefined) write(withMention(draft, member.user));
      } else if (key.name === 'pageup') {
        if (end - height <= height) void config.older();
        scrollTo(Math.max(end - height + 1, Math.min(height, lines.length)));
      } else if (key.name === 'pagedown') {
        if (lines.length - end <= height) void config.newer();
        scrollTo(end + height - 1);
      } else if (key.ctrl === true && key.name === 'end') {
        setAnchor('end');
        if (!loaded.atEnd) config.toEnd();
      } else {
        const dropped =
          key.name === PASTE && mode === null && draft.text === '' ? droppedFile(key.sequence ?? '') : null;
        const next = edit(draft, dropped === null ? key : { ...key, sequence: dropped });
        if (next !== null) write(next);
      }
    });

    if (help) return show(config.draw, { lines: [...above, '', ...helpPage(ALL_KEYS)], cursor: null });
    const history =
      loaded.messages.length > 0
        ? shown.map((line) =>
            isFound(line, loaded) || (line.messageId === chosen?.id && line.isDivider !== true)
              ? theme.found(line.text)
              : line.text,
          )
        : [theme.faint(loaded.loading ? 'Loading…' : config.empty)];
    const keys: KeyHelp[] = [
      ['⏎', draft.text.trim() === '' ? 'back' : 'send'],
      ['esc', 'back'],
      ...(end - height > 0 || !loaded.atStart ? [['pgup', 'older'] as const] : []),
      ...(end < lines.length || !loaded.atEnd ? [['pgdn', 'newer'] as const] : []),
      ['F1', 'keys'],
    ];
    const written = input.rows
      .slice(firstRow, firstRow + inputHeight)
      .map((row, i) => (firstRow + i === 0 ? theme.active(PROMPT) : INDENT) + row);
    const typing = config.typing(state);
    const top = [...above, ...history, typing === null ? '' : theme.faint(truncate(typing, size.columns))];
    return show(config.draw, {
      lines: [
        ...top,
        ...written,
        ...notes,
        ...(menuRows.length > 0 ? menuRows : [helpLine(keys, size.columns)]),
      ],
      cursor: { row: top.length + input.row - firstRow, column: PROMPT.length + input.column },
    });
  },
);

/** A conversation opens at the message that was searched for, at its end, or where the first unread message is at the top if there are more than fit. */
function firstPlace(lines: readonly MessageLine[], loaded: LoadedMessages, height: number): Anchor {
  const found = lines.findIndex((line) => isFound(line, loaded));
  if (found >= 0) {
    const below = Math.ceil(height * FOUND_SHARE_BELOW);
    return anchorAt(lines, loaded.messages, Math.min(lines.length, Math.max(found + below, height)));
  }
  const first = lines.findIndex((line) => line.messageId === loaded.firstUnread);
  return first < 0 || lines.length - first <= height
    ? 'end'
    : anchorAt(lines, loaded.messages, first + height);
}

function isFound(line: MessageLine, { found }: LoadedMessages): boolean {
  return line.messageId === found && line.isDivider !== true;
}

/** The line before which the view ends: where its message is gone, behind what stood before that. */
function endOf(lines: readonly MessageLine[], messages: readonly MessageView[], anchor: Anchor): number {
  if (anchor === 'end') return lines.length;
  const { message, line } = anchor;
  const first = lines.findIndex(({ messageId }) => messageId === message.id);
  if (first >= 0) return Math.min(lines.length, first + line);
  const before = messages.findLast((one) => compareMessages(one, message) < 0);
  return lines.findLastIndex(({ messageId }) => messageId === before?.id) + 1;
}

function anchorAt(lines: readonly MessageLine[], messages: readonly MessageView[], end: number): Anchor {
  const id = lines[end - 1]?.messageId;
  const message = messages.find((one) => one.id === id);
  if (message === undefined) return 'end';
  return { message, line: end - lines.findIndex(({ messageId }) => messageId === id) };
}

/** Whether a key turns pages, also while a message is chosen. */
function isTurning({ name }: Key): boolean {
  return name === 'pageup' || name === 'pagedown';
}

/** Whether an arrow up chooses a message: nothing was written, and of an edit nothing was changed. */
function isUntouched(
  mode: Mode | null,
  { text }: Draft,
  messageOf: (id: string) => MessageView | undefined,
): boolean {
  if (mode === null) return text === '';
  return mode.type === 'edit' && text === messageOf(mode.id)?.body;
}

function about(type: 'reply' | 'edit', message: MessageView | undefined): string {
  const what = safeLine(excerptOf(message));
  if (type === 'edit') return `Changing (esc: leave it as it is): ${what}`;
  const who = message?.direction === 'out' ? 'yourself' : safeLine(message?.user ?? '');
  return `Answering ${who} (esc: no answer): ${what}`;
}

function describe(error: unknown, what = 'Not sent'): string {
  const hint = error instanceof P2pChatError && error.hint !== undefined ? ` ${error.hint}` : '';
  return safeLine(`${what}: ${errorMessage(error)}${hint}`);
}
