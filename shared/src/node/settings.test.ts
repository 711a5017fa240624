import { describe, expect, it } from 'vitest';
import { SettingError, Settings, shownValue } from './settings.js';

const reader = (value: string | undefined): Settings => new Settings({ X: value });
const messageOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof SettingError) return error.message;
    throw error;
  }
  throw new Error('not refused');
};

describe('a setting', () => {
  it.each([
    ['info', 'info'],
    [' info\r', 'info'],
    ['\ufeffinfo\n', 'info'],
    ['', undefined],
    [' \r\n', undefined],
    [undefined, undefined],
  ])('that is %j reads as %j', (value, text) => {
    expect(reader(value).text('X')).toBe(text);
  });

  it.each(['on', 'ON', 'On\r'])('that is a word may be written %j', (value) => {
    expect(reader(value).word('X', ['on', 'off'])).toBe('on');
    expect(reader(value).switch('X')).toBe(true);
  });

  it('that is a list has parts that are trimmed, and none where it is empty', () => {
    expect(reader(' a, ,b\r').list('X')).toEqual(['a', 'b']);
    expect(reader('\r').list('X')).toEqual([]);
    expect(reader(undefined).list('X')).toBeUndefined();
  });

  it.each([
    ['0', 0],
    ['65535\r', 65_535],
    ['', undefined],
  ])('that is the port %j reads as %j', (value, port) => {
    expect(reader(value).port('X')).toBe(port);
  });

  it.each(['65536', '-1', '1.5', '0x10', '1e3', '٣', 'x'])('that is the port %j is refused', (value) => {
    expect(messageOf(() => reader(value).port('X'))).toBe(
      `X is "${value}"; it takes a port, 1 to 65535, or 0 for any free one.`,
    );
  });

  it('that is wrong is refused with its name, what it got and what it takes', () => {
    expect(messageOf(() => reader('loud').word('X', ['low', 'high', 'none']))).toBe(
      'X is "loud"; it takes low, high or none.',
    );
  });

  it.each(['"on"', "'on'", '“on”', '"on', 'on"'])(
    'with quotes (%s) is refused with them, and they are named',
    (value) => {
      expect(messageOf(() => reader(value).switch('X'))).toBe(
        `X is ${JSON.stringify(value)}, and the quotes are part of it; it takes on or off.`,
      );
      expect(() => reader(value).switch('X')).toThrow(
        expect.objectContaining({ hint: 'Leave the quotes out: only a shell takes them away from X.' }),
      );
    },
  );

  it('with a secret is shown without it', () => {
    expect(messageOf(() => reader('a:b').refuse('X', { takes: 'c', shown: '(hidden)' }))).toBe(
      'X is "(hidden)"; it takes c.',
    );
  });
});

describe('a value in a message', () => {
  it.each([
    ['o\u200dn', '"o\\u200dn"'],
    ['o\u00a0n', '"o\\u00a0n"'],
    ['o\u2800n', '"o\\u2800n"'],
    ['\u202eon', '"\\u202eon"'],
    ['on\u{e0041}', '"on\\u{e0041}"'],
    ['a\tb\u0007', '"a\\tb\\u0007"'],
    ['a b é 你', '"a b é 你"'],
  ])('of %j is %s', (value, shown) => {
    expect(shownValue(value)).toBe(shown);
  });
});
