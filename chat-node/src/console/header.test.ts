import { describe, expect, it } from 'vitest';
import { stripVTControlCharacters } from 'node:util';
import type { ConversationView, MessageView, PeerView, ProfileView, StatusView } from '@p2p-chat/shared';
import { header } from './header.js';
import {
  INITIAL_STATE,
  withEvent,
  withSnapshot,
  withoutNotices,
  type ViewState,
} from '@p2p-chat/shared/client';

const me: StatusView = {
  peerId: 'a'.repeat(52),
  user: 'Alice',
  peerPort: 7780,
  controlPort: 1,
  storage: 'sqlite',
  discovery: [{ source: 'http://x:7777', state: 'ok', detail: 'fine' }],
  links: 0,
  outbox: { queued: 0 },
  problems: [],
  requests: 0,
  keyAlarms: 0,
  home: '/home',
  pid: 1,
  version: '0.1.0',
};

const profile: ProfileView = {
  peerId: me.peerId,
  user: 'Alice',
  presence: 'online',
  shown: 'online',
  status: '',
  receipts: true,
  typing: true,
  addresses: [],
  fixed: [],
};

function peer(user: string, more: Partial<PeerView> = {}): PeerView {
  return {
    peerId: `id of ${user}`,
    user,
    conversation: `with ${user}`,
    host: null,
    port: null,
    online: true,
    blocked: false,
    verified: false,
    trust: 'contact',
    request: null,
    keyAlarm: null,
    unread: 0,
    sources: [],
    ambiguous: false,
    ...more,
  };
}

function message(from: PeerView, body: string, direction: 'in' | 'out' = 'in'): MessageView {
  const at = '2026-11-22T12:00:00.000Z';
  return {
    id: body,
    conversation: from.conversation,
    author: direction === 'in' ? from.peerId : me.peerId,
    user: direction === 'in' ? from.user : me.user,
    direction,
    kind: 'text',
    body,
    sentAt: at,
    receivedAt: at,
    state: 'delivered',
    clock: '0000000000000000',
  };
}

function conversation(peer: PeerView, unread: number): ConversationView {
  return {
    id: peer.conversation,
    kind: 'direct',
    name: peer.user,
    peerId: peer.peerId,
    peer,
    unread,
    last: null,
  };
}

const bob = peer('Bob');
const calm: ViewState = {
  ...withSnapshot(INITIAL_STATE, {
    me,
    profile,
    peers: [bob, peer('Carol', { online: false })],
    conversations: [],
  }),
  connection: { state: 'connected' },
};

function shown(state: ViewState, width = 60): string[] {
  return header(state, width).map(stripVTControlCharacters);
}

function arrive(state: ViewState, ...messages: MessageView[]): ViewState {
  return withEvent(state, { type: 'message', messages });
}

describe('the header', () => {
  it('says who I am and how many are online', () => {
    expect(shown(calm)).toEqual([
      expect.stringMatching(/^p2p-chat {2}Alice \(aaaaaaaa\) +1 online$/),
      '─'.repeat(60),
    ]);
  });

  it('counts what is unread, but nothing of the blocked', () => {
    const conversations = [conversation(bob, 2), conversation(peer('Mallory', { blocked: true }), 5)];
    expect(shown({ ...calm, conversations })[0]).toMatch(/1 online · 2 unread$/);
  });

  it('says what is wrong with discovery and what to do, and no more than fits', () => {
    const detail = 'connection refused: is the service running? '.repeat(10);
    const discovery = [{ source: 'http://x:7777', state: 'failing' as const, detail }];
    const lines = shown({ ...calm, me: { ...me, discovery } });
    expect(lines[2]).toMatch(/^! http:\/\/x:7777: connection refused/);
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  });

  it.each([
    ['There is no space left for the message database.', 'Free some disk space.'],
    ['This machine has no network.', 'Connect it.'],
  ])('says that something graver is wrong before that, and what to do: %s', (detail, hint) => {
    const discovery = [{ source: 'http://x:7777', state: 'failing' as const, detail: 'away' }];
    const problems = [{ code: 'x', detail, hint }];
    const lines = shown({ ...calm, me: { ...me, discovery, problems } }, 120);
    expect(lines.slice(2)).toEqual([`! ${detail} ${hint}`]);
  });

  it('says that the node is away, before anything else that is wrong', () => {
    const lines = shown(withEvent(calm, { type: 'stopping' }));
    expect(lines[2]).toBe('! The node was ended. Trying to reconnect…');
  });

  it('announces new messages, one line for each person', () => {
    const state = arrive(calm, message(bob, 'one'), message(bob, 'two\nlines'), message(peer('Dan'), 'hi'));
    expect(shown(state).slice(2)).toEqual(['✉ Bob (2 new messages): two lines', '✉ Dan: hi']);
    expect(shown(withoutNotices(state, bob.conversation)).slice(2)).toEqual(['✉ Dan: hi']);
  });

  it('announces nothing of mine, of the blocked, or of the open conversation', () => {
    const mallory = peer('Mallory', { blocked: true });
    const state = { ...withEvent(calm, { type: 'peer', peer: mallory }), open: bob.conversation };
    const after = arrive(
      state,
      message(bob, 'seen'),
      message(mallory, 'blocked'),
      message(peer('Dan'), 'mine', 'out'),
    );
    expect(after.notices).toEqual([]);
  });

  it('announces a stranger as one who wants to write, and counts the request apart', () => {
    const carol = peer('Carol', { trust: 'stranger', request: { messages: 1 } });
    const [title, , notice] = shown(
      arrive(withEvent(calm, { type: 'peer', peer: carol }), { ...message(carol, 'hi'), request: true }),
    );
    expect(title).toMatch(/ 1 request · 2 online$/);
    expect(notice).toBe('✉ Carol wants to write to you: hi');
  });

  it('keeps another key under a known name in sight until it was seen', () => {
    const known = { peerId: bob.peerId, user: 'Bob', blocked: false, verified: true };
    const other = peer('Bоb', { peerId: 'otherkey', trust: 'stranger', keyAlarm: known });
    const alarmed = withEvent(calm, { type: 'key-alarm', peer: other });
    expect(shown(alarmed, 200)).toContain(
      '! Another key shows the name of Bob (id of Bo, verified): Bоb (otherkey) is somebody new to you and not verified.',
    );
    const two = withEvent(alarmed, { type: 'key-alarm', peer: { ...other, peerId: 'third' } });
    expect(shown(two, 200).join()).toContain('(and 1 more key)');
    for (const line of shown(two, 40)) expect(line.length).toBeLessThanOrEqual(40);
    const seen = withEvent(alarmed, { type: 'peer', peer: { ...other, keyAlarm: null } });
    expect(shown(seen, 200).join()).not.toContain('Another key');
  });

  it('shows a few people and counts the others', () => {
    const state = arrive(calm, ...['A', 'B', 'C', 'D', 'E'].map((name) => message(peer(name), 'hi')));
    expect(shown(state).slice(2)).toEqual(['✉ 2 other people wrote too', '✉ C: hi', '✉ D: hi', '✉ E: hi']);
  });

  it('lets no foreign text act upon the terminal', () => {
    const state = arrive(calm, message(peer('Mal\u001b[2Jlory\n'), 'a\u001b]0;x\u0007\r\nb\u202e'));
    expect(header(state, 60).at(-1)).not.toMatch(/\n|2J|\]0;|\u202e/);
  });
});
