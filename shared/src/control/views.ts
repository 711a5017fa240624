import type { PresenceState } from '../protocol/frames.js';
import type { MemberState } from '../protocol/roster.js';
import type { OfferedFileView } from './files.js';
import type { GroupChangeView, MuteLevel } from './groups.js';

/** `queued`: durable here. `delivered`: durable at the other node. `read`: seen by the other person. */
export type MessageState = 'queued' | 'delivered' | 'read';
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
  /** What is wrong at the moment, beside discovery. */
  problems: ProblemView[];
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
  /** Id of the conversation with this person. */
  conversation: string;
  /** Where it was last seen; null where that is not known. */
  host: string | null;
  port: number | null;
  online: boolean;
  blocked: boolean;
  verified: boolean;
  /** `contact`: somebody here wrote to it or accepted it. `stranger`: neither. */
  trust: 'contact' | 'stranger';
  /**
   * Of a stranger who wrote: how many messages wait to be accepted or blocked.
   * 0 if the first is longer than one of a stranger may be: it waits at its sender.
   */
  request: { messages: number } | null;
  /** Messages that were not read, 1,000 at most; those of a request are not counted. */
  unread: number;
  /** Who says that it is online. */
  sources: string[];
  /** Whether another known peer shows the same name, or one that looks like it: then the short id belongs beside it. */
  ambiguous: boolean;
  /** The person whose name this other key shows, or one that looks like it, until that was seen. */
  keyAlarm: KeyAlarmView | null;
  /** Whether it signed two messages as one in the conversation with this node: the first one stays. */
  forked?: true;
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

/** Somebody known, whose name another key shows now. */
export interface KeyAlarmView {
  peerId: string;
  user: string;
  blocked: boolean;
  /** Whether the safety number of the known key was compared. The other one's was not. */
  verified: boolean;
}

export interface ReceiptTimeView {
  peerId: string;
  delivered?: string;
  read?: string;
}

export interface MessageView {
  /** The same at every member. */
  id: string;
  /** Id of its conversation. */
  conversation: string;
  /** Peer id of who wrote it. */
  author: string;
  /** What the author is called. */
  user: string;
  direction: Direction;
  /** `text`; `unreadable`; or a kind that a later version knows, by its own name. */
  kind: string;
  /** The text of a `text`; '' of the others. */
  body: string;
  sentAt: string;
  /** When it was saved here; null for one's own. */
  receivedAt: string | null;
  state: MessageState;
  /** Its hybrid logical clock, 16 hexadecimal digits. A conversation is ordered by clock, then author, then id. */
  clock: string;
  /** Of a `file`: the words beside it, where there are any. */
  caption?: string;
  /** Of a `file`: what it offers. */
  files?: OfferedFileView[];
  /** Of one's own in a group: the members for whom it was written. */
  recipients?: string[];
  /** Those of them at whose nodes it is durable. */
  delivered?: string[];
  /** Those of them who have seen it, as far as they say. */
  read?: string[];
  /** When this node learnt, to the minute, who has it and who has read it; of the latest ones. */
  receiptTimes?: ReceiptTimeView[];
  /** Of a `roster`, which is no message but a line among them: what has changed in the group. */
  change?: GroupChangeView;
  /** Whether a blocked member of a group wrote it: it is folded away. */
  blocked?: true;
  /** Whether a stranger wrote it who waits to be accepted. */
  request?: true;
  /** Whether its author has changed it: `body` is what it says now. */
  edited?: boolean;
  /** Whether it was deleted for everybody: its kind is `deleted`, its body ''. */
  deleted?: boolean;
  /** Of one that was deleted here: how many were asked to erase it, and how many have. */
  deletion?: { asked: number; done: number };
  /** Id of the message that it answers; null where it answers none. */
  replyTo?: string | null;
  /** The message that it answers, as it is now; null where that is not here. */
  quote?: QuoteView | null;
  /** In the order in which each came first. `by` are peer ids. */
  reactions?: ReactionView[];
  /** Peer ids of those whom it calls. */
  mentions?: string[];
  /** Whether it asks its readers to confirm it. */
  confirm?: boolean;
  /** Who has confirmed it. */
  confirmed?: ConfirmedView[];
}

export interface ReactionView {
  emoji: string;
  by: string[];
}

/** A message that another one answers. */
export interface QuoteView {
  id: string;
  author: string;
  /** What the author is called. */
  user: string;
  /** All of the text; '' where it has none. */
  body: string;
  deleted: boolean;
}

/** Somebody in a list of confirmations. */
export interface PersonView {
  peerId: string;
  user: string;
}

export interface ConfirmedView extends PersonView {
  /** When, by their own clock. */
  at: string;
}

/** What has become of a message that asks to be confirmed: each other member is in one list. */
export interface ConfirmationsView {
  confirmed: ConfirmedView[];
  /** Have seen it. */
  read: PersonView[];
  /** Their nodes have it. */
  delivered: PersonView[];
  /** It has not reached them. */
  missing: PersonView[];
}

/** What a message said from a time on. */
export interface VersionView {
  body: string;
  /** By its author's clock. */
  at: string;
}

/** The entry that says what was done with a message. */
export interface ActionResult {
  /** Of the entry; of what is hidden, the message's. */
  id: string;
  conversation: string;
  author: string;
  /** Id of the message. */
  target: string;
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
  id: string;
  kind: 'direct' | 'group';
  /** What the other person, or the group, is called. */
  name: string;
  /** Of a direct conversation: the other person's peer id. */
  peerId?: string;
  /** Of a direct conversation: the other person. */
  peer?: PeerView;
  /** Of a group. */
  group?: ConversationGroupView;
  /** What notifies the person here; absent where every message does. */
  mute?: MuteLevel;
  /** Messages that were not read, 1,000 at most; those of a request are not counted. */
  unread: number;
  last: MessageView | null;
  /** Messages that the user is asked to confirm and has not, oldest first. */
  toConfirm?: MessageView[];
}

/** What a list of conversations says of a group. */
export interface ConversationGroupView {
  open: boolean;
  /** What the user of this node is in it; null in a room that they have not entered. */
  state: MemberState | null;
  /** Whether they may decide who is in, and delete what others wrote. */
  admin: boolean;
  /** Members, this node's user included. */
  members: number;
  /** Whether a person, or another group, shows a name that looks like its own. */
  ambiguous: boolean;
  /** Of an invitation: who asked. */
  invitedBy: { peerId: string; user: string } | null;
}

/** Somebody who reads and writes in a conversation. */
export interface MemberView {
  peerId: string;
  user: string;
  /** Whether it is the user of this node. */
  self: boolean;
  /** False where they let nobody know what they read, as far as is known now. */
  receipts?: false;
}

export interface SendResult {
  id: string;
  conversation: string;
  author: string;
  state: MessageState;
}

/** Messages of a stream that were accepted together, in order. */
export interface AcceptedMessages {
  conversation: string;
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

export interface ReadResult {
  read: number;
}
