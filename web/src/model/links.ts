import { LinkifyIt } from 'linkify-it';

const linkify = new LinkifyIt();
const SCHEME = /^https?:\/\//i;
/** A part of a text. */
export type Part = { text: string; href?: string };

/**
 * A text in parts, of which some are links. A link leads where it reads: its
 * whole address is in the text, and its host is of characters that no other
 * ones look like.
 */
export function withLinks(text: string): Part[] {
  const parts: Part[] = [];
  let done = 0;
  for (const { index, lastIndex, url } of linkify.match(text) ?? []) {
    const raw = text.slice(index, lastIndex);
    const target = raw === url && !isCut(text.slice(lastIndex)) ? targetOf(raw) : null;
    if (target === null) continue;
    if (index > done) parts.push({ text: text.slice(done, index) });
    parts.push({ text: raw, href: target });
    done = lastIndex;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Whether what follows makes another host of it: what stands before an `@` is no host. */
function isCut(rest: string): boolean {
  return /^[^\s/?#]*@/.test(rest);
}

function targetOf(raw: string): string | null {
  const url = SCHEME.test(raw) && !raw.includes('\\') ? URL.parse(raw) : null;
  if (url === null || url.username !== '' || url.password !== '') return null;
  const host = raw.replace(SCHEME, '').split(/[/?#]/)[0]?.toLowerCase() ?? '';
  return host === url.host || host === `${url.hostname}:${url.protocol === 'https:' ? '443' : '80'}`
    ? url.href
    : null;
}
