import type {
  ControlEvent,
  ConversationView,
  MessageView,
  PeerView,
  ProfileView,
  StatusView,
} from '@p2p-chat/shared';

/** Whether the node can be heard. */
export type Connection = { state: 'connecting' } | { state: 'connected' } | { state: 'lost'; detail: string };

/** Messages that came while something else was on the screen: the last one of each person. */
export interface Notice {
  peerId: string;
  last: MessageView;
  count: number;
}

/** All that the screens show, but for an open conversation's messages. */
export interface ViewState {
  connection: Connection;
  me: StatusView | null;
  /** What this user shows and has set. */
  profile: ProfileView | null;
  /** Who is writing to this user, by peer id. */
  typing: ReadonlySet<string>;
  /** Everyone known, by peer id. */
  peers: ReadonlyMap<string, PeerView>;
  /** The latest first. */
  conversations: readonly ConversationView[];
  /** The latest last. */
  notices: readonly Notice[];
  /** Whose conversation is open: no notice is needed for it. */
  open: string | null;
  /** Whether the terminal has the person's attention, as far as it tells. */
  attentive: boolean;
  /** What became of the last choice, until the next one. */
  flash: string | null;
}

export const INITIAL_STATE: ViewState = {
  connection: { state: 'connecting' },
  me: null,
  profile: null,
  typing: new Set(),
  peers: new Map(),
  conversations: [],
  notices: [],
  open: null,
  attentive: true,
  flash: null,
};

/** The state after everything was asked anew. */
export function withSnapshot(
  state: ViewState,
  snapshot: {
    me: StatusView;
    profile: ProfileView;
    peers: readonly PeerView[];
    conversations: readonly ConversationView[];
  },
): ViewState {
  return {
    ...state,
    me: snapshot.me,
    profile: snapshot.profile,
    typing: INITIAL_STATE.typing,
    peers: new Map(snapshot.peers.map((peer) => [peer.peerId, peer])),
    conversations: snapshot.conversations,
  };
}

/** The state after the conversations were asked anew. */
export function withConversations(state: ViewState, conversations: readonly ConversationView[]): ViewState {
  const peers = new Map(state.peers);
  for (const { peer } of conversations) peers.set(peer.peerId, peer);
  return { ...state, peers, conversations };
}

/** The state after an event. */
export function withEvent(state: ViewState, event: ControlEvent): ViewState {
  switch (event.type) {
    case 'peer':
    case 'key-alarm':
      return withPeer(state, event.peer);
    case 'message':
      return event.messages.reduce(withNotice, state);
    case 'typing':
      return withTyping(state, event.peerId, event.typing);
    case 'profile':
      return withProfile(state, event.profile);
    case 'stopping':
      return { ...state, connection: { state: 'lost', detail: 'The node was ended.' } };
    case 'state':
    case 'history':
    case 'resync':
      return state;
  }
}

/** The state after the user's profile changed. */
export function withProfile(state: ViewState, profile: ProfileView): ViewState {
  const me = state.me === null ? null : { ...state.me, user: profile.user };
  return { ...state, profile, me };
}

function withTyping(state: ViewState, peerId: string, isTyping: boolean): ViewState {
  const typing = new Set(state.typing);
  if (isTyping) typing.add(peerId);
  else typing.delete(peerId);
  return { ...state, typing };
}

/** The state without the notices of a person. */
export function withoutNotices(state: ViewState, peerId: string): ViewState {
  const notices = state.notices.filter((notice) => notice.peerId !== peerId);
  return notices.length === state.notices.length ? state : { ...state, notices };
}

/** The state after a peer changed. */
export function withPeer(state: ViewState, peer: PeerView): ViewState {
  return {
    ...state,
    peers: new Map(state.peers).set(peer.peerId, peer),
    conversations: state.conversations.map((one) =>
      one.peer.peerId === peer.peerId ? { ...one, peer } : one,
    ),
  };
}

function withNotice(state: ViewState, message: MessageView): ViewState {
  const { peerId } = message;
  if (message.direction === 'out' || peerId === state.open || state.peers.get(peerId)?.blocked === true)
    return state;
  const count = (state.notices.find((notice) => notice.peerId === peerId)?.count ?? 0) + 1;
  const others = state.notices.filter((notice) => notice.peerId !== peerId);
  return { ...state, notices: [...others, { peerId, last: message, count }] };
}

/** Whether somebody may disturb: not who is blocked or has only asked to write. */
export function isWelcome(state: ViewState, peerId: string): boolean {
  const peer = state.peers.get(peerId);
  return peer === undefined || (!peer.blocked && peer.request === null);
}

/** Everyone who is online, by name. */
export function onlinePeers(state: ViewState): PeerView[] {
  return byName([...state.peers.values()].filter((peer) => peer.online));
}

/** Everyone known, by name. */
export function knownPeers(state: ViewState): PeerView[] {
  return byName([...state.peers.values()]);
}

/** Strangers who want to write, by name. */
export function requests(state: ViewState): PeerView[] {
  return byName([...state.peers.values()].filter((peer) => peer.request !== null));
}

/** Other keys under names of people who are known, that nobody has seen yet; by name. */
export function keyAlarms(state: ViewState): PeerView[] {
  return byName([...state.peers.values()].filter((peer) => peer.keyAlarm !== null));
}

/** Messages that were not read, in all. */
export function totalUnread(state: ViewState): number {
  return state.conversations.reduce((sum, { peer, unread }) => (peer.blocked ? sum : sum + unread), 0);
}

/** Who wrote first of those whose messages were not read: the peer id. @param except somebody who is not meant */
export function nextUnread(state: ViewState, except?: string): string | undefined {
  const waiting = state.conversations.filter(
    ({ peer, unread }) => unread > 0 && !peer.blocked && peer.peerId !== except,
  );
  return waiting.at(-1)?.peer.peerId;
}

function byName(peers: PeerView[]): PeerView[] {
  return peers.sort((a, b) => a.user.localeCompare(b.user) || (a.peerId < b.peerId ? -1 : 1));
}
