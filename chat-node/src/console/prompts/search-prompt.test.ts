import { render } from '@inquirer/testing';
import { describe, expect, it, vi } from 'vitest';
import type { FoundMessageView, MessageView } from '@p2p-chat/shared';
import type { FoundMessages } from '@p2p-chat/shared/client';
import { Store } from '@p2p-chat/shared/client';
import { INITIAL_STATE, type ViewState } from '@p2p-chat/shared/client';
import { searchPrompt, type SearchPromptConfig } from './search-prompt.js';

function message(id: string, body: string, more: Partial<MessageView> = {}): MessageView {
  const at = new Date(2026, 10, 22, 17, 40).toISOString();
  return {
    id,
    conversation: 'c'.repeat(52),
    author: 'b'.repeat(52),
    user: 'Bob',
    direction: 'in',
    kind: 'text',
    body,
    sentAt: at,
    receivedAt: at,
    state: 'read',
    clock: '0000000000000000',
    ...more,
  };
}

function hit(id: string, body: string): FoundMessageView {
  const before = message(`${id} before`, `before ${id}\nmore`);
  const after = message(`${id} after`, `after ${id}`, { direction: 'out' });
  return { ...message(id, body), previous: before, next: after };
}

async function show(found: FoundMessageView[], more: Partial<SearchPromptConfig> = {}) {
  const view = new Store<ViewState>(INITIAL_STATE);
  const results = new Store<FoundMessages>({
    query: 'needle',
    found,
    atEnd: true,
    searching: false,
    problem: null,
  });
  const look = vi.fn<(query: string) => void>();
  const further = vi.fn<() => void>();
  const rendered = await render(searchPrompt, {
    view,
    results,
    header: () => ['HEADER'],
    initial: '',
    selected: null,
    look,
    more: further,
    ...more,
  });
  // A prompt that a test leaves open is closed with its process.
  rendered.answer.catch(() => undefined);
  return { ...rendered, results, look, further };
}

function chosen(screen: string): string | undefined {
  const lines = screen.split('\n');
  const at = lines.findIndex((line) => line.startsWith('❯'));
  return lines[at + 2]?.trim();
}

describe('the search', () => {
  it('shows a message with what was said before and after', async () => {
    const { getScreen } = await show([hit('1', 'first line\nthe needle here')]);
    expect(getScreen()).toBe(
      [
        'HEADER',
        '',
        'Search Messages',
        '›',
        '',
        '❯ cccccccc  2026-11-22 17:40',
        '    Bob: before 1 more',
        '    the needle here',
        '    You: after 1',
        '',
        '↑↓ move · ⏎ go there · esc back',
      ].join('\n'),
    );
  });

  it('searches for what is typed, and goes to the chosen one', async () => {
    const { events, look, getScreen, answer, further } = await show([
      hit('1', 'needle one'),
      hit('2', 'needle two'),
      hit('3', 'needle three'),
    ]);
    events.type('ne');
    expect(look.mock.calls).toEqual([['n'], ['ne']]);
    expect(getScreen()).toContain('› ne');
    expect(chosen(getScreen())).toBe('needle one');
    events.keypress('down');
    events.keypress('down');
    events.keypress('down');
    expect(chosen(getScreen())).toBe('needle three');
    expect(further).toHaveBeenCalled();
    events.keypress('up');
    events.keypress('enter');
    await expect(answer).resolves.toMatchObject({ id: '2' });
  });

  it('begins where one was', async () => {
    const { getScreen } = await show([hit('1', 'needle one'), hit('2', 'needle two')], {
      initial: 'needle',
      selected: '2',
    });
    expect(getScreen()).toContain('› needle');
    expect(chosen(getScreen())).toBe('needle two');
  });

  it('goes back with Esc; Enter goes nowhere where nothing was found', async () => {
    const { getScreen, events, answer, results } = await show([]);
    expect(getScreen()).toContain('No message has all these words.');
    events.keypress('enter');
    results.update((now) => ({ ...now, searching: true }));
    await vi.waitFor(() => expect(getScreen()).toContain('Searching…'));
    results.update((now) => ({ ...now, query: '', searching: false }));
    await vi.waitFor(() => expect(getScreen()).toContain('Words that a message has'));
    results.update((now) => ({ ...now, problem: 'The node is \u001b[31maway.' }));
    await vi.waitFor(() => expect(getScreen()).toContain('! The node is away.'));
    events.keypress('escape');
    await expect(answer).resolves.toBeNull();
  });
});
