import { expect, it } from 'vitest';
import { clipboardSequence } from './clipboard.js';

it('hands a text to the clipboard, whatever is in it, without anything that a terminal would obey', () => {
  const text = 'Zoë\n\u001b]0;title\u0007';
  const sequence = clipboardSequence(text);
  const [start, end] = ['\u001b]52;c;', '\u0007'];
  expect([sequence.startsWith(start), sequence.endsWith(end)]).toEqual([true, true]);
  const base64 = sequence.slice(start.length, -end.length);
  expect(base64).toMatch(/^[A-Za-z0-9+/=]+$/);
  expect(Buffer.from(base64, 'base64').toString()).toBe(text);
});
