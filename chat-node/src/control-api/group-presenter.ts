import {
  clockMs,
  type ConversationGroupView,
  type GroupChangeView,
  type GroupMemberView,
  type GroupView,
  type MuteLevel,
  type RosterOperation,
} from '@p2p-chat/shared';
import type { KnownPeer } from '../core/peers/peers.js';
import { type GroupConversation, isAmbiguousGroup } from '../core/roster/group-finder.js';

/** What the views of groups are made of. */
export interface GroupParts {
  /** Own peer id. */
  self: string;
  nameOf: (peerId: string) => string;
  peer: (peerId: string) => KnownPeer | undefined;
  groups: readonly GroupConversation[];
  /** The ids of everyone who is known. */
  ids: readonly string[];
  muteOf: (id: string) => MuteLevel;
}

/** @param lastClock of the last message; '' where there is none */
export function presentGroup(one: GroupConversation, parts: GroupParts, lastClock: string): GroupView {
  const { roster } = one.group;
  const last = lastClock > roster.lastClock ? lastClock : roster.lastClock;
  const { state, ambiguous, invitedBy } = presentConversationGroup(one, parts);
  return {
    id: one.id,
    name: roster.name ?? '',
    ambiguous,
    ...roster.policy,
    state,
    role: roster.members.get(parts.self)?.role ?? 'member',
    invitedBy,
    members: [...roster.members.keys()].map((peerId) => presentMember(one, peerId, parts)),
    mute: parts.muteOf(one.id),
    lastActivity: new Date(last === '' ? 0 : clockMs(last)).toISOString(),
  };
}

/** What a list of conversations says of a group. */
export function presentConversationGroup(
  one: GroupConversation,
  { self, nameOf, groups, ids }: GroupParts,
): ConversationGroupView {
  const { group } = one;
  const own = group.roster.members.get(self);
  const asked = own?.state === 'invited' ? own.addedBy : null;
  return {
    open: group.isOpen,
    state: own?.state ?? null,
    admin: own?.state === 'member' && own.role === 'admin',
    members: group.memberIds().length,
    ambiguous: isAmbiguousGroup(one, {
      groups,
      ownName: nameOf(self),
      ids: [self, ...ids],
      names: ids.map(nameOf),
    }),
    invitedBy: asked === null ? null : { peerId: asked, user: nameOf(asked) },
  };
}

function presentMember({ group }: GroupConversation, peerId: string, parts: GroupParts): GroupMemberView {
  const member = group.roster.members.get(peerId);
  const peer = parts.peer(peerId);
  const isSelf = peerId === parts.self;
  return {
    peerId,
    user: isSelf || peer !== undefined ? parts.nameOf(peerId) : (member?.user ?? ''),
    role: member?.role ?? 'member',
    state: member?.state ?? 'left',
    self: isSelf,
    online: isSelf || peer?.online === true,
    verified: peer?.verified ?? false,
    blocked: peer?.blocked ?? false,
    ambiguous: peer?.ambiguous ?? false,
    keyAlarm: peer !== undefined && peer.keyAlarm !== null,
    forked: group.roster.forks.has(peerId),
  };
}

/** A change of a roster. */
export function presentChange(
  { author, detail }: RosterOperation,
  nameOf: (peerId: string) => string,
): GroupChangeView {
  const person = 'person' in detail ? { person: detail.person, personUser: nameOf(detail.person) } : {};
  const name = 'name' in detail ? { name: detail.name } : {};
  return { kind: detail.kind, by: author, user: nameOf(author), ...person, ...name };
}
