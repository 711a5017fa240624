import { P2pChatError } from '@p2p-chat/shared';
import { theme } from './theme.js';

const SWITCH = ['on', 'off'] as const;
/** What opens and closes a block that is shown as it is. */
const FENCE = /^\s*```/u;
// A mark counts at the edge of a word, and closes on its line. Nothing that a terminal obeys is between two.
const BOLD = /(?<=^|[\s(])\*(?!\s)[^*\p{Cc}]+(?<!\s)\*(?=$|[\s).,;:!?])/gu;
const ITALIC = /(?<=^|[\s(])_(?!\s)[^_\p{Cc}]+(?<!\s)_(?=$|[\s).,;:!?])/gu;
const CODE = /`[^`\p{Cc}]+`/gu;

/**
 * Whether texts are shown with their marks, by `P2P_CHAT_FORMATTING` (`on`, the default; `off`).
 * @throws {P2pChatError} `invalid-setting`
 */
export function isFormatting(env: Readonly<Record<string, string | undefined>>): boolean {
  const setting = env.P2P_CHAT_FORMATTING || 'on';
  if (SWITCH.some((one) => one === setting)) return setting === 'on';
  throw new P2pChatError(
    'invalid-setting',
    `P2P_CHAT_FORMATTING is ${JSON.stringify(setting)}; it takes on, off.`,
    {
      hint: 'Correct P2P_CHAT_FORMATTING or unset it.',
    },
  );
}

/**
 * The lines of a text with `*bold*`, `_italic_`, `` `code` `` and fenced blocks
 * as they look. The marks stay, so that nobody mistakes what was written, and
 * no line gets longer or shorter.
 * @param wrap divides a line of the text into lines of the screen
 */
export function formatted(text: string, wrap: (line: string) => string[]): string[] {
  let isFenced = false;
  return text.split('\n').flatMap((line) => {
    const isFence = FENCE.test(line);
    if (isFence) isFenced = !isFenced;
    const lines = wrap(line);
    return isFenced || isFence ? lines.map((one) => theme.active(one)) : lines.map(inline);
  });
}

function inline(line: string): string {
  const parts: string[] = [];
  let end = 0;
  // What is code is as it is: no mark counts in it.
  for (const { 0: code, index } of line.matchAll(CODE)) {
    parts.push(marked(line.slice(end, index)), theme.active(code));
    end = index + code.length;
  }
  return parts.join('') + marked(line.slice(end));
}

function marked(text: string): string {
  return text.replace(BOLD, (bold) => theme.strong(bold)).replace(ITALIC, (italic) => theme.italic(italic));
}
