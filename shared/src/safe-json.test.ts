import { describe, expect, it } from 'vitest';
import { safeJson, safeLogLines } from './safe-json.js';

// Line breaks, an escape sequence in 7 and in 8 bits, separators, an override, a tag outside the first plane.
const NASTY = 'a\n\r\u001b[2J\u009b2J\u2028\u2029\u202e\u{e0041}é 👍';

describe('JSON that is shown or logged', () => {
  it('has no character that a terminal acts upon, and the same meaning', () => {
    const text = safeJson({ [NASTY]: NASTY });
    expect(text).toMatch(/^[\u0020-\u007eé👍]*$/u);
    expect(JSON.parse(text)).toEqual({ [NASTY]: NASTY });
  });

  it('keeps one object a line in a log', () => {
    const lines = [{ msg: NASTY }, { msg: 'b' }];
    const log = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const safe = safeLogLines(log);
    expect(safe.split('\n')).toHaveLength(3);
    expect(
      safe
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(lines);
    expect(safe.replaceAll('\n', '')).toMatch(/^[\u0020-\u007eé👍]*$/u);
  });
});
