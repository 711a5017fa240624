import type { Key } from 'node:readline';
import { render } from '@inquirer/testing';
import { describe, expect, it } from 'vitest';
import { Store } from '@p2p-chat/shared/client';
import { liveList, type LiveListConfig } from './live-list.js';

interface State {
  news: string[];
  names: string[];
}

function show(names: string[], more: Partial<LiveListConfig<State, string>> = {}) {
  const store = new Store<State>({ news: [], names });
  const config: LiveListConfig<State, string> = {
    message: 'Whom?',
    store,
    header: (state) => ['HEADER', ...state.news],
    rows: (state) =>
      [...state.names, 'Cancel'].map((name) => ({
        key: name,
        value: `value of ${name}`,
        label: name,
        isWayOut: name === 'Cancel',
      })),
    back: 'went back',
    ...more,
  };
  const change = (part: Partial<State>): void => store.update((state) => ({ ...state, ...part }));
  return render(liveList<State, string>, config).then((rendered) => {
    // A prompt that a test leaves open is closed with its process.
    rendered.answer.catch(() => undefined);
    return { ...rendered, change };
  });
}

function marked(screen: string): string | undefined {
  return screen
    .split('\n')
    .find((line) => line.startsWith('❯'))
    ?.slice(2);
}

function keyOf(key: Key): Key {
  return key;
}

describe('a live list', () => {
  it('shows the header, the question, the rows and the keys', async () => {
    const { getScreen, events, answer } = await show(['Bob', 'Carol'], { intro: () => ['Choose well.'] });
    expect(getScreen()).toBe(
      [
        'HEADER',
        '',
        'Whom?',
        'Choose well.',
        '❯ Bob',
        '  Carol',
        '  Cancel',
        '',
        '↑↓ move · ⏎ choose · esc back · ? keys',
      ].join('\n'),
    );
    events.keypress('down');
    expect(marked(getScreen())).toBe('Carol');
    events.keypress('enter');
    expect(await answer).toBe('value of Carol');
  });

  it('goes round, and to both ends', async () => {
    const { getScreen, events } = await show(['Bob', 'Carol']);
    for (const [key, row] of [
      ['up', 'Cancel'],
      ['down', 'Bob'],
      ['end', 'Cancel'],
      ['home', 'Bob'],
      ['pagedown', 'Cancel'],
      ['pageup', 'Bob'],
    ] as const) {
      events.keypress(key);
      expect(marked(getScreen()), key).toBe(row);
    }
  });

  it('begins at the row that it is told', async () => {
    const { getScreen } = await show(['Bob', 'Carol'], { initial: 'Carol' });
    expect(marked(getScreen())).toBe('Carol');
  });

  it('answers Esc with "back"', async () => {
    const { events, answer } = await show(['Bob']);
    events.keypress('escape');
    expect(await answer).toBe('went back');
  });

  it('does not leave by Esc where there is no way back', async () => {
    const { events, answer, getScreen } = await show(['Bob'], { back: undefined as never });
    expect(getScreen()).not.toContain('esc');
    events.keypress('escape');
    events.keypress('enter');
    expect(await answer).toBe('value of Bob');
  });

  it('stays on the same person while others come and go', async () => {
    const { getScreen, events, nextRender, change, answer } = await show(['Bob', 'Carol']);
    events.keypress('down');
    change({ names: ['Alice', 'Bob', 'Carol'] });
    await nextRender();
    expect(marked(getScreen())).toBe('Carol');
    change({ names: ['Carol'] });
    await nextRender();
    expect(marked(getScreen())).toBe('Carol');
    events.keypress('enter');
    expect(await answer).toBe('value of Carol');
  });

  it('goes to the next one where the person is gone', async () => {
    const { getScreen, events, nextRender, change } = await show(['Alice', 'Bob', 'Carol']);
    events.keypress('down');
    change({ names: ['Alice', 'Carol'] });
    await nextRender();
    expect(marked(getScreen())).toBe('Carol');
    change({ names: [] });
    await nextRender();
    expect(marked(getScreen())).toBe('Cancel');
  });

  it('goes from the way out to the first person who comes, unless it was chosen', async () => {
    const untouched = await show([]);
    expect(marked(untouched.getScreen())).toBe('Cancel');
    untouched.change({ names: ['Bob'] });
    await untouched.nextRender();
    expect(marked(untouched.getScreen())).toBe('Bob');
    const chosen = await show([]);
    chosen.events.keypress('down');
    chosen.change({ names: ['Bob'] });
    await chosen.nextRender();
    expect(marked(chosen.getScreen())).toBe('Cancel');
  });

  it('announces what is new above the question', async () => {
    const { getScreen, nextRender, change } = await show(['Bob']);
    change({ news: ['Bob wrote'] });
    await nextRender();
    expect(getScreen()).toMatch(/^HEADER\nBob wrote\n\nWhom\?\n❯ Bob/);
  });

  it('shows a part of a long list, around the selection', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `person ${i}`);
    const { getScreen, events } = await show(names, { initial: 'person 50' });
    const lines = getScreen().split('\n');
    expect(lines.length).toBe(24);
    expect(marked(getScreen())).toBe('person 50');
    events.keypress('end');
    expect(marked(getScreen())).toBe('Cancel');
    expect(getScreen()).toContain('person 99');
    expect(getScreen()).not.toContain('person 50');
  });

  it('shows what has the letters that are typed, in whatever case and with whatever accents', async () => {
    const { getScreen, events, answer } = await show(['Bob', 'Carol', 'Zoë']);
    events.type('ZOE');
    expect(getScreen()).toContain('Filter: ZOE\n❯ Zoë\n\n');
    for (let i = 0; i < 2; i += 1) events.keypress('backspace');
    expect(getScreen()).toContain('Filter: Z\n❯ Zoë\n\n');
    events.keypress('escape');
    expect(getScreen()).toContain('Cancel');
    events.type('car');
    events.keypress('enter');
    expect(await answer).toBe('value of Carol');
  });

  it('chooses nothing where nothing is found', async () => {
    const { getScreen, events, answer } = await show(['Bob']);
    events.type('cancel');
    expect(getScreen()).toContain('Nothing here is like that.');
    events.keypress('enter');
    events.keypress('escape');
    events.keypress('escape');
    expect(await answer).toBe('went back');
  });

  it('shows its keys, and goes on', async () => {
    const { getScreen, events } = await show(['Bob']);
    events.keypress(keyOf({ sequence: '?' }));
    expect(getScreen()).toContain('any letter');
    expect(getScreen()).not.toContain('Ctrl-N');
    events.keypress('down');
    expect(marked(getScreen())).toBe('Bob');
  });

  it('jumps while there is somewhere to jump to', async () => {
    const { getScreen, events, change, nextRender, answer } = await show(['Bob'], {
      jump: (state) => (state.news.length > 0 ? 'jumped' : undefined),
    });
    events.keypress({ name: 'n', ctrl: true });
    expect(getScreen()).not.toContain('next unread');
    change({ news: ['Bob wrote'] });
    await nextRender();
    expect(getScreen()).toContain('^N next unread');
    events.keypress({ name: 'n', ctrl: true });
    expect(await answer).toBe('jumped');
  });

  it('takes whole characters off the filter, and what is pasted as one line', async () => {
    const { getScreen, events } = await show(['Bob']);
    for (const sequence of ['👍🏽', 'x\u0302', '日']) events.keypress(keyOf({ sequence }));
    for (const left of ['👍🏽x\u0302', '👍🏽']) {
      events.keypress('backspace');
      expect(getScreen()).toContain(`Filter: ${left}\n`);
    }
    events.keypress('backspace');
    expect(getScreen()).not.toContain('Filter:');
    events.keypress(keyOf({ name: 'paste', sequence: 'bo\r\nb\u001b[2J\n' }));
    expect(getScreen()).toContain('Filter: bo b\n');
  });
});
