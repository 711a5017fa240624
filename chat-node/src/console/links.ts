import { nameSkeletons } from '@p2p-chat/shared';
import { linksIn } from '@p2p-chat/shared/links';
import { breakText } from './layout.js';

const OSC8 = '\u001b]8;;';
const BEL = '\u0007';

/**
 * Breaks a line as `wrap` does and marks its links (OSC 8), so that each is
 * whole for the terminal wherever it was broken.
 * @param line one line, safe and without colours
 */
export function wrapWithLinks(line: string, width: number): string[] {
  const links = linksIn(line.normalize(), nameSkeletons);
  return breakText(line, width).map(({ text, start }) => {
    let [shown, done] = ['', 0];
    for (const link of links) {
      const [from, to] = [Math.max(link.start - start, 0), Math.min(link.end - start, text.length)];
      if (from >= to) continue;
      shown += `${text.slice(done, from)}${OSC8}${link.target}${BEL}${text.slice(from, to)}${OSC8}${BEL}`;
      done = to;
    }
    return shown + text.slice(done);
  });
}
