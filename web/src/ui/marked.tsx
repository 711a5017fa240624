import { blocksOf, type Mark, partsOf } from '@p2p-chat/shared/formatting';
import { matchRanges } from '@p2p-chat/shared/search-words';
import { withLinks } from '../model/links.ts';
import { settings } from '../model/settings.ts';

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

/** A text as it is meant to look: `*bold*`, `_italic_`, `` `code` `` and what is fenced. The marks stay. */
export function Formatted({ text }: { text: string }) {
  if (!settings.value.formats) return <Linked text={text} />;
  return (
    <>
      {blocksOf(text).map(({ lines, fenced }, at) => (
        <>
          {at > 0 && '\n'}
          {fenced ? <code class="fenced">{lines.join('\n')}</code> : <Inline text={lines.join('\n')} />}
        </>
      ))}
    </>
  );
}

function Inline({ text }: { text: string }) {
  return (
    <>
      {withLinks(text).map(({ text: part, href }) =>
        href === undefined ? (
          part
            .split('\n')
            .flatMap((line, at) => [
              ...(at > 0 ? ['\n'] : []),
              <Marks line={line} marks={['code', 'bold', 'italic']} />,
            ])
        ) : (
          <Linked text={part} />
        ),
      )}
    </>
  );
}

const ELEMENTS = { code: 'code', bold: 'strong', italic: 'em' } as const;

function Marks({ line, marks: [mark, ...others] }: { line: string; marks: Mark[] }) {
  if (mark === undefined) return <>{line}</>;
  const Element = ELEMENTS[mark];
  return (
    <>
      {partsOf(line, mark).map(({ text, marked }) =>
        // What is code is as it is: no mark counts in it.
        marked ? (
          <Element>{mark === 'code' ? text : <Marks line={text} marks={others} />}</Element>
        ) : (
          <Marks line={text} marks={others} />
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
