import { nameSkeletons } from '@p2p-chat/shared';
import { LinkifyIt } from 'linkify-it';
import { breakText } from './layout.js';

const linkify = new LinkifyIt();
// Not inside a word; scripts without spaces between words have none around links either.
const START = /(?<![\p{Script=Latin}\p{N}])(https?:)\/\//giu;
/** What a terminal opens as it is: visible characters of ASCII, so that nothing in it ends the sequence. */
const PLAIN = /^[!-~]+$/;
const HOST = /^\/\/([\p{L}\p{M}\p{N}.:[\]-]+)(?=[/?#]|$)/u;
const ASCII = /^[ -~]*$/;
// A link may stand in front of these without a space, even if letters follow.
const CLOSING = /^[)\]}>"'»”’,;!、，；！）】」』…]/u;

const OSC8 = '\u001b]8;;';
const BEL = '\u0007';

interface Link {
  /** What is opened. */
  target: string;
  start: number;
  end: number;
}

/**
 * Breaks a line as `wrap` does and marks its links (OSC 8), so that each is
 * whole for the terminal wherever it was broken. A link leads where it reads;
 * where a person could read another target, there is none.
 * @param line one line, safe and without colours
 */
export function wrapWithLinks(line: string, width: number): string[] {
  const links = findLinks(line.normalize());
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

function findLinks(line: string): Link[] {
  const links: Link[] = [];
  let done = 0;
  for (const { index: start, 1: scheme = '' } of line.matchAll(START)) {
    if (start < done) continue;
    const rest = start + scheme.length;
    const length = linkify.testSchemaAt(line, scheme.toLowerCase(), rest);
    if (length === 0) continue;
    const end = withoutEmphasis(line, start, rest + length);
    done = end;
    const target = targetOf(line.slice(start, end), line.slice(end));
    if (target !== null) links.push({ target, start, end });
  }
  return links;
}

/** Without the `*` or `_` at the end that answer those before the link. */
function withoutEmphasis(line: string, start: number, end: number): number {
  const mark = line[start - 1];
  if (mark !== '*' && mark !== '_') return end;
  let [before, last] = [start - 1, end];
  while (line[before] === mark && line[last - 1] === mark) [before, last] = [before - 1, last - 1];
  return last;
}

/**
 * What a link opens; null where that is not what a person reads.
 * @param raw the link as it is shown
 * @param rest what follows it in its line
 */
function targetOf(raw: string, rest: string): string | null {
  const afterScheme = raw.slice(raw.indexOf('//'));
  const host = HOST.exec(afterScheme)?.[1];
  const url = URL.parse(raw);
  if (url === null || host === undefined || raw.includes('\\')) return null;
  if (isCut(afterScheme.length === host.length + 2, rest) || looksLikeAscii(host)) return null;
  return PLAIN.test(raw) ? raw : url.href;
}

/** Whether more belongs to what a person, or a browser, would take for the link. */
function isCut(isHostOnly: boolean, rest: string): boolean {
  const following = /^\S*/u.exec(rest)![0];
  if (isHostOnly && /^[^/?#]*@/u.test(following)) return true;
  return /[\p{L}\p{N}]/u.test(following) && !CLOSING.test(following);
}

/** Whether a part of a host is not of ASCII and looks as if it were. */
function looksLikeAscii(host: string): boolean {
  return host
    .split('.')
    .some((label) => !ASCII.test(label) && nameSkeletons(label).some((skeleton) => ASCII.test(skeleton)));
}
