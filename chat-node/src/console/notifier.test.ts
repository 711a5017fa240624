import type { ControlEvent, ConversationView, MessageView, MuteLevel, PeerView } from '@p2p-chat/shared';
import { ManualClock } from '@p2p-chat/shared/testing';
import { describe, expect, it } from 'vitest';
import { desktopSequence, notificationsOf, titleSequence, type Notifications } from './notifications.js';
import { Notifier } from './notifier.js';
import { Store } from '@p2p-chat/shared/client';
import { INITIAL_STATE, type ViewState } from '@p2p-chat/shared/client';

const bob = {
  peerId: 'bob',
  user: 'Bob',
  conversation: 'with Bob',
  ambiguous: false,
  blocked: false,
  request: null,
} as PeerView;
const withBob: ConversationView = {
  id: 'with Bob',
  kind: 'direct',
  name: 'Bob',
  peerId: 'bob',
  peer: bob,
  unread: 0,
  last: null,
};
const message = (body: string, more: Partial<MessageView> = {}): MessageView => ({
  id: 'id',
  conversation: 'with Bob',
  author: 'bob',
  user: 'Bob',
  direction: 'in',
  kind: 'text',
  body,
  sentAt: '',
  receivedAt: '',
  state: 'delivered',
  clock: '0000000000000000',
  ...more,
});

function start(use: Partial<Notifications> = {}, more: Partial<ViewState> = {}) {
  const clock = new ManualClock();
  const store = new Store<ViewState>({ ...INITIAL_STATE, peers: new Map([['bob', bob]]), ...more });
  const listeners = new Set<(event: ControlEvent) => void>();
  const view = {
    store,
    onEvent: (listener: (event: ControlEvent) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) > 0 };
  const notifier = new Notifier(view, output, { bell: true, title: false, desktop: null, ...use }, clock);
  notifier.start();
  const tell = (event: ControlEvent): void => listeners.forEach((listener) => listener(event));
  const receive = (...messages: MessageView[]): void => tell({ type: 'message', messages });
  return { clock, store, notifier, written, receive, tell };
}

function inTeam(more: Partial<MessageView> = {}): MessageView {
  return message('x', { conversation: 'team', author: 'bob', ...more });
}

function withTeam(mute: MuteLevel): Partial<ViewState> {
  const team = { id: 'team', kind: 'group', name: 'Team', mute, unread: 0, last: null } as const;
  return { conversations: [team], me: { peerId: 'me' } as never };
}

describe('the notifier', () => {
  it('rings for a message, and once for a burst', async () => {
    const { written, receive, clock } = start();
    for (let i = 0; i < 100; i += 1) receive(message('x'), message('y'));
    expect(written).toEqual(['\u0007']);
    await clock.advance(10_000);
    receive(message('x'));
    expect(written).toEqual(['\u0007', '\u0007']);
  });

  it.each<[string, Partial<ViewState>, MessageView]>([
    ['of one’s own', {}, message('x', { direction: 'out' })],
    ['where one does not want to be disturbed', { profile: { presence: 'dnd' } as never }, message('x')],
    ['of who is blocked', { peers: new Map([['bob', { ...bob, blocked: true }]]) }, message('x')],
    ['of a stranger', { peers: new Map([['bob', { ...bob, request: { messages: 1 } }]]) }, message('x')],
    ['of a blocked member of a group', { peers: new Map([['bob', { ...bob, blocked: true }]]) }, inTeam()],
    ['in a conversation that is muted', withTeam('off'), inTeam({ mentions: ['me'] })],
    ['that mentions somebody else, where those count', withTeam('mentions'), inTeam({ mentions: ['ann'] })],
    [
      'that is a change of a group',
      withTeam('all'),
      inTeam({ change: { kind: 'leave', by: 'bob', user: 'Bob' } }),
    ],
    ['in the conversation that one looks at', { open: 'with Bob' }, message('x')],
  ])('is silent for a message %s', (_, state, one) => {
    const { written, receive } = start({ desktop: 'osc9' }, state);
    receive(one);
    expect(written).toEqual([]);
  });

  it.each<[string, Partial<ViewState>, MessageView]>([
    ['of a group', withTeam('all'), inTeam()],
    ['that mentions one, where those count', withTeam('mentions'), inTeam({ mentions: ['me'] })],
  ])('rings for a message %s', (_, state, one) => {
    const { written, receive } = start({}, state);
    receive(one);
    expect(written).toEqual(['\u0007']);
  });

  it.each(['reminder', 'mention'] as const)(
    'rings for a %s, also of what was read and in a conversation where mentions count, but not where nothing does',
    (type) => {
      for (const [mute, rings] of [
        ['all', true],
        ['mentions', true],
        ['off', false],
      ] as const) {
        const { written, tell } = start({}, withTeam(mute));
        tell({ type, message: inTeam({ state: 'read' }) });
        expect([mute, written.length > 0]).toEqual([mute, rings]);
      }
    },
  );

  it('rings for the open conversation where one looks elsewhere', () => {
    const { written, receive } = start({}, { open: 'with Bob', attentive: false });
    receive(message('x'));
    expect(written).toEqual(['\u0007']);
  });

  it('shows what came on the desktop where the terminal can', () => {
    const { written, receive } = start({ bell: false, desktop: 'osc9' });
    receive(message('hello\nthere'));
    expect(written).toEqual(['\u001b]9;p2p-chat: Bob: hello there\u0007']);
  });

  it('counts in the title what was not read, and gives the title back', async () => {
    const { written, store, notifier } = start({ title: true });
    expect(written).toEqual(['\u001b[22;0t', '\u001b]0;p2p-chat\u0007']);
    store.update((state) => ({ ...state, conversations: [{ ...withBob, unread: 3 }] }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.at(-1)).toBe('\u001b]0;(3) p2p-chat\u0007');
    notifier.stop();
    expect(written.at(-1)).toBe('\u001b[23;0t');
  });
});

describe('what a terminal has', () => {
  it.each<[Record<string, string>, Partial<Notifications>]>([
    [{ TERM: 'xterm-256color' }, { bell: true, title: true, desktop: null }],
    [{ TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app' }, { desktop: 'osc9' }],
    [{ TERM: 'xterm-256color', TERM_PROGRAM: 'WezTerm' }, { desktop: 'osc9' }],
    [{ TERM: 'xterm-kitty' }, { desktop: 'osc9' }],
    [{ TERM: 'foot' }, { desktop: 'osc777' }],
    [{ TERM: 'rxvt-unicode-256color' }, { desktop: 'osc777' }],
    [{ TERM: 'tmux-256color', TERM_PROGRAM: 'iTerm.app' }, { desktop: null }],
    [{ TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app', TMUX: '/tmp/x' }, { desktop: null }],
    [{ TERM: 'dumb' }, { bell: true, title: false, desktop: null }],
    [
      { TERM: 'foot', P2P_CHAT_NOTIFICATIONS: 'bell' },
      { bell: true, title: false, desktop: null },
    ],
    [
      { TERM: 'foot', P2P_CHAT_NOTIFICATIONS: 'Off\r' },
      { bell: false, title: false, desktop: null },
    ],
  ])('is known of %j', (env, use) => {
    expect(notificationsOf(env)).toMatchObject(use);
  });

  it('is not guessed from a wrong setting', () => {
    expect(() => notificationsOf({ P2P_CHAT_NOTIFICATIONS: 'loud' })).toThrow(
      'P2P_CHAT_NOTIFICATIONS is "loud"; it takes all, bell or off.',
    );
  });

  it('obeys nothing of what others wrote', () => {
    const evil = '4;3;50\u0007\u001b]52;c;aGk=\u0007\u009d\u001b[2J\u202e\n\r';
    for (const kind of ['osc9', 'osc777'] as const) {
      const written = desktopSequence(kind, evil, message(evil));
      const inner = written.slice(2, -1);
      // eslint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(inner).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/u);
      expect(inner.split(';')).toHaveLength(kind === 'osc9' ? 2 : 4);
      expect(inner.length).toBeLessThan(200);
    }
    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(titleSequence(evil).slice(2, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/u);
  });
});
