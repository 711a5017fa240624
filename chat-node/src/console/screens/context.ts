import type { Asker } from '../asker.js';
import type { Drafts } from '../drafts.js';
import type { Writing } from '../prompts/message-mode.js';
import type { LiveView } from '@p2p-chat/shared/client';

/** What every screen has. */
export interface ScreenContext {
  view: LiveView;
  ask: Asker;
  drafts: Drafts;
  /** What was being written in each conversation when it was left: in memory alone, as an edit quotes what it changes. */
  writing: Map<string, Writing>;
  /** Hands a text to the terminal's clipboard. */
  copy: (text: string) => void;
  /** The command that opens a second person's console. */
  secondConsole: string;
  /** Whether texts are shown with their marks: bold, italic, code. */
  formats: boolean;
}

/** Takes back what {@link flash} said: it was seen. */
export function takeFlash(context: ScreenContext): void {
  context.view.store.update((state) => (state.flash === null ? state : { ...state, flash: null }));
}

/** Says on the next screen what became of the last choice. */
export function flash(context: ScreenContext, text: string): void {
  context.view.store.update((state) => ({ ...state, flash: text }));
}
