import { fileURLToPath } from 'node:url';
import type { Key } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { render } from '@inquirer/testing';
import { describe, expect, it, vi } from 'vitest';
import { P2pChatError, type MemberView, type MessageView, type PeerView } from '@p2p-chat/shared';
import type { LoadedMessages } from '@p2p-chat/shared/client';
import { PASTE } from '../keyboard.js';
import type { Frame } from '../screen.js';
import { Store } from '@p2p-chat/shared/client';
import { INITIAL_STATE, type ViewState } from '@p2p-chat/shared/client';
import type { MessageCommands, Writing } from './message-mode.js';
import { conversationPrompt, type ConversationPromptConfig } from './conversation-prompt.js';

let nextId = 0;

function message(body: string, more: Partial<MessageView> = {}): MessageView {
  nextId += 1;
  const at = new Date(2026, 10, 22, 17, 40).toISOString();
  return {
    id: `id-${nextId}`,
    conversation: 'with Bob',
    author: 'bob',
    user: 'Bob',
    direction: 'in',
    kind: 'text',
    body,
    sentAt: at,
    receivedAt: at,
    state: 'delivered',
    clock: '0000000000000000',
    ...more,
  };
}

const PEER: PeerView = {
  peerId: 'bob',
  user: 'Bob',
  conversation: 'with Bob',
  host: null,
  port: null,
  online: false,
  blocked: false,
  verified: false,
  trust: 'contact',
  request: null,
  unread: 0,
  sources: [],
  ambiguous: false,
  keyAlarm: null,
};

async function show(
  messages: MessageView[],
  more: Partial<ConversationPromptConfig> = {},
  loaded: Partial<LoadedMessages> = {},
) {
  const keep = vi.fn<(draft: string) => void>();
  const seen = vi.fn<(messageId: string) => void>();
  const writes = vi.fn<() => void>();
  const draw = vi.fn<(frame: Frame) => void>();
  const view = new Store<ViewState>(INITIAL_STATE);
  const store = new Store<LoadedMessages>({
    messages,
    atStart: true,
    atEnd: true,
    loading: false,
    firstUnread: null,
    ...loaded,
  });
  const send = vi.fn<(body: string, replyTo?: string) => Promise<void>>().mockResolvedValue(undefined);
  const commands = {
    edit: vi.fn<MessageCommands['edit']>().mockResolvedValue(undefined),
    delete: vi.fn<MessageCommands['delete']>().mockResolvedValue(undefined),
    react: vi.fn<MessageCommands['react']>().mockResolvedValue(undefined),
    confirm: vi.fn<MessageCommands['confirm']>().mockResolvedValue(undefined),
    who: vi.fn<MessageCommands['who']>().mockResolvedValue(['It was read.']),
    versions: vi.fn<MessageCommands['versions']>().mockResolvedValue(['17:40 before', '17:41 now']),
    remind: vi.fn<MessageCommands['remind']>().mockResolvedValue(['Reminded: Bob.']),
    copy: vi.fn<MessageCommands['copy']>().mockResolvedValue(['Handed to the terminal.']),
    jumpTo: vi.fn<MessageCommands['jumpTo']>().mockResolvedValue(undefined),
  };
  const older = vi.fn<() => Promise<void>>().mockResolvedValue(undefined);
  const rendered = await render(conversationPrompt, {
    view,
    messages: store,
    header: (state) => ['HEADER', ...(state.flash === null ? [] : [state.flash])],
    empty: 'Nothing yet.',
    draft: '',
    send,
    keep,
    seen,
    draw,
    older,
    newer: () => Promise.resolve(),
    toEnd: () => undefined,
    writes,
    commands,
    toConfirm: () => [],
    typing: (state) => (state.typing.has('bob') ? 'Bob is typing…' : null),
    ...more,
  });
  // A prompt that a test leaves open is closed with its process.
  rendered.answer.catch(() => undefined);
  const add = (...added: MessageView[]): void =>
    store.update((now) => ({ ...now, messages: [...now.messages, ...added] }));
  const replace = (all: readonly MessageView[]): void => store.update((now) => ({ ...now, messages: all }));
  /** The row with the cursor, and the cursor's column. */
  const cursor = (): { line: string; column: number } => {
    const frame = draw.mock.lastCall?.[0];
    const place = frame?.cursor ?? null;
    if (frame === undefined || place === null) throw new Error('no cursor is shown');
    return { line: stripVTControlCharacters(frame.lines[place.row] ?? ''), column: place.column };
  };
  return { ...rendered, view, store, send, commands, writes, keep, seen, older, add, replace, cursor };
}

function keyOf(key: Key): Key {
  return key;
}

describe('a conversation at a message that was found', () => {
  it('shows it with what led to it, and marks it', async () => {
    const messages = Array.from({ length: 100 }, (_, n) => message(`m${n}.`));
    const { getScreen, events } = await show(messages, {}, { found: messages[50]!.id, atEnd: false });
    const shown = getScreen().split('\n');
    const at = shown.findIndex((line) => line.includes('m50.'));
    expect(at).toBeGreaterThan(3);
    expect(shown.slice(at + 1).some((line) => line.includes('m55.'))).toBe(true);
    events.keypress('pageup');
    expect(getScreen()).toContain('m40.');
  });

  it('shows the first ones from the top', async () => {
    const messages = Array.from({ length: 100 }, (_, n) => message(`m${n}.`));
    const { getScreen } = await show(messages, {}, { found: messages[0]!.id });
    const shown = getScreen().split('\n');
    expect(shown[1]).toMatch(/^── /);
    expect(shown[2]).toContain('m0.');
    expect(shown.filter((line) => line.includes('Bob: '))).toHaveLength(19);
  });
});

describe('a conversation', () => {
  it('shows history above and the line below', async () => {
    const { getScreen } = await show([
      message('hello\nthere'),
      message('hi', { direction: 'out', state: 'read' }),
    ]);
    expect(getScreen()).toBe(
      [
        'HEADER',
        '── 2026-11-22 ──',
        '17:40 Bob: hello',
        '           there',
        '17:40 You: hi ✓✓ read',
        '',
        '›',
        '⏎ back · esc back · F1 keys',
      ].join('\n'),
    );
  });

  it('says that there is nothing yet', async () => {
    const { getScreen } = await show([]);
    expect(getScreen()).toContain('Nothing yet.');
  });

  it('sends what is written, and stays', async () => {
    const { getScreen, events, send } = await show([]);
    events.type('good morning');
    expect(getScreen()).toContain('› good morning\n⏎ send');
    events.keypress('enter');
    expect(send).toHaveBeenCalledExactlyOnceWith('good morning');
    expect(getScreen()).not.toContain('good morning');
    expect(getScreen()).toContain('⏎ back');
  });

  it('goes back with Enter on an empty line', async () => {
    const { events, answer, send } = await show([]);
    events.type('  ');
    events.keypress('enter');
    expect(await answer).toBe('back');
    expect(send).not.toHaveBeenCalled();
  });

  it('goes back with Esc and keeps the draft; begins with it again', async () => {
    const first = await show([]);
    first.events.type('half a sent');
    first.events.keypress('escape');
    expect(await first.answer).toBe('back');
    expect(first.keep).toHaveBeenLastCalledWith('half a sent');
    const second = await show([], { draft: 'half a sent' });
    second.events.type('ence');
    second.events.keypress('enter');
    expect(second.send).toHaveBeenCalledExactlyOnceWith('half a sentence');
  });

  it('leaves what is being written alone while messages, states and news come', async () => {
    const mine = message('sent before', { direction: 'out', state: 'queued' });
    const { getScreen, events, nextRender, add, store, view, send } = await show([mine]);
    events.type('half a ');
    add(message('an interruption'));
    store.update((now) => ({
      ...now,
      messages: now.messages.map((one) => (one === mine ? { ...mine, state: 'delivered' } : one)),
    }));
    view.update((state) => ({ ...state, flash: 'Carol wrote' }));
    await nextRender();
    expect(getScreen()).toContain('HEADER\nCarol wrote');
    expect(getScreen()).toContain('sent before ✓ delivered\n17:40 Bob: an interruption\n\n› half a\n');
    events.type('sentence');
    events.keypress('enter');
    expect(send).toHaveBeenCalledExactlyOnceWith('half a sentence');
  });

  it('gives the text back where it could not be sent, with the reason', async () => {
    const refused = new P2pChatError('body-too-large', 'It is \u001b[31mtoo long.', { hint: 'Split it.' });
    const send = vi
      .fn<(body: string) => Promise<void>>()
      .mockRejectedValueOnce(refused)
      .mockResolvedValue(undefined);
    const { getScreen, events, nextRender } = await show([], { send });
    events.type('very long');
    events.keypress('enter');
    await nextRender();
    expect(getScreen()).toContain('› very long\n! Not sent: It is too long. Split it.\n');
    events.keypress('enter');
    expect(send).toHaveBeenLastCalledWith('very long');
  });

  it('puts the refused text before what was written since', async () => {
    const sending = Promise.withResolvers<void>();
    const { getScreen, events, nextRender } = await show([], { send: () => sending.promise });
    events.type('first');
    events.keypress('enter');
    events.type('second');
    sending.reject(new Error('no'));
    await nextRender();
    expect(getScreen()).toContain('› first\n  second\n');
  });

  it('scrolls, stays where it is while messages come, and comes back', async () => {
    const messages = Array.from({ length: 60 }, (_, i) => message(`number ${i}.`));
    const { getScreen, events, nextRender, add, older } = await show(messages);
    expect(getScreen()).toContain('number 59.');
    expect(getScreen()).not.toContain('number 30.');
    events.keypress('pageup');
    const scrolled = getScreen();
    expect(scrolled).not.toContain('number 59.');
    expect(older).not.toHaveBeenCalled();
    add(message('one more.'));
    await nextRender();
    expect(getScreen()).toBe(scrolled);
    for (let i = 0; i < 5; i += 1) events.keypress('pageup');
    expect(getScreen()).toContain('number 0.');
    expect(older).toHaveBeenCalled();
    for (let i = 0; i < 6; i += 1) events.keypress('pagedown');
    expect(getScreen()).toContain('one more.');
  });

  it('stays where it is where the message at its end goes', async () => {
    const messages = Array.from({ length: 60 }, (_, i) =>
      message(`number ${i}.`, { clock: String(100 + i) }),
    );
    const { getScreen, events, nextRender, replace } = await show(messages);
    events.keypress('pageup');
    const [last = ''] = getScreen().match(/number \d+\.(?=[^.]*$)/) ?? [];
    replace(messages.filter(({ body }) => body !== last));
    await nextRender();
    expect(getScreen()).not.toContain(last);
    expect(getScreen()).toContain(`number ${Number(last.slice(7, -1)) - 1}.`);
    expect(getScreen()).not.toContain(`number ${Number(last.slice(7, -1)) + 1}.`);
  });

  it('fits the screen, however long the messages and the line are', async () => {
    const { getScreen, events } = await show([message('word '.repeat(1_000))]);
    expect(getScreen().split('\n').length).toBe(24);
    events.type('x'.repeat(300));
    expect(getScreen().split('\n').length).toBe(24);
  });

  it('keeps what was sent as a draft until the node has it', async () => {
    const sending = Promise.withResolvers<void>();
    const { events, keep, nextRender } = await show([], { send: () => sending.promise });
    events.type('safe');
    events.keypress('enter');
    expect(keep).toHaveBeenLastCalledWith('safe');
    events.type('next');
    sending.resolve();
    await nextRender();
    expect(keep).toHaveBeenLastCalledWith('next');
  });

  it('takes a pasted block as one message of several lines', async () => {
    const { getScreen, events, send, cursor } = await show([]);
    events.type('see: ');
    events.keypress(keyOf({ name: PASTE, sequence: 'one\r\ntwo\u001b\rthree' }));
    expect(getScreen()).toContain('› see: one\n  two\n  three\n');
    expect(cursor()).toEqual({ line: '  three', column: 7 });
    expect(send).not.toHaveBeenCalled();
    events.keypress('enter');
    expect(send).toHaveBeenCalledExactlyOnceWith('see: one\ntwo\nthree');
  });

  it('makes of a file that is dragged into an empty line the command that sends it', async () => {
    const { getScreen, events, send } = await show([]);
    const here = fileURLToPath(import.meta.url);
    events.keypress(keyOf({ name: PASTE, sequence: `'${here}' ` }));
    expect(getScreen().replaceAll(/\n */gu, '')).toContain(`› /file '${here}'`);
    events.keypress('enter');
    expect(send).toHaveBeenCalledExactlyOnceWith(`/file '${here}'`);
    events.type('see ');
    events.keypress(keyOf({ name: PASTE, sequence: here }));
    events.keypress('enter');
    expect(send).toHaveBeenLastCalledWith(`see ${here}`);
  });

  it('begins a new line with Alt-Enter and with Ctrl-J', async () => {
    const { events, send } = await show([]);
    events.type('a');
    events.keypress(keyOf({ name: 'return', meta: true, sequence: '\u001b\r' }));
    events.type('b');
    events.keypress(keyOf({ name: 'enter', sequence: '\n' }));
    events.type('c');
    events.keypress('enter');
    expect(send).toHaveBeenCalledExactlyOnceWith('a\nb\nc');
  });

  it('has the cursor behind characters of two cells, also where the line is full', async () => {
    const { events, cursor } = await show([]);
    events.type('日本語');
    expect(cursor()).toEqual({ line: '› 日本語', column: 8 });
    events.type('語'.repeat(36));
    expect(cursor()).toEqual({ line: '  ', column: 2 });
    events.type('🎉');
    expect(cursor()).toEqual({ line: '  🎉', column: 4 });
    for (let i = 0; i < 2; i += 1) events.keypress('left');
    expect(cursor()).toMatchObject({ column: 78 });
  });

  it('marks the first unread message, begins there, and reports only what was on the screen', async () => {
    const messages = Array.from({ length: 60 }, (_, i) => message(`number ${i}.`));
    const { getScreen, events, seen } = await show(messages, {}, { firstUnread: messages[10]!.id });
    expect(getScreen()).toMatch(/HEADER\n── new ──\n.*number 10\./);
    const last = /number (\d+)\.[^.]*$/.exec(getScreen())?.[1];
    expect(seen).toHaveBeenCalledExactlyOnceWith(messages[Number(last)]!.id);
    for (let i = 0; i < 5; i += 1) events.keypress('pagedown');
    expect(seen).toHaveBeenLastCalledWith(messages[59]!.id);
  });

  it('shows its keys, and goes on', async () => {
    const { getScreen, events } = await show([message('hello')]);
    events.type('draft');
    events.keypress('f1');
    expect(getScreen()).toContain('Alt-Enter, Ctrl-J');
    events.type('x');
    expect(getScreen()).toContain('› draft\n');
    expect(getScreen()).toContain('hello');
  });

  it('goes on to the next person who wrote with Ctrl-N', async () => {
    const { events, answer } = await show([]);
    events.keypress({ name: 'n', ctrl: true });
    expect(await answer).toBe('next-unread');
  });

  it('marks who could be taken for somebody else, or for the person who reads, at once', async () => {
    const author = 'xmpc2n4k'.padEnd(52, 'a');
    const { getScreen, view } = await show([
      message('mine', { direction: 'out', author: 'me' }),
      message('theirs', { author, user: 'You' }),
    ]);
    expect(getScreen()).toContain('17:40 You: theirs');
    view.update((state) => ({
      ...state,
      peers: new Map([[author, { ...PEER, peerId: author, user: 'You', ambiguous: true }]]),
    }));
    await vi.waitFor(() => expect(getScreen()).toContain('17:40 You (xmpc2n4k): theirs'));
    expect(getScreen()).toContain('17:40 You: mine');
  });

  it('lets no foreign text act upon the terminal', async () => {
    const evil = message('a\u001b]52;c;x\u0007b\u009b2Jc\rd\u202ee', { user: 'Mal\u001b[2Jlory' });
    const { getScreen } = await show([evil]);
    // eslint-disable-next-line no-control-regex -- these are what must not come out
    const harmless = getScreen({ raw: true }).replace(/\u001b\[\d*(;\d+)*m|\n/g, '');
    expect(harmless).toContain('Mallory: abc');
    // eslint-disable-next-line no-control-regex -- as above
    expect(harmless).not.toMatch(/[\u0000-\u001a\u001c-\u001f\u007f-\u009f\u202e]|\u001b[^[]|\u0007|2J/);
  });

  it('shows who is typing in place, and tells that something is being written', async () => {
    const { getScreen, events, view, writes } = await show([message('hello')]);
    events.type('half');
    const before = getScreen().split('\n').length;
    view.update((state) => ({ ...state, typing: new Set(['bob']) }));
    await vi.waitFor(() => expect(getScreen()).toContain('hello\nBob is typing…\n› half'));
    expect(getScreen().split('\n')).toHaveLength(before);
    view.update((state) => ({ ...state, typing: new Set() }));
    await vi.waitFor(() => expect(getScreen()).toContain('hello\n\n› half'));
    expect(writes).toHaveBeenCalledTimes(4);
    for (let i = 0; i < 4; i += 1) events.keypress('backspace');
    // What is erased altogether is not being written.
    expect(writes).toHaveBeenCalledTimes(7);
  });
});

describe('a message that is chosen', () => {
  const mine = (body: string, more: Partial<MessageView> = {}): MessageView =>
    message(body, { direction: 'out', state: 'read', ...more });
  const type = (events: { type: (text: string) => void }, text: string): void => events.type(text);

  it('is the newest one at an arrow up on an empty line, with what can be done', async () => {
    const { events, getScreen } = await show([message('hello')]);
    events.keypress('up');
    expect(getScreen()).toContain('r reply · + react · c copy · f forward · d delete · ↑↓ choose · esc back');
    events.keypress('escape');
    expect(getScreen()).toContain('⏎ back');
  });

  it('is not chosen while something is written, and what is written stays', async () => {
    const { events, getScreen } = await show([message('hello')]);
    type(events, 'half a thought');
    events.keypress('up');
    expect(getScreen()).not.toContain('r reply');
    expect(getScreen()).toContain('half a thought');
  });

  it('is answered', async () => {
    const theirs = message('shall we?');
    const { events, getScreen, send } = await show([theirs]);
    events.keypress('up');
    type(events, 'r');
    expect(getScreen()).toContain('Answering Bob (esc: no answer): shall we?');
    type(events, 'yes');
    events.keypress('enter');
    expect(send).toHaveBeenCalledWith('yes', theirs.id);
  });

  it('is changed at the second arrow up, where it is the last own one', async () => {
    const own = mine('first draft');
    const { events, getScreen, commands, send, keep } = await show([own, message('hm')]);
    events.keypress('up');
    events.keypress('up');
    expect(getScreen()).toContain('Changing (esc: leave it as it is): first draft');
    type(events, '!');
    events.keypress('enter');
    expect(commands.edit).toHaveBeenCalledWith(own.id, 'first draft!');
    expect(send).not.toHaveBeenCalled();
    expect(keep).not.toHaveBeenCalledWith(expect.stringContaining('first draft'));
  });

  it('comes back to be changed where that failed', async () => {
    const { events, getScreen, commands } = await show([mine('first draft')]);
    commands.edit.mockRejectedValueOnce(new P2pChatError('storage-full', 'The disk is full.'));
    events.keypress('up');
    events.keypress('up');
    type(events, '!');
    events.keypress('enter');
    await vi.waitFor(() => expect(getScreen()).toContain('Not changed: The disk is full.'));
    expect(getScreen()).toContain('› first draft!');
  });

  it('is reacted to, deleted for all or for oneself, and confirmed, a key each', async () => {
    const [asking, own] = [message('drill', { confirm: true }), mine('oops')];
    const { events, getScreen, commands } = await show([asking, own]);
    events.keypress('up');
    type(events, 'd');
    expect(getScreen()).toContain('a for all · m for me · esc back');
    type(events, 'a');
    expect(commands.delete).toHaveBeenCalledWith(own.id, false);
    events.keypress('up');
    type(events, '+');
    expect(getScreen()).toContain('1 👍');
    type(events, '1');
    expect(commands.react).toHaveBeenCalledWith(own, '👍');
    // Up, up changes the own message; up again chooses the one above.
    for (let nth = 0; nth < 3; nth += 1) events.keypress('up');
    type(events, 'y');
    expect(commands.confirm).toHaveBeenCalledWith(asking.id);
    for (let nth = 0; nth < 3; nth += 1) events.keypress('up');
    type(events, 'd');
    type(events, 'a');
    type(events, 'm');
    expect(commands.delete).toHaveBeenLastCalledWith(asking.id, true);
  });

  it('leads to what it answers, and tells who has read it', async () => {
    const quote = { id: 'far', author: 'bob', user: 'Bob', body: 'long ago', deleted: false };
    const { events, getScreen, commands } = await show([mine('yes', { replyTo: 'far', quote })]);
    expect(getScreen()).toContain('│ Bob: long ago');
    events.keypress('up');
    type(events, 'w');
    await vi.waitFor(() => expect(getScreen()).toContain('It was read.'));
    events.keypress('up');
    events.keypress('enter');
    expect(commands.jumpTo).toHaveBeenCalledWith('far');
  });

  it('is copied, its versions and who reacts are told, and its readers reminded, a key each', async () => {
    const reactions = [{ emoji: '👍', by: ['a', 'b'] }];
    const theirs = message('hello', { reactions });
    const own = mine('drill', { confirm: true, edited: true });
    const { events, getScreen, commands } = await show([theirs, own]);
    for (const [key, says] of [
      ['c', 'Handed to the terminal.'],
      ['w', 'It was read.'],
      ['v', '17:40 before'],
      ['n', 'Reminded: Bob.'],
    ] as const) {
      events.keypress('up');
      expect(getScreen()).toContain('n remind');
      type(events, key);
      await vi.waitFor(() => expect(getScreen()).toContain(says));
    }
    for (let nth = 0; nth < 3; nth += 1) events.keypress('up');
    expect(getScreen()).toContain('w who reacts');
    type(events, 'w');
    await vi.waitFor(() => expect(commands.who).toHaveBeenLastCalledWith(theirs));
    expect(commands.copy).toHaveBeenCalledWith(own);
  });

  it('leaves the line that is being written, and its cursor, as they were on another screen', async () => {
    let last: Writing | undefined;
    const writing = { last: () => last, hold: (now: Writing) => void (last = now) };
    const messages = [message('hello'), mine('first draft')];
    const first = await show(messages, { writing });
    first.events.keypress('up');
    first.events.keypress('up');
    type(first.events, '!');
    first.events.keypress('left');
    first.events.keypress({ name: 'f2' });
    await expect(first.answer).resolves.toBe('safety-number');
    const { events, getScreen, cursor, commands, keep } = await show(messages, { writing });
    expect(getScreen()).toContain('Changing');
    expect(cursor()).toMatchObject({ line: '› first draft!', column: '› first draft'.length });
    events.keypress('enter');
    expect(commands.edit).toHaveBeenCalledWith(messages[1]!.id, 'first draft!');
    expect(keep).not.toHaveBeenCalledWith('first draft!');
    const third = await show(messages, { writing, draft: 'could not be sent' });
    expect(third.getScreen()).toContain('› could not be sent');
  });

  it('that is deleted while it is being changed takes what was to be its text with it', async () => {
    const own = mine('canary');
    const { events, getScreen, store } = await show([own]);
    events.keypress('up');
    events.keypress('up');
    type(events, ' two');
    expect(getScreen()).toContain('› canary two');
    store.update((now) => ({ ...now, messages: [{ ...own, kind: 'deleted', body: '', deleted: true }] }));
    await vi.waitFor(() => expect(getScreen()).toContain('deleted meanwhile'));
    expect(getScreen()).not.toContain('canary');
  });

  it('shows what others made of it, and nothing that a terminal would obey', async () => {
    const escape = '\u001b[31mred\u202e';
    const { getScreen } = await show([
      message('now', {
        edited: true,
        reactions: [
          { emoji: '👍', by: ['a', 'b'] },
          { emoji: escape, by: ['c'] },
        ],
      }),
      message('', { kind: 'deleted', deleted: true }),
      message('answer', {
        replyTo: 'x',
        quote: { id: 'x', author: 'a', user: escape, body: `${escape}\nmore`, deleted: false },
      }),
    ]);
    const screen = getScreen();
    expect(screen).toContain('edited · 👍 2');
    expect(screen).toContain('[deleted]');
    expect(screen).not.toContain('\u202e');
    expect(screen).not.toContain('more');
  });

  it('that waits above the conversation is confirmed with F4', async () => {
    const asking = message('drill', { confirm: true });
    const { events, commands } = await show([], { toConfirm: () => [asking] });
    events.keypress({ name: 'f4' });
    expect(commands.confirm).toHaveBeenCalledWith(asking.id);
  });
});

describe('a name after an @', () => {
  const members = (): MemberView[] =>
    ['Alice', 'Bob', 'Zoë Müller'].map((user) => ({ peerId: user, user, self: user === 'Alice' }));

  it.each([
    ['ask @b', 'ask @Bob '],
    ['@z', '@Zoë Müller '],
    ['@', '@Bob '],
    ['@al', '@al'],
    ['me@b', 'me@b'],
    ['no sign', 'no sign'],
  ])('is completed with Tab: %j', async (written, text) => {
    const { events, send } = await show([], { members });
    events.type(written);
    events.keypress('tab');
    events.keypress('enter');
    expect(send).toHaveBeenCalledWith(text);
  });
});
