import { matchRanges } from '@p2p-chat/shared/search-words';
import { withLinks } from '../model/links.ts';

/** A text whose links can be followed. Never markup: every part is a text of its own. */
export function Linked({ text }: { text: string }) {
  return (
    <>
      {withLinks(text).map(({ text: part, href }) =>
        href === undefined ? (
          part
        ) : (
          <a href={href} target="_blank" rel="noopener noreferrer" dir="ltr">
            {part}
          </a>
        ),
      )}
    </>
  );
}

/** A text with what a search found in it. */
export function Marked({ text, query }: { text: string; query: string }) {
  const parts = [];
  let done = 0;
  for (const { start, end } of matchRanges(text, query)) {
    if (start > done) parts.push(text.slice(done, start));
    parts.push(<mark>{text.slice(start, end)}</mark>);
    done = end;
  }
  parts.push(text.slice(done));
  return <>{parts}</>;
}

/** Characters before the first match that stay where a text is cut. */
const LEAD = 40;

/** The part of a text from a little before the first match. */
export function aroundMatch(text: string, query: string): string {
  const [first] = matchRanges(text, query);
  if (first === undefined || first.start <= LEAD) return text;
  return `…${Array.from(text.slice(0, first.start)).slice(-LEAD).join('')}${text.slice(first.start)}`;
}
