import type { Asker } from '../asker.js';
import type { LiveView } from '../live-view.js';

/** What every screen has. */
export interface ScreenContext {
  view: LiveView;
  ask: Asker;
  /** Text that was written and not sent, by peer id. */
  drafts: Map<string, string>;
  /** The command that opens a second person's console. */
  secondConsole: string;
}

/** Says on the next screen what became of the last choice. */
export function flash(context: ScreenContext, text: string): void {
  context.view.store.update((state) => ({ ...state, flash: text }));
}
