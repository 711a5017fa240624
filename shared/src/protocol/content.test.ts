import { describe, expect, it } from 'vitest';
import { contentText, readContent } from './content.js';
import { MAX_BODY_BYTES } from './limits.js';

const UNREADABLE = { kind: 'unreadable' };

describe('the content of an entry', () => {
  it.each(['a', 'Zoë 🙂\n"\\', 'x'.repeat(MAX_BODY_BYTES), 'ß'.repeat(MAX_BODY_BYTES / 2)])(
    'is read as it was written: %#',
    (body) => {
      const content = { kind: 'text', body } as const;
      expect(readContent(contentText(content))).toEqual(content);
    },
  );

  it('of a kind that is not known is kept by its name', () => {
    expect(readContent('{"kind":"poll","choices":[]}')).toEqual({ kind: 'unknown', name: 'poll' });
    expect(readContent('{"kind":"toString"}')).toEqual({ kind: 'unknown', name: 'toString' });
  });

  it.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['no object', '[]'],
    ['null', 'null'],
    ['of no kind', '{}'],
    ['of a kind that is no text', '{"kind":1}'],
    ['without its body', '{"kind":"text"}'],
    ['with an empty body', '{"kind":"text","body":""}'],
    ['with a body that is no text', '{"kind":"text","body":{}}'],
    ['with half a character', '{"kind":"text","body":"\\ud800"}'],
    ['with a name that stands twice', '{"kind":"text","body":"a","body":"b"}'],
    ['not as it is written', '{ "kind":"text","body":"a"}'],
    ['with a body that is too large', contentText({ kind: 'text', body: 'x'.repeat(MAX_BODY_BYTES + 1) })],
    [
      'with a body too large in UTF-8',
      contentText({ kind: 'text', body: 'ß'.repeat(MAX_BODY_BYTES / 2 + 1) }),
    ],
  ])('is unreadable where it is %s', (_what, text) => {
    expect(readContent(text)).toEqual(UNREADABLE);
  });
});
