import { describe, expect, it } from 'vitest';
import { type Content, contentText, isAction, readContent } from './content.js';
import {
  MAX_BODY_BYTES,
  MAX_DELETED_VERSIONS,
  MAX_MENTIONS,
  MAX_REACTION_CHARACTERS,
  MAX_REACTIONS_PER_PERSON,
  MAX_SEQ,
} from './limits.js';

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

  const author = 'a3r73d62fg5wbk2zkv66mhw3blwnwiyrgs7dbz23ivpy4g3zf6uq';
  const target = { author, segment: '0f'.repeat(16), seq: MAX_SEQ, leaf: 'ab'.repeat(32) };
  const emoji = (count: number): string[] => Array.from({ length: count }, (_, nth) => `👍${nth}`);

  it.each<Content>([
    {
      kind: 'text',
      body: 'a',
      replyTo: target,
      mentions: Array<string>(MAX_MENTIONS).fill(author),
      confirm: true,
    },
    { kind: 'edit', target, body: 'x'.repeat(MAX_BODY_BYTES), mentions: [author] },
    { kind: 'delete', target },
    { kind: 'delete', target, versions: Array<typeof target>(MAX_DELETED_VERSIONS).fill(target) },
    { kind: 'reaction', target, emoji: [] },
    { kind: 'reaction', target, emoji: emoji(MAX_REACTIONS_PER_PERSON) },
    { kind: 'reaction', target, emoji: ['x'.repeat(MAX_REACTION_CHARACTERS)] },
    { kind: 'confirm', target },
    { kind: 'remind', target },
  ])('of $kind is read as it was written: %#', (content) => {
    const read = readContent(contentText(content));
    expect(read).toEqual(content);
    expect(isAction(read)).toBe(content.kind !== 'text');
  });

  it.each<[string, object]>([
    ['a reply to nothing', { kind: 'text', body: 'a', replyTo: null }],
    [
      'too many mentions',
      { kind: 'text', body: 'a', mentions: Array<string>(MAX_MENTIONS + 1).fill(author) },
    ],
    ['a mention by name', { kind: 'text', body: 'a', mentions: ['Bob'] }],
    ['a wish to confirm that is no yes', { kind: 'text', body: 'a', confirm: false }],
    ['an edit of nothing', { kind: 'edit', body: 'a' }],
    ['an edit to nothing', { kind: 'edit', target, body: '' }],
    ['a segment that is none', { kind: 'delete', target: { ...target, segment: 'x' } }],
    ['a number past the last', { kind: 'delete', target: { ...target, seq: MAX_SEQ + 1 } }],
    ['a leaf that is none', { kind: 'delete', target: { ...target, leaf: '' } }],
    ['an author who is none', { kind: 'delete', target: { ...target, author: 'Bob' } }],
    [
      'too many versions',
      { kind: 'delete', target, versions: Array<typeof target>(MAX_DELETED_VERSIONS + 1).fill(target) },
    ],
    ['too many emoji', { kind: 'reaction', target, emoji: emoji(MAX_REACTIONS_PER_PERSON + 1) }],
    ['an emoji too long', { kind: 'reaction', target, emoji: ['x'.repeat(MAX_REACTION_CHARACTERS + 1)] }],
    ['an emoji twice', { kind: 'reaction', target, emoji: ['👍', '👍'] }],
    ['an emoji of a terminal', { kind: 'reaction', target, emoji: ['\u001b[31m'] }],
    ['an empty emoji', { kind: 'reaction', target, emoji: [''] }],
    ['a confirmation of nothing', { kind: 'confirm' }],
  ])('is unreadable with %s', (_what, content) => {
    expect(readContent(JSON.stringify(content))).toEqual(UNREADABLE);
  });
});
