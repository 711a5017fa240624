import { LinkifyIt } from 'linkify-it';

const linkify = new LinkifyIt();
// Not inside a word; scripts without spaces between words have none around links either.
const START = /(?<![\p{Script=Latin}\p{N}])(https?:)\/\//giu;
/** What a terminal opens as it is: visible characters of ASCII, so that nothing in it ends a sequence. */
const PLAIN = /^[!-~]+$/;
const HOST = /^\/\/([\p{L}\p{M}\p{N}.:[\]-]+)(?=[/?#]|$)/u;
const ASCII = /^[ -~]*$/;
// A link may stand in front of these without a space, even if letters follow.
const CLOSING = /^[)\]}>"'»”’,;!、，；！）】」』…]/u;

/** A link in a text, and where it is there. */
export interface Link {
  /** What is opened. */
  target: string;
  start: number;
  end: number;
}

/**
 * The links of a text. Each leads where it reads; where a person could read another target, there is none.
 * @param skeletonsOf texts that a label of a host may be taken for, see `nameSkeletons`; asked of labels beyond ASCII alone
 */
export function linksIn(text: string, skeletonsOf: (label: string) => readonly string[]): Link[] {
  const links: Link[] = [];
  let done = 0;
  for (const { index: start, 1: scheme = '' } of text.matchAll(START)) {
    if (start < done) continue;
    const rest = start + scheme.length;
    const length = linkify.testSchemaAt(text, scheme.toLowerCase(), rest);
    if (length === 0) continue;
    const end = withoutEmphasis(text, start, rest + length);
    done = end;
    const target = targetOf(text.slice(start, end), text.slice(end), skeletonsOf);
    if (target !== null) links.push({ target, start, end });
  }
  return links;
}

/** Without the `*` or `_` at the end that answer those before the link. */
function withoutEmphasis(text: string, start: number, end: number): number {
  const mark = text[start - 1];
  if (mark !== '*' && mark !== '_') return end;
  let [before, last] = [start - 1, end];
  while (text[before] === mark && text[last - 1] === mark) [before, last] = [before - 1, last - 1];
  return last;
}

/**
 * What a link opens; null where that is not what a person reads.
 * @param raw the link as it is shown
 * @param rest what follows it
 */
function targetOf(
  raw: string,
  rest: string,
  skeletonsOf: (label: string) => readonly string[],
): string | null {
  const afterScheme = raw.slice(raw.indexOf('//'));
  const host = HOST.exec(afterScheme)?.[1];
  const url = URL.parse(raw);
  if (url === null || host === undefined || raw.includes('\\')) return null;
  if (isCut(afterScheme.length === host.length + 2, rest) || looksLikeAscii(host, skeletonsOf)) return null;
  return PLAIN.test(raw) ? raw : url.href;
}

/** Whether more belongs to what a person, or a browser, would take for the link. */
function isCut(isHostOnly: boolean, rest: string): boolean {
  const following = /^\S*/u.exec(rest)![0];
  if (isHostOnly && /^[^/?#]*@/u.test(following)) return true;
  return /[\p{L}\p{N}]/u.test(following) && !CLOSING.test(following);
}

/** Whether a part of a host is not of ASCII and looks as if it were. */
function looksLikeAscii(host: string, skeletonsOf: (label: string) => readonly string[]): boolean {
  return host
    .split('.')
    .some((label) => !ASCII.test(label) && skeletonsOf(label).some((skeleton) => ASCII.test(skeleton)));
}
