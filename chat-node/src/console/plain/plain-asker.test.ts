import { PassThrough } from 'node:stream';
import type { MessageView } from '@p2p-chat/shared';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LoadedMessages } from '@p2p-chat/shared/client';
import { Store } from '@p2p-chat/shared/client';
import { INITIAL_STATE, type ViewState } from '@p2p-chat/shared/client';
import { plainAsker } from './plain-asker.js';
import { PlainLines, spoken } from './plain-lines.js';

const leaving = new AbortController();
const open: PlainLines[] = [];
afterEach(() => open.splice(0).forEach((lines) => lines.close()));

function start(signal: AbortSignal = leaving.signal) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let said = '';
  output.setEncoding('utf8').on('data', (text: string) => (said += text));
  const onLine = vi.fn<() => void>();
  const lines = new PlainLines(input, output, signal, onLine);
  open.push(lines);
  lines.open();
  const until = (what: string | RegExp): Promise<void> =>
    vi.waitFor(
      () =>
        expect(said).toSatisfy((text: string) =>
          typeof what === 'string' ? text.includes(what) : what.test(text),
        ),
      5_000,
    );
  const type = (...typed: string[]): void => typed.forEach((line) => input.write(`${line}\n`));
  return { ask: plainAsker(lines), input, type, until, onLine, said: () => said };
}

interface State {
  names: string[];
  news: string[];
}

function list(io: ReturnType<typeof start>, names: string[]) {
  const store = new Store<State>({ names, news: [] });
  const answer = io.ask.list<State, string>({
    message: 'Whom?',
    store,
    header: (state) => ['\u001b[1mAlice\u001b[0m    1 online', '─────', ...state.news],
    rows: (state) => state.names.map((name) => ({ key: name, value: name, label: name, remark: 'online' })),
    back: 'went back',
    jump: () => 'jumped',
  });
  return { store, answer };
}

describe('a list in lines', () => {
  it('reads out what there is, and takes a number', async () => {
    const io = start();
    const { answer } = list(io, ['Bob', 'Carol']);
    io.type('2');
    expect(await answer).toBe('Carol');
    expect(io.said()).toBe(
      '\nAlice, 1 online\nWhom?\n1. Bob, online\n2. Carol, online\nType a number, /back, or ? for help.\n',
    );
    expect(io.onLine).toHaveBeenCalledOnce();
  });

  it('tells who comes and what is new, while each keeps their number', async () => {
    const io = start();
    const { store, answer } = list(io, ['Bob', 'Carol']);
    await io.until('2. Carol');
    store.update(() => ({ names: ['Adam', 'Carol'], news: ['✉ Carol: hello'] }));
    await io.until(/✉ Carol: hello\n3\. Adam, online\n/);
    io.type('1', '2');
    expect(await answer).toBe('Carol');
    expect(io.said()).toContain('There is no 1 here any more.');
  });

  it('lists what has some letters, and says where nothing has', async () => {
    const io = start();
    const { answer } = list(io, ['Bob', 'Carol']);
    io.type('CAR', 'xyz', '?', '9', '/back');
    expect(await answer).toBe('went back');
    expect(io.said().split('\n').slice(6, 8)).toEqual(['2. Carol, online', 'Nothing here is like that.']);
    expect(io.said()).toContain('There is no 9 here.');
  });

  it('is left by /next, and at the end of what is typed', async () => {
    const io = start();
    const first = list(io, ['Bob']);
    io.type('/next');
    expect(await first.answer).toBe('jumped');
    const second = list(io, ['Bob']);
    io.input.end();
    expect(await second.answer).toBe('went back');
  });

  it('ends when the console does', async () => {
    const ending = new AbortController();
    const io = start(ending.signal);
    const { answer } = list(io, ['Bob']);
    ending.abort(new Error('leaving'));
    await expect(answer).rejects.toThrow('leaving');
  });
});

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

function conversation(
  io: ReturnType<typeof start>,
  messages: MessageView[],
  firstUnread: string | null = null,
) {
  const view = new Store<ViewState>(INITIAL_STATE);
  const store = new Store<LoadedMessages>({
    messages,
    atStart: true,
    atEnd: true,
    loading: false,
    firstUnread,
  });
  const send = vi.fn<(body: string, replyTo?: string) => Promise<void>>().mockResolvedValue(undefined);
  const done = (): Promise<void> => Promise.resolve();
  const commands = {
    ...{ edit: vi.fn(done), delete: vi.fn(done), react: vi.fn(done), confirm: vi.fn(done) },
    ...{ who: async () => ['It was read.'], versions: async () => ['17:40 one\u001b[31m'] },
    ...{ remind: async () => ['Reminded: Bob.'], copy: async () => [], jumpTo: done },
  };
  const keep = vi.fn<(draft: string) => void>();
  const seen = vi.fn<(id: string) => void>();
  const answer = io.ask.conversation({
    view,
    messages: store,
    header: (state) => ['Alice', 'Bob  ● online', ...(state.flash === null ? [] : [state.flash])],
    empty: 'No messages yet.',
    draft: '',
    keep,
    send,
    commands,
    toConfirm: () => store.get().messages.filter(({ confirm }) => confirm === true),
    writes: () => undefined,
    typing: (state) => (state.typing.has('bob') ? 'Bob is typing…' : null),
    seen,
    older: () => Promise.resolve(),
    newer: () => Promise.resolve(),
    toEnd: () => undefined,
  });
  const change = (next: (now: readonly MessageView[]) => MessageView[]): void =>
    store.update((now) => ({ ...now, messages: next(now.messages) }));
  return { view, change, send, commands, keep, seen, answer };
}

describe('a conversation in lines', () => {
  it('answers, changes, deletes, reacts and confirms, and says what others made of messages', async () => {
    const io = start();
    const [own, theirs] = [message('mine', { direction: 'out' }), message('drill', { confirm: true })];
    const { change, send, commands } = conversation(io, [own, theirs]);
    await io.until('drill [asks you to confirm]');
    io.type('/reply on my way');
    await vi.waitFor(() => expect(send).toHaveBeenCalledWith('on my way', theirs.id));
    io.type('/edit mine too');
    await vi.waitFor(() => expect(commands.edit).toHaveBeenCalledWith(own.id, 'mine too'));
    io.type('/react 👍');
    await vi.waitFor(() => expect(commands.react).toHaveBeenCalledWith(theirs, '👍'));
    for (const [typed, says] of [
      ['/who', 'It was read.'],
      ['/versions', '17:40 one'],
      ['/remind', 'There is no message for that.'],
    ] as const) {
      io.type(typed);
      await io.until(says);
    }
    expect(io.said()).not.toContain('\u001b');
    io.type('/announce Drill at 3');
    await vi.waitFor(() => expect(send).toHaveBeenCalledWith('/announce Drill at 3'));
    io.type('/confirm');
    await vi.waitFor(() => expect(commands.confirm).toHaveBeenCalledWith(theirs.id));
    io.type('/delete');
    await vi.waitFor(() => expect(commands.delete).toHaveBeenCalledWith(own.id, false));
    change((now) => now.map((one) => (one.id === own.id ? { ...one, body: 'mine too', edited: true } : one)));
    await io.until('Changed: #1 mine too [edited]');
    change((now) => now.filter((one) => one.id !== own.id));
    io.type('/edit again');
    await io.until('There is no message for that.');
  });

  it('does that with any message, by the number with which it was read out', async () => {
    const io = start();
    const own = [message('first', { direction: 'out' }), message('second', { direction: 'out' })];
    const theirs = message('theirs', { direction: 'in' });
    const answer = message('an answer', { replyTo: theirs.id });
    const {
      change,
      send,
      commands,
      answer: left,
    } = conversation(io, [...own, theirs, answer, message('last')]);
    await io.until('#5 17:40 Bob: last');
    for (const [typed, does, args] of [
      ['/reply #3 yes', send, ['yes', theirs.id]],
      ['/react #1 👍', commands.react, [own[0], '👍']],
      ['/edit #1 the first', commands.edit, [own[0]!.id, 'the first']],
      ['/delete #2', commands.delete, [own[1]!.id, false]],
      ['/hide #3', commands.delete, [theirs.id, true]],
    ] as const) {
      io.type(typed);
      await vi.waitFor(() => expect(does).toHaveBeenLastCalledWith(...args));
    }
    io.type('/quoted #4');
    await io.until(/#3 17:40 Bob: theirs\n[^]*#3 17:40 Bob: theirs\n/);
    io.type('/quoted #3');
    await io.until('It answers nothing.');
    io.type('/edit #9 x');
    await io.until('There is no message #9 here.');
    change((now) => [...now, message('fresh')]);
    await io.until('#6 17:40 Bob: fresh');
    io.type('/forward #1');
    expect(await left).toEqual({ forward: own[0] });
  });

  it('reads out the latest and all that is new, then each message as it comes, once', async () => {
    const io = start();
    const old = Array.from({ length: 30 }, (_, i) => message(`old ${i}.`));
    const { change, seen, answer } = conversation(io, old, old[15]?.id ?? null);
    await io.until('old 29.');
    expect(io.said()).not.toContain('old 14.');
    expect(io.said()).toMatch(/Bob, ● online\n2026-11-22\nNew:\n#1 17:40 Bob: old 15\.\n/);
    const added = message('fresh\ntwo');
    change((now) => [...now, added]);
    await io.until('17:40 Bob: fresh\n  two\n');
    change((now) => [...now]);
    expect(seen).toHaveBeenLastCalledWith(added.id);
    io.type('/older');
    await io.until('old 5.');
    io.type('');
    expect(await answer).toBe('back');
    expect(io.said().match(/fresh/g)).toHaveLength(1);
    expect(io.said()).not.toContain('old 4.');
  });

  it('tells what becomes of what was sent, who is typing and how the other one is', async () => {
    const io = start();
    const mine = message('hello', { direction: 'out', state: 'queued' });
    const { change, view } = conversation(io, [mine]);
    await io.until('17:40 You: hello (waits)');
    change(() => [{ ...mine, state: 'delivered' }]);
    await io.until('Now delivered: hello');
    change(() => [{ ...mine, state: 'read' }]);
    await io.until('Now read: hello');
    view.update((state) => ({ ...state, typing: new Set(['bob']), flash: 'The node has gone away.' }));
    await io.until('The node has gone away.\nBob is typing…\n');
  });

  it('sends a line, or several as one, and keeps what was not sent', async () => {
    const io = start();
    const { send, keep, answer } = conversation(io, []);
    io.type('hello', 'one\\', 'two', '//shrug', '/unknown', '?');
    await io.until('There is no /unknown');
    expect(send.mock.calls).toEqual([['hello'], ['one\ntwo'], ['/shrug']]);
    expect(keep).toHaveBeenLastCalledWith('');
    send.mockRejectedValueOnce(new Error('The node has gone away.'));
    io.type('lost?');
    await io.until('Not sent: The node has gone away.');
    expect(keep).toHaveBeenLastCalledWith('lost?');
    io.type('/next');
    expect(await answer).toBe('next-unread');
  });

  it('says nothing that a terminal would obey', async () => {
    const io = start();
    const evil = 'a\u001b[2J\u001b]0;x\u0007\u202eb\u009b1mc';
    conversation(io, [message(evil, { user: evil })]);
    io.type('\u001b[A\u001b[31m');
    await io.until('Type a message');
    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(io.said()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/u);
  });
});

describe('a text in lines', () => {
  const ask = (io: ReturnType<typeof start>) =>
    io.ask.text({
      message: 'Name?',
      store: new Store(INITIAL_STATE),
      header: () => [],
      intro: ['Others see it.'],
      initial: 'Bob',
      check: (text) => (text === 'no' ? 'Not that one.' : null),
    });

  it('is taken where it may be', async () => {
    const io = start();
    const answer = ask(io);
    io.type('no', 'Bobby');
    expect(await answer).toBe('Bobby');
    expect(io.said()).toContain('It is Bob.');
    expect(io.said()).toContain('Not that one.');
  });

  it('has nothing of what the terminal reports among what is typed', async () => {
    const io = start();
    const answer = ask(io);
    io.type(
      '\u001bP>|XTerm(390)\u001b\\B\u001b]11;rgb:0/0/0\u0007o\u001b[<0;3;4M\u001b[M !"b\u001b[200~ é\u001b[201~',
    );
    expect(await answer).toBe('Bob é');
  });

  it('stays where nothing is typed, and can be emptied', async () => {
    const io = start();
    const first = ask(io);
    io.type('');
    expect(await first).toBeNull();
    const second = ask(io);
    io.type('/empty');
    expect(await second).toBe('');
  });
});

it('lines of a screen are read out without what only an eye needs', () => {
  expect(spoken(['a    b', '────', '', '\u001b[31m  red \u001b[0m'])).toEqual(['a, b', 'red']);
});
