import { type GroupView, type HistoryPolicy, type MuteLevel, shortPeerId } from '@p2p-chat/shared';
import {
  groupLabel,
  groupRemark,
  historyLabel,
  memberLabel,
  memberRemark,
  MUTE_LABELS,
} from '../console/group-labels.js';
import { note, print, printJson, type Io } from './io.js';
import { profileClient, type ProfileFlags } from './profile-client.js';

export interface GroupFlags extends ProfileFlags {
  json?: boolean;
}

export interface CreateGroupFlags extends GroupFlags {
  history?: HistoryPolicy;
}

/** `group create`, `room create`. */
export async function createGroup(
  io: Io,
  name: string,
  people: readonly string[],
  open: boolean,
  flags: CreateGroupFlags,
): Promise<void> {
  const history = flags.history === undefined ? {} : { history: flags.history };
  const body = { name, people: [...people], open, ...history };
  const group = await profileClient(io, flags).createGroup(body, io.interruption());
  await show(io, group, flags, `${groupLabel(group)} is made: ${shortPeerId(group.id)}`);
}

/** `group list`, `room list`. @param open rooms, or groups */
export async function listGroups(io: Io, open: boolean, flags: GroupFlags): Promise<void> {
  const groups = await profileClient(io, flags).groups(open, io.interruption());
  for (const group of groups) {
    if (flags.json === true) await printJson(io, group);
    else await print(io, `${shortPeerId(group.id)}  ${groupLabel(group)}  ${groupRemark(group)}\n`);
  }
  if (groups.length === 0 && flags.json !== true)
    note(io, open ? 'There are no rooms.' : 'There are no groups.');
}

/** `group members`: one row for each person. */
export async function groupMembers(io: Io, name: string, flags: GroupFlags): Promise<void> {
  const { members } = await profileClient(io, flags).group(name, io.interruption());
  for (const member of members) {
    if (flags.json === true) await printJson(io, member);
    else await print(io, `${member.online ? '●' : '○'}  ${memberLabel(member)}  ${memberRemark(member)}\n`);
  }
}

/** What one command does to a person in a group. */
export type MemberAct = 'add' | 'remove' | 'promote' | 'demote';

/** `group add`, `remove`, `promote`, `demote`. */
export async function changeMember(
  io: Io,
  act: MemberAct,
  name: string,
  person: string,
  flags: GroupFlags,
): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const group =
    act === 'add' || act === 'remove'
      ? await client.setMember(name, person, act === 'add', signal)
      : await client.setAdmin(name, person, act === 'promote', signal);
  await show(io, group, flags, DONE[act](groupLabel(group), historyLabel(group.history)));
}

const DONE: Record<MemberAct, (group: string, history: string) => string> = {
  add: (group, history) => `They are asked to come into ${group}, and get ${history}.`,
  remove: (group) => `They are removed from ${group}.`,
  promote: (group) => `They are an admin of ${group}.`,
  demote: (group) => `They are a member of ${group} like any other.`,
};

/** `group accept`, `decline`, `leave`; `room join`, `leave`. */
export async function moveSelf(
  io: Io,
  act: 'enter' | 'decline' | 'leave',
  name: string,
  flags: GroupFlags,
): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  switch (act) {
    case 'enter': {
      const group = await client.enterGroup(name, signal);
      return show(io, group, flags, `You are in ${groupLabel(group)}.`);
    }
    case 'decline': {
      const group = await client.declineGroup(name, signal);
      return show(io, group, flags, `You have declined ${groupLabel(group)}.`);
    }
    case 'leave': {
      const group = await client.leaveGroup(name, signal);
      return show(io, group, flags, `You have left ${groupLabel(group)}.`);
    }
  }
}

/** `group rename`. */
export async function renameGroup(io: Io, name: string, to: string, flags: GroupFlags): Promise<void> {
  const group = await profileClient(io, flags).changeGroup(name, { name: to }, io.interruption());
  await show(io, group, flags, `It is called ${groupLabel(group)}.`);
}

/** `group policy`: says, or changes, what newcomers get. */
export async function groupPolicy(io: Io, name: string, flags: CreateGroupFlags): Promise<void> {
  const client = profileClient(io, flags);
  const signal = io.interruption();
  const { history } = flags;
  const group =
    history === undefined
      ? await client.group(name, signal)
      : await client.changeGroup(name, { history }, signal);
  await show(io, group, flags, `Newcomers of ${groupLabel(group)} get: ${historyLabel(group.history)}.`);
}

/** `mute`: what notifies of a conversation. */
export async function mute(io: Io, name: string, level: MuteLevel, flags: GroupFlags): Promise<void> {
  const set = await profileClient(io, flags).mute(name, level, io.interruption());
  if (flags.json === true) return printJson(io, set);
  await print(io, `Notifies: ${MUTE_LABELS[set.mute]}.\n`);
}

async function show(io: Io, group: GroupView, flags: GroupFlags, text: string): Promise<void> {
  if (flags.json === true) return printJson(io, group);
  await print(io, `${text}\n`);
}
