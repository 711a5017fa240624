/*
 * The control contract of a chat node: HTTP on loopback with a bearer token,
 * events as SSE. Times are ISO 8601 in UTC. `:peer` is a peer id, its short
 * form, or a name that is unambiguous, URL-encoded.
 */

import type { PresenceState } from '../wire/messages.js';

/** The file in the profile's data directory by which a client finds the node (mode 0600). */
export const CONTROL_FILE = 'run/control.json';

/** Content of {@link CONTROL_FILE}. */
export interface ControlFile {
  port: number;
  token: string;
  pid: number;
  peerId: string;
  user: string;
}

export const CONTROL_ROUTES = {
  /** GET -> StatusView */
  status: '/api/status',
  /** GET `?all=true` -> PeerView[] */
  peers: '/api/peers',
  /** GET -> PeerView */
  peer: (peer: string) => `/api/peers/${encodeURIComponent(peer)}`,
  /** GET `?limit&before&after` -> MessageView[], oldest first. POST SendRequest -> 201 SendResult */
  messages: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/messages`,
  /**
   * POST NDJSON, each line a JSON string that is one body, in order; answers
   * NDJSON of StreamResult while the lines are read. For many messages.
   */
  messageStream: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/messages/stream`,
  /** POST ReadRequest -> ReadResult */
  read: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/read`,
  /** PUT: the person is a contact from now on; `:peer` may be the whole peer id of somebody unknown -> PeerView */
  accept: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/accept`,
  /** PUT blocks, DELETE unblocks -> PeerView */
  block: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/block`,
  /** GET -> SafetyNumberView */
  safetyNumber: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/safety-number`,
  /** PUT: the safety number was compared and is the same; DELETE takes that back -> PeerView */
  verified: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/verified`,
  /** POST -> 204: a person is writing to the peer, who is told where the settings allow it */
  typing: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/typing`,
  /** GET -> ProfileView. PATCH ProfileChange -> ProfileView */
  profile: '/api/profile',
  /** POST ActivityRequest -> 204: whether somebody is at the keys of a console */
  activity: '/api/activity',
  /** POST `{messages: ImportedMessage[]}`, 1,000 at most -> ImportResult; 422 where one is malformed, and then none is imported */
  import: '/api/import',
  /** GET `?text&peer&limit&before` -> FoundMessageView[], the one that was saved last first; see docs/commands.md for what matches */
  search: '/api/search',
  /** DELETE: somebody has seen that this key shows the name of another one -> PeerView */
  keyAlarm: (peer: string) => `/api/peers/${encodeURIComponent(peer)}/key-alarm`,
  /** GET -> ConversationView[], latest first */
  conversations: '/api/conversations',
  /** GET `?types` (separated by commas; all where it is missing) -> SSE of ControlEvent; `Last-Event-ID` resumes */
  events: '/api/events',
  /** POST DiagnosisRequest -> NDJSON of DiagnosisLine, as the hops are looked at */
  diagnosis: '/api/diagnosis',
  /** POST -> 202; withdraws, says bye and ends the node */
  logout: '/api/logout',
} as const;

/** `queued`: durable here. `delivered`: durable at the other node. `read`: seen by the other person. `failed`: refused for good. */
export type MessageState = 'queued' | 'delivered' | 'read' | 'failed';
export type Direction = 'in' | 'out';

/** Health of one way to find peers. */
export interface DiscoverySourceView {
  /** `http://192.0.2.7:7777`, `static`, `last-known`, … */
  source: string;
  state: 'starting' | 'ok' | 'failing' | 'off';
  /** For a person: what was found, or what is wrong and what to do. */
  detail: string;
}

/** Something that a person should see to. */
export interface ProblemView {
  /** For programs: `storage-full`, `network-absent`, … */
  code: string;
  detail: string;
  /** What to do; may be empty. */
  hint: string;
}

export interface StatusView {
  peerId: string;
  user: string;
  peerPort: number;
  controlPort: number;
  storage: 'sqlite' | 'mongodb';
  discovery: DiscoverySourceView[];
  /** Open links to peers. */
  links: number;
  outbox: { queued: number };
  /** What is wrong at the moment, beside discovery; absent from older nodes. */
  problems?: ProblemView[];
  /** Strangers who wrote and were neither accepted nor blocked. */
  requests: number;
  /** Keys that show the name of somebody known, and nobody has seen it: `keyAlarm` of the peers. */
  keyAlarms: number;
  /** The profile's data directory. */
  home: string;
  pid: number;
  version: string;
}

export interface PeerView {
  peerId: string;
  user: string;
  /** Where it was last seen; null where that is not known. */
  host: string | null;
  port: number | null;
  online: boolean;
  blocked: boolean;
  verified: boolean;
  /** `contact`: somebody here wrote to it or accepted it. `stranger`: neither. */
  trust: 'contact' | 'stranger';
  /**
   * Where a stranger wrote: how many messages wait to be accepted or blocked.
   * 0 where the first is longer than one of a stranger may be: it waits at its sender.
   */
  request: { messages: number } | null;
  /** Messages that were not read; those of a request are not counted. */
  unread: number;
  /** Who says that it is online. */
  sources: string[];
  /** Whether another known peer shows the same name, or one that looks like it: then the short id belongs beside it. */
  ambiguous: boolean;
  /** The person whose name this other key shows, or one that looks like it, until that was seen. */
  keyAlarm: KeyAlarmView | null;
  /** How they are; absent where they are offline. */
  presence?: PresenceState;
  /** The text they show; absent where there is none. */
  status?: string;
}

/** What the user of this node shows and has set. */
export interface ProfileView {
  peerId: string;
  user: string;
  /** As it was set by hand. */
  presence: PresenceState;
  /** What others see: `away` also where nobody was at the keys for a while. */
  shown: PresenceState;
  /** A short text for others to see; may be empty. */
  status: string;
  /** Whether others are told what was read here. */
  receipts: boolean;
  /** Whether others are told that something is being written to them. */
  typing: boolean;
  /** Where the peer gateway can be reached, `host:port`. */
  addresses: string[];
  /** What cannot be changed here, and the variable of the environment that sets it. */
  fixed: { setting: ProfileSetting; variable: string }[];
}

export type ProfileSetting = 'receipts' | 'typing';

/** What is to be changed; the rest stays. */
export interface ProfileChange {
  user?: string;
  presence?: PresenceState;
  status?: string;
  receipts?: boolean;
  typing?: boolean;
}

export interface ActivityRequest {
  /** Nobody has pressed a key for a while. */
  idle: boolean;
}

/** Somebody known, whose name another key shows now. */
export interface KeyAlarmView {
  peerId: string;
  user: string;
  blocked: boolean;
  /** Whether the safety number of the known key was compared. The other one's was not. */
  verified: boolean;
}

export interface MessageView {
  id: string;
  direction: Direction;
  /** The other person of the conversation. */
  peerId: string;
  /** Who wrote it, as a name. */
  user: string;
  body: string;
  sentAt: string;
  /** When it was saved here; null for one's own. */
  receivedAt: string | null;
  state: MessageState;
  /** Why, where the state is `failed`. */
  reason?: string;
  /** Whether a stranger wrote it who waits to be accepted. */
  request?: true;
  /** Its hybrid logical clock: 16 hexadecimal digits by which a conversation is ordered. */
  clock?: string;
}

/** What became of messages that were imported. */
export interface ImportResult {
  imported: number;
  /** How many were there already. */
  known: number;
}

/** A message that a search found, and what was said before and after it. */
export interface FoundMessageView extends MessageView {
  previous: MessageView | null;
  next: MessageView | null;
}

export interface ConversationView {
  peer: PeerView;
  /** As the peer's. */
  unread: number;
  last: MessageView | null;
}

export interface SendRequest {
  body: string;
}

export interface SendResult {
  id: string;
  peerId: string;
  state: MessageState;
}

/** Messages of a stream that were accepted together, in order. */
export interface AcceptedMessages {
  peerId: string;
  state: MessageState;
  ids: string[];
}

/** A line of the answer to a message stream: either the next messages were accepted, or it ends with a problem. */
export type StreamResult =
  | { accepted: AcceptedMessages }
  | {
      error: { code: string; detail: string; hint?: string; /** Lines accepted before. */ accepted: number };
    };

/** What two people compare to know that nobody is in between. */
export interface SafetyNumberView {
  peerId: string;
  user: string;
  /** 12 groups of 5 digits, the same on both sides. */
  safetyNumber: string;
  verified: boolean;
}

export interface ReadRequest {
  /** The last message that was seen; without it, all. */
  upTo?: string;
}

export interface ReadResult {
  read: number;
}

/** Events, by the `event` field of the SSE message; `data` is the rest. */
export type ControlEvent =
  /** Messages were saved, incoming or outgoing. */
  | { type: 'message'; messages: MessageView[] }
  /** These messages have a new state. */
  | { type: 'state'; peerId: string; state: MessageState; ids: string[]; reason?: string }
  /** Earlier messages were imported into the conversation with this peer, anywhere in it. */
  | { type: 'history'; peerId: string }
  /** Another key shows the name of somebody known; `peer.keyAlarm` says whose. */
  | { type: 'key-alarm'; peer: PeerView }
  /** A peer came, went or changed. */
  | { type: 'peer'; peer: PeerView }
  /** A person writes to this user, or stopped. Nothing of it is kept. */
  | { type: 'typing'; peerId: string; typing: boolean }
  /** What the user of this node shows or has set was changed. */
  | { type: 'profile'; profile: ProfileView }
  /** Events were missed that cannot be sent again: ask for everything anew. */
  | { type: 'resync' }
  /** The node ends. */
  | { type: 'stopping' };
