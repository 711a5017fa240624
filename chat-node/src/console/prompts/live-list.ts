import { createPrompt, useRef, useState } from '@inquirer/core';
import type { Key } from 'node:readline';
import { foldText, safeLine } from '@p2p-chat/shared';
import stringWidth from 'fast-string-width';
import { PASTE } from '../keyboard.js';
import { isTyped, withoutLastCharacter } from '../line-editor.js';
import { theme } from '../theme.js';
import { truncate, wrap } from '../layout.js';
import type { Store } from '@p2p-chat/shared/client';
import { helpLine, helpPage, type KeyHelp } from './help.js';
import type { PromptContext, PromptFunction } from './prompt-function.js';
import { show, type Draw } from './use-frame.js';
import { useKeys } from './use-keys.js';
import { useStore } from './use-store.js';
import { useEndOfInput, useTerminalSize } from './use-terminal.js';

export interface ListRow<Value> {
  /** What makes it the same row when the list changes. */
  key: string;
  value: Value;
  /** One line, safe to show, without colours. */
  label: string;
  /** Beside the label, faint. */
  remark?: string;
  /** Whether it only leaves the list: then it is not what the list begins with. */
  isWayOut?: boolean;
}

export interface LiveListConfig<State, Value> {
  message: string;
  store: Store<State>;
  /** Lines above the question. */
  header: (state: State, width: number) => string[];
  /** Lines under the question, above the rows. */
  intro?: (state: State) => string[];
  /** At least one row. */
  rows: (state: State) => ListRow<Value>[];
  /** The row to begin at, by key. */
  initial?: string;
  /** The answer of Esc and of the end of input; without it, Esc does nothing. */
  back?: Value;
  /** The answer of Ctrl-N, while there is one: the next person with unread messages. */
  jump?: (state: State) => Value | undefined;
  draw?: Draw;
}

/** Rows are always this many at least, however small the terminal is. */
const MIN_PAGE = 3;
/** A remark that is cut to less says nothing. */
const MIN_REMARK = 4;

const prompt: PromptFunction<unknown, LiveListConfig<unknown, unknown>> = createPrompt((config, done) => {
  const state = useStore(config.store);
  const size = useTerminalSize();
  const [filter, setFilter] = useState('');
  const [help, setHelp] = useState(false);
  const [, redraw] = useState(0);
  const selection = useRef({ key: config.initial ?? '', index: 0, moved: false });
  const all = config.rows(state);
  const rows = matching(all, filter);
  const active = activeRow(rows, selection.current);
  selection.current = {
    ...selection.current,
    key: rows[active]?.key ?? selection.current.key,
    index: active,
  };
  const chosen = rows[active];
  const jump = config.jump?.(state);

  const moveTo = (index: number): void => {
    const bound = rows.length === 0 ? 0 : (index + rows.length) % rows.length;
    selection.current = { key: rows[bound]?.key ?? '', index: bound, moved: true };
    redraw((n) => n + 1);
  };
  const filterBy = (text: string): void => {
    // What is found is looked at from its beginning.
    selection.current = { key: '', index: 0, moved: false };
    setFilter(text);
  };
  const onKey = (key: Key): void => {
    if (help) setHelp(false);
    else if (key.name === 'return' || key.name === 'enter') {
      if (chosen !== undefined) done(chosen.value);
    } else if (key.name === 'escape') {
      if (filter !== '') filterBy('');
      else if (config.back !== undefined) done(config.back);
    } else if (key.ctrl === true && key.name === 'n') {
      if (jump !== undefined) done(jump);
    } else if (key.name === 'up') moveTo(active - 1);
    else if (key.name === 'down') moveTo(active + 1);
    else if (key.name === 'home' || key.name === 'pageup') moveTo(0);
    else if (key.name === 'end' || key.name === 'pagedown') moveTo(rows.length - 1);
    else if (key.name === 'f1' || (filter === '' && key.sequence === '?')) setHelp(true);
    else if (key.name === 'backspace') filterBy(withoutLastCharacter(filter));
    // A row is one line.
    else if (key.name === PASTE) filterBy(filter + safeLine(key.sequence ?? '').trim());
    else if (isTyped(key)) filterBy(filter + (key.sequence ?? ''));
  };
  useKeys(onKey, { writes: false });
  useEndOfInput(() => done(config.back));

  const header = config.header(state, size.columns);
  if (help) return show(config.draw, { lines: [...header, '', ...helpPage(allKeys(config))], cursor: null });
  const above = [
    ...header,
    '',
    theme.strong(config.message),
    ...(config.intro?.(state) ?? []).flatMap((line) => wrap(line, size.columns)),
    ...(filter === '' ? [] : [`${theme.active('Filter:')} ${filter}`]),
  ];
  const keys: KeyHelp[] = [
    ['↑↓', 'move'],
    ['⏎', 'choose'],
    ...(filter === '' ? [] : [['esc', 'whole list'] as const]),
    ...(filter !== '' || config.back === undefined ? [] : [['esc', 'back'] as const]),
    ...(jump === undefined ? [] : [['^N', 'next unread'] as const]),
    ...(filter === '' ? [['?', 'keys'] as const] : []),
  ];
  // An empty line and the help.
  const pageSize = Math.max(MIN_PAGE, size.rows - above.length - 2);
  const page =
    rows.length === 0
      ? [theme.faint(`Nothing here is like that.`)]
      : pageAround(rows, active, pageSize).map((row) => drawRow(row, row === chosen, size.columns));
  return show(config.draw, { lines: [...above, ...page, '', helpLine(keys, size.columns)], cursor: null });
});

function allKeys(config: LiveListConfig<unknown, unknown>): KeyHelp[] {
  return [
    ['↑ ↓ Home End', 'move'],
    ['Enter', 'choose'],
    ['any letter', 'show only what has these letters'],
    ...(config.back === undefined ? [] : [['Esc', 'back, or the whole list again'] as const]),
    ...(config.jump === undefined ? [] : [['Ctrl-N', 'the next person with unread messages'] as const]),
    ['Ctrl-C', 'leave'],
  ];
}

/** Rows whose label has the text, in whatever case; ways out are no matches. */
function matching(rows: readonly ListRow<unknown>[], filter: string): readonly ListRow<unknown>[] {
  if (filter === '') return rows;
  const wanted = foldText(filter);
  return rows.filter((row) => row.isWayOut !== true && foldText(row.label).includes(wanted));
}

/** As many rows as fit, the active one in the middle where that is possible. */
function pageAround<Row>(rows: readonly Row[], active: number, size: number): readonly Row[] {
  const first = Math.max(0, Math.min(active - Math.floor(size / 2), rows.length - size));
  return rows.slice(first, first + size);
}

/** The same row as before, wherever it is now; if it is gone, the one in its place. */
function activeRow(
  rows: readonly ListRow<unknown>[],
  selection: { key: string; index: number; moved: boolean },
): number {
  const found = rows.findIndex((row) => row.key === selection.key);
  // Nobody chose the way out: it was selected because there was nothing else.
  if (!selection.moved && rows[found]?.isWayOut === true) return 0;
  return found >= 0 ? found : Math.max(0, Math.min(selection.index, rows.length - 1));
}

function drawRow(row: ListRow<unknown>, isActive: boolean, width: number): string {
  const label = truncate(row.label, width - 2);
  const room = width - 2 - stringWidth(label) - 2;
  const remark =
    row.remark === undefined || room < MIN_REMARK ? '' : `  ${theme.faint(truncate(row.remark, room))}`;
  return isActive ? `${theme.active(`❯ ${label}`)}${remark}` : `  ${label}${remark}`;
}

/**
 * A list that changes while it is shown: rows come and go, and the selection
 * stays on the same row.
 */
export const liveList = prompt as <State, Value>(
  config: LiveListConfig<State, Value>,
  context?: PromptContext,
) => Promise<Value>;
