import {
  createPrompt,
  isDownKey,
  isEnterKey,
  isUpKey,
  useKeypress,
  usePagination,
  useRef,
  useState,
} from '@inquirer/core';
import { theme } from '../theme.js';
import { wrap } from '../layout.js';
import type { Store } from '../store.js';
import type { PromptContext, PromptFunction } from './prompt-function.js';
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
}

/** Rows are always this many at least, however small the terminal is. */
const MIN_PAGE = 3;
const HELP = [
  ['↑↓', 'move'],
  ['⏎', 'choose'],
] as const;

const prompt: PromptFunction<unknown, LiveListConfig<unknown, unknown>> = createPrompt((config, done) => {
  const state = useStore(config.store);
  const size = useTerminalSize();
  const rows = config.rows(state);
  const [, redraw] = useState(0);
  const selection = useRef({ key: config.initial ?? '', index: 0, moved: false });
  const active = activeRow(rows, selection.current);
  selection.current = { ...selection.current, key: rows[active]?.key ?? '', index: active };
  const chosen = rows[active];

  const moveTo = (index: number): void => {
    const bound = (index + rows.length) % rows.length;
    selection.current = { key: rows[bound]?.key ?? '', index: bound, moved: true };
    redraw((n) => n + 1);
  };
  useKeypress((key, rl) => {
    // Nothing is typed here; a line would be taken for part of what is drawn.
    rl.clearLine(0);
    if (isEnterKey(key)) {
      if (chosen !== undefined) done(chosen.value);
    } else if (key.name === 'escape') {
      if (config.back !== undefined) done(config.back);
    } else if (isUpKey(key)) moveTo(active - 1);
    else if (isDownKey(key)) moveTo(active + 1);
    else if (key.name === 'home' || key.name === 'pageup') moveTo(0);
    else if (key.name === 'end' || key.name === 'pagedown') moveTo(rows.length - 1);
  });
  useEndOfInput(() => done(config.back));

  const above = [
    ...config.header(state, size.columns),
    '',
    theme.strong(config.message),
    ...(config.intro?.(state) ?? []).flatMap((line) => wrap(line, size.columns)),
  ];
  const help = [...HELP, ...(config.back === undefined ? [] : ([['esc', 'back']] as const))]
    .map(([key, does]) => `${theme.strong(key)} ${theme.faint(does)}`)
    .join(theme.faint(' · '));
  const page = usePagination({
    items: rows,
    active,
    renderItem: ({ item, isActive }) => drawRow(item, isActive),
    // Two lines of help, and one that stays free for the cursor.
    pageSize: Math.max(MIN_PAGE, size.rows - above.length - 3),
    loop: false,
  });
  return `${[...above, page, '', help].join('\n')}${HIDE_CURSOR}`;
});

const HIDE_CURSOR = '\u001b[?25l';

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

function drawRow(row: ListRow<unknown>, isActive: boolean): string {
  const remark = row.remark === undefined ? '' : `  ${theme.faint(row.remark)}`;
  return isActive ? `${theme.active(`❯ ${row.label}`)}${remark}` : `  ${row.label}${remark}`;
}

/**
 * A list that changes while it is shown: rows come and go, and the selection
 * stays on the same row.
 */
export const liveList = prompt as <State, Value>(
  config: LiveListConfig<State, Value>,
  context?: PromptContext,
) => Promise<Value>;
