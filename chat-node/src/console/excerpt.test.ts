import stringWidth from 'fast-string-width';
import { expect, it } from 'vitest';
import { excerpt } from './excerpt.js';

function shown(body: string, query: string, width = 40): string {
  return excerpt(body, query, width, (text) => `[${text}]`);
}

it('is the line with the match, which is marked', () => {
  expect(shown('Hello\n\n  the Build is green\nbye', 'bui')).toBe('the [Build] is green');
  expect(shown('green build, green', 'build gre')).toBe('[green] [build], [green]');
});

it('is the first line where no line has all of it', () => {
  expect(shown('\nnothing of it', 'else')).toBe('nothing of it');
  expect(shown('', 'x')).toBe('');
});

it('begins near the match where the line is long', () => {
  const line = `${'word '.repeat(50)}needle${' word'.repeat(50)}`;
  const cut = shown(line, 'needle', 30);
  expect(cut).toMatch(/^….*\[needle\] word.*…$/);
  expect(stringWidth(cut)).toBeLessThanOrEqual(32);
  expect(shown(`needle ${'word '.repeat(50)}`, 'needle', 20)).toMatch(/^\[needle\] word.*…$/);
});

it('shows foreign text safely', () => {
  expect(shown('a\u001b[31mred\u001b[0m\u202e line', 'red')).toBe('ared line');
  expect(shown('the \u001b[31mred\u001b[0m one', 'red')).toBe('the [red] one');
});
