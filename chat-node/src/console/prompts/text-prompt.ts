import { createPrompt, isEnterKey, useRef, useState } from '@inquirer/core';
import { wrap } from '../layout.js';
import { draftOf, edit, isNewline, layoutDraft, type Draft } from '../line-editor.js';
import { PASTE } from '../keyboard.js';
import type { Store } from '@p2p-chat/shared/client';
import { theme } from '../theme.js';
import type { ViewState } from '@p2p-chat/shared/client';
import { helpLine } from './help.js';
import type { PromptFunction } from './prompt-function.js';
import { show, type Draw } from './use-frame.js';
import { useKeys } from './use-keys.js';
import { useStore } from './use-store.js';
import { useEndOfInput, useTerminalSize } from './use-terminal.js';

export interface TextPromptConfig {
  message: string;
  store: Store<ViewState>;
  /** Lines above the question. */
  header: (state: ViewState, width: number) => string[];
  /** Lines under the question: what is asked for, and what it may be. */
  intro: string[];
  /** What stands in the line at first. */
  initial: string;
  /** What is wrong with a text, for a person; null where it may be taken. */
  check: (text: string) => string | null;
  draw?: Draw;
}

const PROMPT = '› ';

/** Asks for one line. Enter takes it, Esc goes back with null. */
export const textPrompt: PromptFunction<string | null, TextPromptConfig> = createPrompt(
  (config, done): string => {
    const state = useStore(config.store);
    const size = useTerminalSize();
    const [draft, setDraft] = useState<Draft>(draftOf(config.initial));
    const [problem, setProblem] = useState<string | null>(null);
    // Several keys may come before the next drawing.
    const current = useRef(draft);
    useEndOfInput(() => done(null));
    useKeys((key) => {
      if (key.name === 'escape') return done(null);
      if (isEnterKey(key as Parameters<typeof isEnterKey>[0]) && !isNewline(key)) {
        const wrong = config.check(current.current.text);
        return wrong === null ? done(current.current.text) : setProblem(wrong);
      }
      // One line: what would begin another one is a space.
      const oneLine =
        key.name === PASTE ? { ...key, sequence: (key.sequence ?? '').replace(/\s+/gu, ' ') } : key;
      const next = isNewline(key) ? null : edit(current.current, oneLine);
      if (next === null) return;
      current.current = next;
      setDraft(next);
      setProblem(null);
    });
    const top = [
      ...config.header(state, size.columns),
      '',
      theme.strong(config.message),
      ...config.intro.flatMap((line) => wrap(line, size.columns)),
    ];
    const { rows, row, column } = layoutDraft(draft, Math.max(1, size.columns - PROMPT.length));
    const written = rows.map((line, i) => (i === 0 ? theme.active(PROMPT) : '  ') + line);
    const notes = problem === null ? [] : wrap(`! ${problem}`, size.columns).map(theme.problem);
    const keys = helpLine(
      [
        ['⏎', 'take it'],
        ['esc', 'back'],
      ],
      size.columns,
    );
    return show(config.draw, {
      lines: [...top, ...written, ...notes, '', keys],
      cursor: { row: top.length + row, column: PROMPT.length + column },
    });
  },
);
