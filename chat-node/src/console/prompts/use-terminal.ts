import { useEffect, useState } from '@inquirer/core';
import type { Size } from '../layout.js';

/** Where there is no terminal, as in a test. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

/** The terminal's size; the prompt is drawn anew when it changes. */
export function useTerminalSize(output: NodeJS.WriteStream = process.stdout): Size {
  const [, redraw] = useState(0);
  useEffect(() => {
    const onResize = (): void => redraw((n) => n + 1);
    output.on('resize', onResize);
    return () => void output.off('resize', onResize);
  }, []);
  return { columns: output.columns || DEFAULT_SIZE.columns, rows: output.rows || DEFAULT_SIZE.rows };
}

/** Calls `onEnd` when there is no more input: Ctrl-D, or the terminal is gone. */
export function useEndOfInput(onEnd: () => void): void {
  useEffect((rl) => {
    rl.on('close', onEnd);
  }, []);
}
