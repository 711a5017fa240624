import { describe, expect, it } from 'vitest';
import type { ConversationView, MessageView, PeerView, ProfileView, StatusView } from '../control/views.js';
import {
  INITIAL_STATE,
  nextUnread,
  totalUnread,
  type ViewState,
  withEvent,
  withSnapshot,
} from './view-state.js';

const me = 'm'.repeat(52);

function peer(user: string, more: Partial<PeerView> = {}): PeerView {
  return {
    peerId: user.repeat(52),
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

function message(clock: number, from: PeerView, more: Partial<MessageView> = {}): MessageView {
  return {
    id: `${more.direction ?? 'in'}-${clock}`,
    conversation: from.conversation,
    author: more.direction === 'out' ? me : from.peerId,
    user: from.user,
    direction: 'in',
    kind: 'text',
    body: `at ${clock}`,
    sentAt: '',
    receivedAt: '',
    state: 'delivered',
    clock: clock.toString(16).padStart(16, '0'),
    ...more,
  };
}

function conversation(with_: PeerView, more: Partial<ConversationView> = {}): ConversationView {
  const { conversation: id, user: name, peerId } = with_;
  return { id, kind: 'direct', name, peerId, peer: with_, unread: 0, last: null, ...more };
}

const b = peer('b');
const c = peer('c');

function start(conversations: ConversationView[] = [], peers: PeerView[] = [b, c]): ViewState {
  const snapshot = { me: {} as StatusView, profile: {} as ProfileView, peers, conversations };
  return withSnapshot(INITIAL_STATE, snapshot);
}

function told(state: ViewState, ...messages: MessageView[]): ViewState {
  return withEvent(state, { type: 'message', messages });
}

function list({ conversations }: ViewState): unknown[] {
  return conversations.map(({ name, unread, last }) => [name, unread, last?.body ?? null]);
}

describe('the list of conversations', () => {
  it('has the latest first, begins one with its first message, and counts what others wrote', () => {
    const state = told(
      start(),
      message(1, b),
      message(2, c),
      message(3, b),
      message(4, c, { direction: 'out' }),
    );
    expect(list(state)).toEqual([
      ['c', 1, 'at 4'],
      ['b', 2, 'at 3'],
    ]);
    expect(totalUnread(state)).toBe(3);
    expect(nextUnread(state, 'with c')).toBe('with b');
  });

  it('counts nothing twice that the node had counted before it told the event', () => {
    const state = start([conversation(b, { unread: 2, last: message(2, b) })]);
    expect(list(told(state, message(1, b), message(2, b), message(3, b)))).toEqual([['b', 3, 'at 3']]);
  });

  it('takes the number of the node where that tells the conversation anew', () => {
    const state = told(start(), message(1, b), message(2, c));
    const read = withEvent(state, {
      type: 'conversation',
      conversation: conversation(b, { last: message(1, b) }),
    });
    expect(list(read)).toEqual([
      ['c', 1, 'at 2'],
      ['b', 0, 'at 1'],
    ]);
  });

  it('counts a message once, also where a person who comes has it counted before its event', () => {
    const state = withEvent(start([conversation(b, { last: message(1, b) })]), {
      type: 'peer',
      peer: { ...b, online: false, unread: 1 },
    });
    expect(list(told(state, message(2, b)))).toEqual([['b', 1, 'at 2']]);
  });

  it('counts the messages of a stranger once they are accepted', () => {
    const stranger = peer('s', { trust: 'stranger', request: { messages: 2 } });
    const asked = told(start([], [stranger]), message(1, stranger, { request: true }));
    expect(list(asked)).toEqual([['s', 0, 'at 1']]);
    const accepted = withEvent(asked, { type: 'peer', peer: peer('s', { unread: 1 }) });
    expect(list(accepted)).toEqual([['s', 1, 'at 1']]);
  });

  it('shows how the last message does, and no other', () => {
    const state = told(start(), message(1, b, { direction: 'out' }), message(2, b, { direction: 'out' }));
    const event = { type: 'state', conversation: b.conversation, state: 'read' } as const;
    expect(withEvent(state, { ...event, ids: ['out-1'] })).toBe(state);
    const read = withEvent(state, { ...event, ids: ['out-1', 'out-2'] });
    expect(read.conversations[0]?.last?.state).toBe('read');
  });
});

describe('what was deleted for everybody', () => {
  it('is in no notice and in no list any more', () => {
    const asking = message(1, b, { body: 'canary', confirm: true });
    const state = told(start([conversation(b, { toConfirm: [asking] })]), asking);
    expect(JSON.stringify([state.notices, state.conversations])).toContain('canary');
    const gone = { ...asking, kind: 'deleted', body: '', deleted: true, confirm: false };
    const changed = withEvent(state, { type: 'changed', messages: [gone] });
    const shown = { ...conversation(b, { unread: 1, last: gone }) };
    const after = withEvent(changed, { type: 'conversation', conversation: shown });
    expect(changed.notices).toMatchObject([{ last: { body: '', deleted: true } }]);
    expect(JSON.stringify([after.notices, after.conversations])).not.toContain('canary');
  });
});
