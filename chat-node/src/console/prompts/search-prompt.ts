import { createPrompt, isEnterKey, useEffect, useRef, useState } from '@inquirer/core';
import { safeLine, type FoundMessageView } from '@p2p-chat/shared';
import { foundLines } from '../found-lines.js';
import { truncate, wrap } from '../layout.js';
import { draftOf, edit, isNewline, layoutDraft, type Draft } from '../line-editor.js';
import { PASTE } from '../keyboard.js';
import type { FoundMessages } from '@p2p-chat/shared/client';
import type { Store } from '@p2p-chat/shared/client';
import { theme } from '../theme.js';
import type { ViewState } from '@p2p-chat/shared/client';
import { helpLine, type KeyHelp } from './help.js';
import type { PromptFunction } from './prompt-function.js';
import { show, type Draw } from './use-frame.js';
import { useKeys } from './use-keys.js';
import { useStore } from './use-store.js';
import { useEndOfInput, useTerminalSize } from './use-terminal.js';

export interface SearchPromptConfig {
  view: Store<ViewState>;
  results: Store<FoundMessages>;
  /** Lines above the question. */
  header: (state: ViewState, width: number) => string[];
  /** What stands in the line at first; what was found for it is in the results. */
  initial: string;
  /** Id of the message that is chosen at first. */
  selected: string | null;
  /** Another text is searched for. */
  look: (query: string) => void;
  /** The end of what was found is near. */
  more: () => void;
  draw?: Draw;
}

const PROMPT = '› ';
const HINT = 'Words that a message has, or their beginnings, in any conversation.';
/** Lines of one that was found, and the empty one below it. */
const LINES_EACH = 5;

/** Searches as one types. Enter goes to the chosen message, Esc back with null. */
export const searchPrompt: PromptFunction<FoundMessageView | null, SearchPromptConfig> = createPrompt(
  (config, done): string => {
    const state = useStore(config.view);
    const results = useStore(config.results);
    const size = useTerminalSize();
    const [draft, setDraft] = useState<Draft>(draftOf(config.initial));
    const [selected, setSelected] = useState<string | null>(config.selected);
    // Several keys may come before the next drawing.
    const current = useRef(draft);
    useEndOfInput(() => done(null));

    const { found } = results;
    const at = Math.max(
      0,
      found.findIndex(({ id }) => id === selected),
    );
    const moveTo = (index: number): void => {
      const bound = Math.max(0, Math.min(found.length - 1, index));
      setSelected(found[bound]?.id ?? null);
    };

    const top = [...config.header(state, size.columns), '', theme.strong('Search Messages')];
    const line = layoutDraft(draft, Math.max(1, size.columns - PROMPT.length));
    const written = line.rows.map((row, i) => (i === 0 ? theme.active(PROMPT) : '  ') + row);
    // An empty line above them and the help below.
    const room = Math.max(LINES_EACH, size.rows - top.length - written.length - 2);
    const fitting = Math.max(1, Math.floor(room / LINES_EACH));
    useEffect(() => {
      if (found.length > 0 && found.length - at <= fitting) config.more();
    }, [found.length, at]);

    useKeys((key) => {
      if (key.name === 'escape') return done(null);
      if (isEnterKey(key as Parameters<typeof isEnterKey>[0]) && !isNewline(key)) {
        const chosen = found[at];
        return chosen === undefined ? undefined : done(chosen);
      }
      if (key.name === 'up') return moveTo(at - 1);
      if (key.name === 'down') return moveTo(at + 1);
      if (key.name === 'pageup') return moveTo(at - fitting);
      if (key.name === 'pagedown') return moveTo(at + fitting);
      const oneLine =
        key.name === PASTE ? { ...key, sequence: (key.sequence ?? '').replace(/\s+/gu, ' ') } : key;
      const next = isNewline(key) ? null : edit(current.current, oneLine);
      if (next === null) return;
      if (next.text !== current.current.text) {
        setSelected(null);
        config.look(next.text);
      }
      current.current = next;
      setDraft(next);
    });

    const first = Math.max(0, Math.min(at - Math.floor(fitting / 2), found.length - fitting));
    const shown = found.slice(first, first + fitting).flatMap((one) => {
      const [head = '', ...lines] = foundLines(one, results.query, state, size.columns);
      return [(one === found[at] ? theme.active('❯ ') : '  ') + head, ...lines, ''];
    });
    const keys: KeyHelp[] = [
      ...(found.length > 0
        ? ([
            ['↑↓', 'move'],
            ['⏎', 'go there'],
          ] as const)
        : []),
      ['esc', 'back'],
    ];
    const below = found.length > 0 ? shown : wrap(silence(results), size.columns).map(theme.faint);
    const problem =
      results.problem === null
        ? []
        : [theme.problem(truncate(`! ${safeLine(results.problem)}`, size.columns))];
    return show(config.draw, {
      lines: [...top, ...written, ...problem, '', ...below.slice(0, room), helpLine(keys, size.columns)],
      cursor: { row: top.length + line.row, column: PROMPT.length + line.column },
    });
  },
);

/** What stands there where nothing was found. */
function silence({ query, searching, problem }: FoundMessages): string {
  if (query.trim() === '') return HINT;
  if (problem !== null) return '';
  return searching ? 'Searching…' : 'No message has all these words.';
}
