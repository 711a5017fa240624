// What a terminal would open: visible characters of ASCII, so nothing in it ends the sequence.
const LINK = /\bhttps?:\/\/[!#-;=?-~]+/gu;
// What ends a sentence belongs to it and not to the link.
const TRAILING = /[.,;:!?)\]}'*_]+$/u;

const OSC8 = '\u001b]8;;';
const BEL = '\u0007';

/**
 * Marks the links of a text that was broken into rows (OSC 8), so that each is
 * whole for the terminal wherever it was broken. What is shown is what is
 * opened: the link is the text itself.
 * @param line the text, safe and without colours
 * @param rows the same, as `wrap` breaks it
 */
export function withLinks(line: string, rows: readonly string[]): string[] {
  const links = [...line.matchAll(LINK)].map((match) => {
    const url = match[0].replace(TRAILING, '');
    return { url, start: match.index, end: match.index + url.length };
  });
  if (links.length === 0) return [...rows];
  let at = 0;
  return rows.map((row) => {
    // The space at which a line was broken is gone.
    if (!line.startsWith(row, at) && line.startsWith(row, at + 1)) at += 1;
    const start = at;
    at += row.length;
    let [shown, done] = ['', 0];
    for (const link of links) {
      const [from, to] = [Math.max(link.start - start, 0), Math.min(link.end - start, row.length)];
      if (from >= to) continue;
      shown += `${row.slice(done, from)}${OSC8}${link.url}${BEL}${row.slice(from, to)}${OSC8}${BEL}`;
      done = to;
    }
    return shown + row.slice(done);
  });
}
