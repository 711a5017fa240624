import { PassThrough } from 'node:stream';
import { createPrompt } from '@inquirer/core';
import { describe, expect, it, vi } from 'vitest';
import { Keyboard } from './keyboard.js';
import { useKeys } from './prompts/use-keys.js';

/** Takes keys until a full stop. */
const untilStop = createPrompt<string, { got: string[] }>(({ got }, done) => {
  useKeys((key) => {
    if (key.sequence === '.') done(got.join(''));
    else got.push(key.name === 'paste' ? `[${key.sequence}]` : (key.sequence ?? ''));
  });
  return '';
});

function open() {
  const terminal = new PassThrough();
  const onInterrupt = vi.fn<() => void>();
  const keyboard = new Keyboard(terminal as unknown as NodeJS.ReadStream, onInterrupt);
  keyboard.open();
  const ask = (): Promise<string> =>
    untilStop(
      { got: [] },
      { input: keyboard as unknown as NodeJS.ReadableStream, output: new PassThrough() },
    );
  return { terminal, keyboard, onInterrupt, ask };
}

describe('the keyboard', () => {
  it('gives what is typed before, during and between prompts to the next one, in order', async () => {
    const { terminal, ask } = open();
    terminal.write('before ');
    await new Promise(setImmediate);
    const first = ask();
    terminal.write('one.two');
    expect(await first).toBe('before one');
    terminal.write(' between');
    await new Promise(setImmediate);
    const second = ask();
    terminal.write('.');
    expect(await second).toBe('two between');
  });

  it('gives a pasted block as one key, however it is cut', async () => {
    const { terminal, ask } = open();
    const answer = ask();
    for (const byte of Buffer.from('a\u001b[200~two\r\nlines.\u001b[201~b.')) {
      terminal.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    expect(await answer).toBe('a[two\r\nlines.]b');
  });

  it('hears Ctrl-C also where no prompt is there to take it', async () => {
    const { terminal, onInterrupt, ask } = open();
    terminal.write('\u0003');
    await vi.waitFor(() => expect(onInterrupt).toHaveBeenCalledOnce());
    const answer = ask();
    terminal.write('\u0003');
    await expect(answer).rejects.toThrow('SIGINT');
    expect(onInterrupt).toHaveBeenCalledOnce();
  });

  it('takes Esc and a letter in one read for two keys, and leaves Alt where it means something', async () => {
    const { terminal, ask } = open();
    const answer = ask();
    terminal.write('a\u001bx\u001bb\u001b.');
    expect(await answer).toBe('a\u001bx\u001bb\u001b');
  });

  it('hears where the person looks, which is no key', async () => {
    const terminal = new PassThrough();
    const [onPress, onFocus] = [vi.fn<() => void>(), vi.fn<(focused: boolean) => void>()];
    new Keyboard(terminal as unknown as NodeJS.ReadStream, () => undefined, onPress, onFocus).open();
    terminal.write('\u001b[O\u001b[Ix');
    await vi.waitFor(() => expect(onPress).toHaveBeenCalledOnce());
    expect(onFocus.mock.calls).toEqual([[false], [true]]);
  });
});
