import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { formatted, isFormatting } from './formatting.js';
import { theme } from './theme.js';

const show = (text: string): string => formatted(text, (line) => [line]).join('\n');

describe('formatting of what is shown', () => {
  it.each([
    ['*bold* text', `${theme.strong('*bold*')} text`],
    ['so _very_ nice.', `so ${theme.italic('_very_')} nice.`],
    ['run `make test`!', `run ${theme.active('`make test`')}!`],
    ['`*not bold*` (*bold*)', `${theme.active('`*not bold*`')} (${theme.strong('*bold*')})`],
    [
      '```\n*as it is*\n```\n*bold*',
      [...['```', '*as it is*', '```'].map(theme.active), theme.strong('*bold*')].join('\n'),
    ],
  ])('%j', (text, shown) => {
    expect(show(text)).toBe(shown);
  });

  it.each([
    'snake_case_name and 2*3*4',
    '* a list',
    'a * b * c',
    '_ not _',
    '**',
    'https://example.org/a_b_c*d*e',
    '\u001b]8;;http://x/_a_\u001b\\_a\u001b]8;;\u001b\\ b_',
  ])('leaves %j as it is', (text) => {
    expect(show(text)).toBe(text);
  });

  it('changes no character of a text', () => {
    const text = '*a* _b_ `c`\n```\nd\n```';
    expect(stripVTControlCharacters(show(text))).toBe(text);
  });

  it('is switched off by a setting', () => {
    const values = [undefined, '', 'on', 'Off\r'];
    expect(values.map((value) => isFormatting({ P2P_CHAT_FORMATTING: value }))).toEqual([
      ...[true, true, true],
      false,
    ]);
    expect(() => isFormatting({ P2P_CHAT_FORMATTING: '"on"' })).toThrow(
      'and the quotes are part of it; it takes on or off',
    );
  });
});
