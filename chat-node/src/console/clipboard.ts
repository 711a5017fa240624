/** What a person is told: a terminal answers nothing to it. */
export const COPIED =
  'Handed to the terminal to copy. Not every terminal takes it (tmux: set-clipboard on), and none tells whether it did.';

/** The sequence that puts a text on the clipboard of the terminal (OSC 52). In base64 nothing of it can end the sequence. */
export function clipboardSequence(text: string): string {
  return `\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`;
}
