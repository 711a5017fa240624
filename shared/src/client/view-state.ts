import type { ControlEvent } from '../control/events.js';
import type { FileView } from '../control/files.js';
import type { GroupView } from '../control/groups.js';
import type { ConversationView, MessageView, PeerView, ProfileView, StatusView } from '../control/views.js';

/** Whether the node can be heard. */
export type Connection = { state: 'connecting' } | { state: 'connected' } | { state: 'lost'; detail: string };

/** Messages that came while something else was on the screen: the last one of each conversation. */
export interface Notice {
  /** Id of the conversation. */
  conversation: string;
  last: MessageView;
  count: number;
}

/** All that the screens show, but for an open conversation's messages. */
export interface ViewState {
  connection: Connection;
  me: StatusView | null;
  /** What this user shows and has set. */
  profile: ProfileView | null;
  /** Who is writing in which conversation: `<conversation> <peer id>`. */
  typing: ReadonlySet<string>;
  /** Everyone known, by peer id. */
  peers: ReadonlyMap<string, PeerView>;
  /** The latest first. */
  conversations: readonly ConversationView[];
  /** Files that were told of since the screens were opened, by id. */
  files: ReadonlyMap<string, FileView>;
  /** The latest last. */
  notices: readonly Notice[];
  /** The conversation that is open: no notice is needed for it. */
  open: string | null;
  /** Whether the screen has the person's attention, as far as it tells. */
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
  files: new Map(),
  notices: [],
  open: null,
  attentive: true,
  flash: null,
};

/** Everything, as it was asked for at one moment. */
export interface Snapshot {
  me: StatusView;
  profile: ProfileView;
  peers: readonly PeerView[];
  conversations: readonly ConversationView[];
}

/** The state after everything was asked anew. */
export function withSnapshot(state: ViewState, { me, profile, peers, conversations }: Snapshot): ViewState {
  return {
    ...state,
    me,
    profile,
    typing: INITIAL_STATE.typing,
    peers: new Map(peers.map((peer) => [peer.peerId, peer])),
    conversations,
  };
}

/** The state after an event. */
export function withEvent(state: ViewState, event: ControlEvent): ViewState {
  switch (event.type) {
    case 'peer':
    case 'key-alarm':
      return withPeer(state, event.peer);
    case 'message':
      return event.messages.reduce(withMessage, state);
    case 'conversation':
      return withConversation(state, event.conversation);
    case 'typing':
      return withTyping(state, `${event.conversation} ${event.peerId}`, event.typing);
    case 'file':
      return { ...state, files: new Map(state.files).set(event.file.id, event.file) };
    case 'profile':
      return withProfile(state, event.profile);
    case 'state':
      return withMessageState(state, event);
    case 'changed':
      return event.messages.reduce(withChange, state);
    case 'removed':
      return { ...state, notices: state.notices.filter(({ last }) => !event.ids.includes(last.id)) };
    case 'reminder':
    case 'mention':
      return withNotice(state, event.message);
    case 'stopping':
      return { ...state, connection: { state: 'lost', detail: 'The node was ended.' } };
    case 'group':
      return withGroup(state, event.group);
    case 'history':
    case 'receipt':
    case 'listening':
    case 'resync':
      return state;
  }
}

/** The state after the user's profile changed. */
export function withProfile(state: ViewState, profile: ProfileView): ViewState {
  const me = state.me === null ? null : { ...state.me, user: profile.user };
  return { ...state, profile, me };
}

/** The state after the roster of a group changed. */
function withGroup(state: ViewState, group: GroupView): ViewState {
  const isShown = group.state !== null;
  const before = state.conversations.find(({ id }) => id === group.id);
  if (!isShown && before === undefined) return state;
  const { id, name, open, ambiguous, invitedBy, mute } = group;
  const isAdmin = group.state === 'member' && group.role === 'admin';
  const members = group.members.filter((member) => member.state === 'member').length;
  const known: ConversationView = before ?? { id, kind: 'group', name, unread: 0, last: null };
  const view = {
    ...known,
    name,
    mute,
    group: { open, state: group.state, admin: isAdmin, members, ambiguous, invitedBy },
  };
  const others = state.conversations.filter((one) => one.id !== id);
  return { ...state, conversations: inOrder([...others, view]) };
}

/** The state without the notices of a conversation. */
export function withoutNotices(state: ViewState, conversation: string): ViewState {
  const notices = state.notices.filter((notice) => notice.conversation !== conversation);
  return notices.length === state.notices.length ? state : { ...state, notices };
}

/** The state after a peer changed. */
export function withPeer(state: ViewState, peer: PeerView): ViewState {
  const before = state.peers.get(peer.peerId);
  // Only what was decided about a person changes which messages count. Otherwise
  // the peer's number may have messages in it whose events are still to come.
  const isDecision = before?.trust !== peer.trust || before.blocked !== peer.blocked;
  return {
    ...state,
    peers: new Map(state.peers).set(peer.peerId, peer),
    conversations: state.conversations.map((one) =>
      one.peerId === peer.peerId
        ? { ...one, peer, name: peer.user, unread: isDecision ? peer.unread : one.unread }
        : one,
    ),
  };
}

/** The state after the node told anew what the list shows of a conversation. */
export function withConversation(state: ViewState, conversation: ConversationView): ViewState {
  const others = state.conversations.filter(({ id }) => id !== conversation.id);
  const { peer } = conversation;
  const peers = peer === undefined ? state.peers : new Map(state.peers).set(peer.peerId, peer);
  return { ...state, peers, conversations: inOrder([...others, conversation]) };
}

/** The order of messages in a conversation: clock, then author, then id. */
export function compareMessages(a: MessageView, b: MessageView): number {
  return compare(a.clock, b.clock) || compare(a.author, b.author) || compare(a.id, b.id);
}

/** Whether the person wants to be told of a message that came, wherever they look. @param calls whether it is for them by name: a mention, or a reminder */
export function isNotified(state: ViewState, message: MessageView, calls = false): boolean {
  const { direction, change, conversation, author, state: read } = message;
  // Who has read a message may still be reminded of it.
  if (direction === 'out' || change !== undefined || (read === 'read' && !calls)) return false;
  if (state.profile?.presence === 'dnd' || state.peers.get(author)?.blocked === true) return false;
  return !isMuted(state, message, calls) && isWelcome(state, conversation);
}

/** Whether the person does not want to hear of a message of its conversation. */
function isMuted(state: ViewState, { conversation, mentions = [] }: MessageView, calls: boolean): boolean {
  const { mute = 'all' } = conversationOf(state, conversation) ?? {};
  return mute === 'off' || (mute === 'mentions' && !calls && !mentions.includes(state.me?.peerId ?? ''));
}

/** Whether somebody may disturb: not a person who is blocked or has only asked to write. */
export function isWelcome(state: ViewState, conversation: string): boolean {
  const peer = peerOf(state, conversation);
  return peer === undefined || (!peer.blocked && peer.request === null);
}

/** The other person of a direct conversation. */
export function peerOf(state: ViewState, conversation: string): PeerView | undefined {
  for (const peer of state.peers.values()) if (peer.conversation === conversation) return peer;
  return undefined;
}

/** A conversation of the list. */
export function conversationOf(state: ViewState, id: string): ConversationView | undefined {
  return state.conversations.find((one) => one.id === id);
}

/** Peer ids of those who are writing in a conversation. */
export function typingIn(state: ViewState, conversation: string): string[] {
  return [...state.typing].filter((key) => key.startsWith(`${conversation} `)).map((key) => key.slice(-52));
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

/** Groups that somebody asks the person to come to: they wait beside those who want to write. */
export function invitations(state: ViewState): ConversationView[] {
  return state.conversations.filter(({ group }) => group?.state === 'invited' && group.invitedBy !== null);
}

/** Other keys under names of people who are known, whose alarms stand; by name. */
export function keyAlarms(state: ViewState): PeerView[] {
  return byName([...state.peers.values()].filter((peer) => peer.keyAlarm !== null));
}

/** Messages that were not read, in all. */
export function totalUnread(state: ViewState): number {
  return state.conversations.reduce(
    (sum, { peer, unread }) => (peer?.blocked === true ? sum : sum + unread),
    0,
  );
}

/** The conversation whose unread messages wait longest. @param except one that is not meant */
export function nextUnread(state: ViewState, except?: string): string | undefined {
  const waiting = state.conversations.filter(
    ({ id, peer, unread }) => unread > 0 && peer?.blocked !== true && id !== except,
  );
  return waiting.at(-1)?.id;
}

function withMessage(state: ViewState, message: MessageView): ViewState {
  return withNotice(withLast(state, message), message);
}

/** The list of conversations after a message: its last one, and how many are unread. */
function withLast(state: ViewState, message: MessageView): ViewState {
  const known = conversationOf(state, message.conversation) ?? newConversation(state, message.conversation);
  if (known === undefined) return state;
  // What the list was asked for after has been counted by the node.
  if (known.last !== null && compareMessages(message, known.last) <= 0) return state;
  const counts = message.direction === 'in' && message.state !== 'read' && message.request !== true;
  const unread = known.unread + (counts && known.peer?.blocked !== true ? 1 : 0);
  const others = state.conversations.filter(({ id }) => id !== known.id);
  return { ...state, conversations: inOrder([...others, { ...known, unread, last: message }]) };
}

function newConversation(state: ViewState, id: string): ConversationView | undefined {
  const peer = peerOf(state, id);
  if (peer === undefined) return undefined;
  return { id, kind: 'direct', name: peer.user, peerId: peer.peerId, peer, unread: 0, last: null };
}

function withMessageState(state: ViewState, event: ControlEvent<'state'>): ViewState {
  const known = conversationOf(state, event.conversation);
  if (!known?.last || !event.ids.includes(known.last.id)) return state;
  const last = { ...known.last, state: event.state };
  return {
    ...state,
    conversations: state.conversations.map((one) => (one === known ? { ...one, last } : one)),
  };
}

/** What is shown of a message elsewhere follows what it says: nothing of a deleted one stays. */
function withChange(state: ViewState, message: MessageView): ViewState {
  const now = (one: MessageView): MessageView => (one.id === message.id ? message : one);
  return {
    ...state,
    notices: state.notices.map((notice) => ({ ...notice, last: now(notice.last) })),
    conversations: state.conversations.map((one) =>
      one.last === null ? one : { ...one, last: now(one.last) },
    ),
  };
}

function withTyping(state: ViewState, key: string, isTyping: boolean): ViewState {
  const typing = new Set(state.typing);
  if (isTyping) typing.add(key);
  else typing.delete(key);
  return { ...state, typing };
}

function withNotice(state: ViewState, message: MessageView): ViewState {
  const { conversation } = message;
  const isQuiet =
    message.direction === 'out' ||
    message.change !== undefined ||
    conversation === state.open ||
    isMuted(state, message, false);
  if (isQuiet || state.peers.get(message.author)?.blocked === true) return state;
  const count = (state.notices.find((notice) => notice.conversation === conversation)?.count ?? 0) + 1;
  const others = state.notices.filter((notice) => notice.conversation !== conversation);
  return { ...state, notices: [...others, { conversation, last: message, count }] };
}

function inOrder(conversations: ConversationView[]): ConversationView[] {
  return conversations.sort((a, b) => compare(b.last?.clock ?? '', a.last?.clock ?? ''));
}

function byName(peers: PeerView[]): PeerView[] {
  return peers.sort((a, b) => a.user.localeCompare(b.user) || compare(a.peerId, b.peerId));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
