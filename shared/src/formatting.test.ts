import { expect, it } from 'vitest';
import { blocksOf, partsOf } from './formatting.js';

const marked = (line: string, mark: 'bold' | 'italic' | 'code'): string[] =>
  partsOf(line, mark)
    .filter((part) => part.marked)
    .map(({ text }) => text);

it.each([
  ['a *b c* d', 'bold', ['*b c*']],
  ['2*3*4 and * b *', 'bold', []],
  ['(*b*), *c*!', 'bold', ['*b*', '*c*']],
  ['snake_case_name _it_', 'italic', ['_it_']],
  ['a `b * c` d', 'code', ['`b * c`']],
  ['an *open one', 'bold', []],
] as const)('marks in %j: %s', (line, mark, expected) => {
  expect(marked(line, mark)).toEqual(expected);
  expect(
    partsOf(line, mark)
      .map(({ text }) => text)
      .join(''),
  ).toBe(line);
});

it('keeps what is fenced whole, also where it is left open', () => {
  const lines = ['a', '```', '*b*', '', '```', 'c', '```js', 'd'];
  expect(blocksOf(lines.join('\n'))).toEqual([
    { lines: ['a'], fenced: false },
    { lines: ['```', '*b*', '', '```'], fenced: true },
    { lines: ['c'], fenced: false },
    { lines: ['```js', 'd'], fenced: true },
  ]);
});
