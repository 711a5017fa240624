import { PassThrough } from 'node:stream';
import { MAX_CONTROL_BODY_BYTES } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { BodyLines } from './body-lines.js';

/** What comes of chunks: the bodies, and the code of the error at the end. */
async function take(...chunks: (string | Buffer)[]): Promise<{ bodies: string[]; code: string | null }> {
  const source = new PassThrough();
  const lines = new BodyLines(source);
  for (const chunk of chunks) source.write(chunk);
  source.end();
  const bodies: string[] = [];
  try {
    for await (const batch of lines) bodies.push(...batch);
  } catch (error) {
    return { bodies, code: (error as { code: string }).code };
  }
  return { bodies, code: null };
}

describe('BodyLines', () => {
  it.each([
    ['whole lines', ['"a"\n"b"\n', '"c"\n'], ['a', 'b', 'c']],
    ['lines cut anywhere', ['"a', '"\n"', 'b"\n"c"'], ['a', 'b', 'c']],
    ['empty lines between others', ['\n"a"\n\n', '\n"b"\n'], ['a', 'b']],
    ['lines that end as on Windows', ['"a"\r\n"b"\r\n'], ['a', 'b']],
    ['newlines, commas and brackets within texts', ['"a\\n,[]"\n"],[\\"b"\n'], ['a\n,[]', '],["b']],
    ['nothing', [], []],
  ])('takes %s', async (_, chunks, bodies) => {
    expect(await take(...chunks)).toEqual({ bodies, code: null });
  });

  it('takes a character that is cut between chunks', async () => {
    const bytes = Buffer.from('"\u{1f600}"\n');
    expect(await take(bytes.subarray(0, 3), bytes.subarray(3))).toEqual({
      bodies: ['\u{1f600}'],
      code: null,
    });
  });

  // Each of them is as long as what it would be mistaken for.
  it.each([
    ['two texts in one line', '"a","b"'],
    ['two texts in one line, and one over two', '"a","b"\n"c\nd"'],
    ['a text over two lines', '"a\nb"'],
    ['two texts and a line of space', '"a","b"\n \n'],
    ['a list', '["a"]'],
    ['a list over two lines', '["a"\n"b"]'],
    ['a number', '7'],
    ['null', 'null'],
    ['an object', '{"$gt":""}'],
    ['a comma too many', '"a",'],
    ['the end of our list', '"a"]'],
    ['no JSON', 'a'],
  ])('ends at %s, with what came before', async (_, line) => {
    expect(await take(`"first"\n"second"\n${line}\n"never"\n`)).toEqual({
      bodies: ['first', 'second'],
      code: 'request-invalid',
    });
  });

  it.each([
    ['an empty text', '""', 'body-empty'],
    ['half a character', '"\\ud800"', 'body-malformed'],
    ['a line past any message', `"${'x'.repeat(MAX_CONTROL_BODY_BYTES)}"`, 'body-too-large'],
  ])('ends at %s, and says why', async (_, line, code) => {
    expect(await take(`"first"\n${line}\n"never"\n`)).toEqual({ bodies: ['first'], code });
  });
});
