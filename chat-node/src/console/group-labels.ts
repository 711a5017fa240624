import {
  type GroupChangeView,
  type GroupMemberView,
  type GroupView,
  type HistoryPolicy,
  type MessageView,
  type MuteLevel,
  safeLine,
  shortPeerId,
} from '@p2p-chat/shared';
import { count, FORKED, localDay, peerLabel, timeOfDay } from './labels.js';

/** How a group is called: by its name, with the beginning of its id where something else shows the same name. */
export function groupLabel({ id, name, ambiguous }: Pick<GroupView, 'id' | 'name' | 'ambiguous'>): string {
  const label = safeLine(name);
  return ambiguous ? `${label} (${shortPeerId(id)})` : label;
}

/** What a list says beside the name of a group. */
export function groupRemark({
  state,
  invitedBy,
  members,
  open,
  lastActivity,
}: Pick<GroupView, 'state' | 'invitedBy' | 'members' | 'open' | 'lastActivity'>): string {
  const inAll = count(members.filter((one) => one.state === 'member').length, 'member');
  // Of a room it says whether it is worth going in.
  const isIn = open ? `${inAll} · last active ${localDay(lastActivity)} ${timeOfDay(lastActivity)}` : inAll;
  switch (state) {
    case 'invited':
      return invitedBy === null ? 'you wait for a place' : `${safeLine(invitedBy.user)} asks you to come`;
    case 'left':
      return 'you have left';
    case 'removed':
      return 'you were removed';
    case 'member':
    case null:
      return isIn;
  }
}

/** What newcomers get of what was written before them. */
export function historyLabel(history: HistoryPolicy): string {
  if (history === 'join') return 'what is written from then on';
  if (history === 'all') return 'all of the history';
  return history === 1 ? 'the last day' : `the last ${history} days`;
}

/** What notifies of a conversation. */
export const MUTE_LABELS: Record<MuteLevel, string> = {
  all: 'every message',
  mentions: 'messages that mention you',
  off: 'nothing',
};

/** Somebody in a list of members. */
export function memberLabel(member: GroupMemberView): string {
  return member.self ? `${safeLine(member.user)} (you)` : peerLabel(member);
}

/** What belongs beside the name of a member. */
export function memberRemark(member: GroupMemberView): string {
  return [
    ...(member.role === 'admin' ? ['admin'] : []),
    ...(member.state === 'member' ? [] : [member.state]),
    ...(member.verified ? ['verified'] : []),
    ...(member.blocked ? ['BLOCKED'] : []),
    ...(member.keyAlarm ? ['OTHER KEY'] : []),
    ...(member.forked ? [FORKED] : []),
  ].join(', ');
}

/** A change of a roster, as a quiet line. */
export function changeLine({ kind, user, personUser = '', name = '' }: GroupChangeView): string {
  const [by, person] = [safeLine(user), safeLine(personUser)];
  switch (kind) {
    case 'found':
      return `${by} made ${safeLine(name)}`;
    case 'add':
      return `${by} added ${person}`;
    case 'accept':
    case 'join':
      return `${by} came in`;
    case 'decline':
      return `${by} declined`;
    case 'leave':
      return `${by} left`;
    case 'remove':
      return `${by} removed ${person}`;
    case 'promote':
      return `${by} made ${person} an admin`;
    case 'demote':
      return `${by} made ${person} a member like any other`;
    case 'rename':
      return `${by} called it ${safeLine(name)}`;
    case 'policy':
      return `${by} changed what newcomers get`;
    case 'fork':
      return `${person} signed two messages as one: both are hidden, and what followed them there`;
  }
}

/** What has become of a message of one's own in a group; empty of another one. */
export function recipientsLabel({ recipients, delivered = [], read = [] }: MessageView): string {
  if (recipients === undefined) return '';
  if (recipients.length === 0) return 'nobody else was in';
  const seen = read.length > 0 ? `, read by ${read.length}` : '';
  return `delivered to ${delivered.length} of ${recipients.length}${seen}`;
}
