import type { Key } from 'node:readline';
import { render } from '@inquirer/testing';
import { describe, expect, it } from 'vitest';
import { PASTE } from '../keyboard.js';
import { Store } from '@p2p-chat/shared/client';
import { INITIAL_STATE } from '@p2p-chat/shared/client';
import { textPrompt } from './text-prompt.js';

const show = (initial = '') =>
  render(textPrompt, {
    message: 'What is your name?',
    store: new Store(INITIAL_STATE),
    header: () => ['HEADER'],
    intro: ['Others see it.'],
    initial,
    check: (text) => (text === '' ? 'It must not be empty.' : null),
  });

function keyOf(key: Key): Key {
  return key;
}

describe('a text prompt', () => {
  it('begins with what there is, and gives back what was written', async () => {
    const { getScreen, events, answer } = await show('Bob');
    expect(getScreen()).toContain('What is your name?\nOthers see it.\n› Bob');
    events.type('by');
    events.keypress('enter');
    expect(await answer).toBe('Bobby');
  });

  it('says what is wrong, and takes the next try', async () => {
    const { getScreen, events, answer } = await show();
    events.keypress('enter');
    expect(getScreen()).toContain('! It must not be empty.');
    events.type('x');
    expect(getScreen()).not.toContain('!');
    events.keypress('enter');
    expect(await answer).toBe('x');
  });

  it('is left by Esc, with nothing', async () => {
    const { events, answer } = await show('Bob');
    events.keypress('escape');
    expect(await answer).toBeNull();
  });

  it('stays one line, whatever is pasted', async () => {
    const { events, answer } = await show();
    events.keypress(keyOf({ name: PASTE, sequence: 'two\r\nlines' }));
    events.keypress(keyOf({ name: 'enter', sequence: '\n' }));
    events.keypress('return');
    expect(await answer).toBe('two lines');
  });
});
