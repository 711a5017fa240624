/** What opens and closes a block that is shown as it is. */
const FENCE = /^\s*```/u;
// A mark counts at the edge of a word, and closes on its line. Nothing that a terminal obeys is between two.
const MARKS = {
  bold: /(?<=^|[\s(])\*(?!\s)[^*\p{Cc}]+(?<!\s)\*(?=$|[\s).,;:!?])/gu,
  italic: /(?<=^|[\s(])_(?!\s)[^_\p{Cc}]+(?<!\s)_(?=$|[\s).,;:!?])/gu,
  code: /`[^`\p{Cc}]+`/gu,
} as const;

export type Mark = keyof typeof MARKS;

/** The parts of a line that have a mark, and those between them. */
export function partsOf(line: string, mark: Mark): { text: string; marked: boolean }[] {
  const parts: { text: string; marked: boolean }[] = [];
  let end = 0;
  for (const { 0: text, index } of line.matchAll(MARKS[mark])) {
    if (index > end) parts.push({ text: line.slice(end, index), marked: false });
    parts.push({ text, marked: true });
    end = index + text.length;
  }
  if (end < line.length) parts.push({ text: line.slice(end), marked: false });
  return parts;
}

/** The lines of a text, in blocks: those between two fences, with them, are one that is shown as it is. */
export function blocksOf(text: string): { lines: string[]; fenced: boolean }[] {
  const blocks: { lines: string[]; fenced: boolean }[] = [];
  let isOpen = false;
  for (const line of text.split('\n')) {
    const isFence = FENCE.test(line);
    const last = blocks.at(-1);
    if (isOpen || (!isFence && last?.fenced === false)) last?.lines.push(line);
    else blocks.push({ lines: [line], fenced: isFence });
    if (isFence) isOpen = !isOpen;
  }
  return blocks;
}
