import type { Frame } from '../screen.js';

/** Shows the frame of a prompt. Without it, as in a test, Inquirer draws the lines. */
export type Draw = (frame: Frame) => void;

/** Shows the frame. @returns the lines, as Inquirer takes them */
export function show(draw: Draw | undefined, frame: Frame): string {
  draw?.(frame);
  return frame.lines.join('\n');
}
