import { breakText } from './layout.js';

// What a terminal would open: visible characters of ASCII, so nothing in it ends the sequence.
const LINK = /\bhttps?:\/\/[!#-;=?-~]+/gu;
// What ends a sentence belongs to it and not to the link.
const TRAILING = /[.,;:!?)\]}'*_]+$/u;

const OSC8 = '\u001b]8;;';
const BEL = '\u0007';

/**
 * Breaks a line as `wrap` does and marks its links (OSC 8), so that each is
 * whole for the terminal wherever it was broken. What is shown is what is
 * opened: the link is the text itself.
 * @param line one line, safe and without colours
 */
export function wrapWithLinks(line: string, width: number): string[] {
  const links = [...line.normalize().matchAll(LINK)].map((match) => {
    const url = match[0].replace(TRAILING, '');
    return { url, start: match.index, end: match.index + url.length };
  });
  return breakText(line, width).map(({ text, start }) => {
    let [shown, done] = ['', 0];
    for (const link of links) {
      const [from, to] = [Math.max(link.start - start, 0), Math.min(link.end - start, text.length)];
      if (from >= to) continue;
      shown += `${text.slice(done, from)}${OSC8}${link.url}${BEL}${text.slice(from, to)}${OSC8}${BEL}`;
      done = to;
    }
    return shown + text.slice(done);
  });
}
