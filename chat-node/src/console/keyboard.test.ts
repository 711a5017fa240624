import { PassThrough } from 'node:stream';
import { createPrompt } from '@inquirer/core';
import { describe, expect, it, vi } from 'vitest';
import { ManualClock } from '@p2p-chat/shared/testing';
import { Keyboard, type KeyboardListeners } from './keyboard.js';
import { ESCAPE_TIMEOUT_MS, LINES_TIMEOUT_MS } from './terminal-input.js';
import { useKeys } from './prompts/use-keys.js';

/** Takes keys until a full stop. */
const untilStop = createPrompt<string, { got: string[]; writes: boolean }>(({ got, writes }, done) => {
  useKeys(
    (key) => {
      if (key.sequence === '.') done(got.join(''));
      else got.push(key.name === 'paste' ? `[${key.sequence}]` : (key.sequence ?? ''));
    },
    { writes },
  );
  return '';
});

function open(listeners: Partial<KeyboardListeners> = {}) {
  const terminal = new PassThrough();
  const clock = new ManualClock();
  const onInterrupt = vi.fn<() => void>();
  const keyboard = new Keyboard(terminal as unknown as NodeJS.ReadStream, clock, {
    onInterrupt,
    ...listeners,
  });
  keyboard.open();
  const ask = (writes = true): Promise<string> =>
    untilStop(
      { got: [], writes },
      { input: keyboard as unknown as NodeJS.ReadableStream, output: new PassThrough() },
    );
  /** Time goes by after all that was written has been read. */
  const passed = async (ms: number): Promise<void> => {
    await new Promise(setImmediate);
    await clock.advance(ms);
  };
  return { terminal, keyboard, onInterrupt, ask, passed };
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

  it.each(['\u0003', '\u001b[99;5u', '\u001b[27;5;99~', '\u001b[200~a paste without its end\u0003'])(
    'leaves by Ctrl-C, sent as %j',
    async (sent) => {
      const { terminal, ask } = open();
      const answer = ask();
      terminal.write(sent);
      await expect(answer).rejects.toThrow('SIGINT');
    },
  );

  it('hears Ctrl-C also where no prompt is there to take it', async () => {
    const { terminal, onInterrupt, ask } = open();
    terminal.write('\u0003');
    await vi.waitFor(() => expect(onInterrupt).toHaveBeenCalledOnce());
    const answer = ask();
    terminal.write('\u0003');
    await expect(answer).rejects.toThrow('SIGINT');
    expect(onInterrupt).toHaveBeenCalledOnce();
  });

  it('takes several lines in one read for a paste where text is written, and for keys elsewhere', async () => {
    const { terminal, ask, passed } = open();
    const list = ask(false);
    terminal.write('a\rb.one\rtwo.');
    await passed(LINES_TIMEOUT_MS);
    expect(await list).toBe('a\rb');
    // What was begun as keys goes on as keys.
    expect(await ask()).toBe('one\rtwo');
    const text = ask();
    terminal.write('one\rtwo');
    await passed(LINES_TIMEOUT_MS);
    terminal.write('.');
    expect(await text).toBe('[one\rtwo]');
  });

  it('gives Esc as a key when nothing follows it, and Alt with a letter as one that writes nothing', async () => {
    const { terminal, ask, passed } = open();
    const answer = ask();
    terminal.write('a\u001bx');
    await new Promise(setImmediate);
    terminal.write('\u001b');
    await passed(ESCAPE_TIMEOUT_MS);
    terminal.write('.');
    expect(await answer).toBe('a\u001bx\u001b');
  });

  it('hears where the person looks, and Ctrl-Z, which are no keys; reports are nothing', async () => {
    const [onPress, onFocus, onSuspend] = [vi.fn(), vi.fn<(focused: boolean) => void>(), vi.fn()];
    const { terminal, ask } = open({ onPress, onFocus, onSuspend });
    const answer = ask();
    terminal.write('\u001b[O\u001b[I\u001b]11;rgb:0/0/0\u0007\u001b[<0;1;1M');
    terminal.write('\u001ax.');
    expect(await answer).toBe('x');
    expect(onFocus.mock.calls).toEqual([[false], [true]]);
    expect(onPress).toHaveBeenCalledTimes(3);
    expect(onSuspend).toHaveBeenCalledOnce();
  });
});
