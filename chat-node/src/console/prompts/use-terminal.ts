import { useEffect, useState } from '@inquirer/core';
import { sizeOf, type Size } from '../layout.js';

/** The terminal's size; the prompt is drawn anew when it changes. */
export function useTerminalSize(output: NodeJS.WriteStream = process.stdout): Size {
  const [, redraw] = useState(0);
  useEffect(() => {
    const onResize = (): void => redraw((n) => n + 1);
    output.on('resize', onResize);
    return () => void output.off('resize', onResize);
  }, []);
  return sizeOf(output);
}

/** Calls `onEnd` when there is no more input: Ctrl-D, or the terminal is gone. */
export function useEndOfInput(onEnd: () => void): void {
  useEffect((rl) => {
    rl.on('close', onEnd);
  }, []);
}
