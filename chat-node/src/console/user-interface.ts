import { inquirerAsker, type Asker } from './asker.js';
import type { Clock } from '@p2p-chat/shared';
import { JobControl } from './job-control.js';
import { Keyboard } from './keyboard.js';
import { plainAsker } from './plain/plain-asker.js';
import { PlainLines } from './plain/plain-lines.js';
import { Screen } from './screen.js';
import { Terminal } from './terminal.js';

/** How the console talks to the person. */
export interface UserInterface {
  readonly ask: Asker;
  open(): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** What of the person matters beyond the prompts. */
export interface Attention {
  onInterrupt: () => void;
  onPress: () => void;
  onFocus: (focused: boolean) => void;
  clock: Clock;
  /** Ends the prompt that is open, and every later one. */
  signal: AbortSignal;
}

/** Screens that are drawn, key by key. */
export function screenInterface({ clock, signal, ...listeners }: Attention): UserInterface {
  const onSuspend = (): void => job.suspend();
  const keyboard = new Keyboard(process.stdin, clock, { ...listeners, onSuspend });
  const terminal = new Terminal(keyboard, process.stdout);
  const screen = new Screen(process.stdout);
  const job = new JobControl({
    clock,
    leave: () => terminal.leave(),
    enter: () => {
      terminal.enter();
      screen.refresh();
    },
  });
  return {
    ask: inquirerAsker(keyboard, screen, signal),
    open: () => {
      terminal.enter();
      job.start();
    },
    close: () => {
      job.stop();
      terminal.leave();
    },
  };
}

/** Lines only, for a screen reader, and for terminals that cannot move the cursor. */
export function plainInterface({ onPress, signal }: Attention): UserInterface {
  const lines = new PlainLines(process.stdin, process.stdout, signal, onPress);
  return { ask: plainAsker(lines), open: () => lines.open(), close: () => lines.close() };
}
