import type { GroupPolicy, HistoryPolicy } from '../protocol/roster-operation.js';
import type { MemberRole, MemberState } from '../protocol/roster.js';

/** What notifies the person here: every message, those that name them, or none. */
export type MuteLevel = 'all' | 'mentions' | 'off';
export const MUTE_LEVELS: readonly MuteLevel[] = ['all', 'mentions', 'off'];

/** Somebody whom the roster of a group names. */
export interface GroupMemberView {
  peerId: string;
  user: string;
  role: MemberRole;
  /** `invited` also of who has to wait because the group is full. */
  state: MemberState;
  /** Whether it is the user of this node. */
  self: boolean;
  online: boolean;
  verified: boolean;
  blocked: boolean;
  /** Whether another known person shows the same name, or one that looks like it. */
  ambiguous: boolean;
  /** Whether this key shows the name of somebody known, and nobody has seen that. */
  keyAlarm: boolean;
  /** Whether it is proven that they signed two messages as one. */
  forked: boolean;
}

/** A change of a group's roster. */
export interface GroupChangeView {
  kind:
    | 'found'
    | 'add'
    | 'accept'
    | 'decline'
    | 'join'
    | 'leave'
    | 'remove'
    | 'promote'
    | 'demote'
    | 'rename'
    | 'policy'
    /** The person signed two messages as one: what they wrote there from then on is hidden. */
    | 'fork';
  /** Peer id and name of who made it. */
  by: string;
  user: string;
  /** Whom it is about, where that is somebody else. */
  person?: string;
  personUser?: string;
  /** Of `found` and `rename`. */
  name?: string;
}

/** A group or an open room. */
export interface GroupView extends GroupPolicy {
  /** Of its conversation. */
  id: string;
  /** As its admins wrote it: not safe for a terminal. */
  name: string;
  /** Whether another group, or a person, shows the same name, or one that looks like it. */
  ambiguous: boolean;
  /** What the user of this node is in it; null in a room that they have not entered. */
  state: MemberState | null;
  role: MemberRole;
  /** Of an invitation: who asked. */
  invitedBy: { peerId: string; user: string } | null;
  members: GroupMemberView[];
  mute: MuteLevel;
  /** When something was written or changed there last, as far as it is known here. */
  lastActivity: string;
}

export interface CreateGroupRequest {
  name: string;
  /** Peer ids, their short forms, or unambiguous names. */
  people?: string[];
  /** What newcomers get of what was written before; `join` without it, of a room `all`. */
  history?: HistoryPolicy;
  /** An open room. */
  open?: boolean;
}

/** What is to be changed; the rest stays. */
export interface GroupChange {
  name?: string;
  history?: HistoryPolicy;
}

export interface MuteRequest {
  level: MuteLevel;
}

export interface MuteView {
  /** Of the conversation. */
  id: string;
  mute: MuteLevel;
}
