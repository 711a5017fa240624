import {
  errorMessage,
  type GroupMemberView,
  type GroupView,
  type HistoryPolicy,
  MUTE_LEVELS,
  parseUserName,
  safeLine,
} from '@p2p-chat/shared';
import { knownPeers, type ViewState, withEvent } from '@p2p-chat/shared/client';
import {
  groupLabel,
  groupRemark,
  historyLabel,
  memberLabel,
  memberRemark,
  MUTE_LABELS,
} from '../group-labels.js';
import { header } from '../header.js';
import { count } from '../labels.js';
import type { ListRow } from '../prompts/live-list.js';
import { theme } from '../theme.js';
import { flash, takeFlash, type ScreenContext } from './context.js';
import { openConversation } from './conversation.js';
import { choosePerson } from './people-list.js';

/** New Group: a name, people, done. */
export async function newGroup(context: ScreenContext): Promise<void> {
  const name = await askName(context, 'New Group: what is it called?');
  if (name === null) return;
  const people = new Set<string>();
  let at = 'done';
  for (;;) {
    const chosen = await context.ask.list<ViewState, string>({
      message: `New Group ${safeLine(name)}: who is to come?`,
      store: context.view.store,
      header,
      rows: (state) => [
        { key: 'done', value: 'done', label: 'Done', remark: count(people.size, 'person', 'people') },
        ...knownPeers(state).map((peer) => ({
          key: peer.peerId,
          value: peer.peerId,
          label: `${people.has(peer.peerId) ? '[x]' : '[ ]'} ${safeLine(peer.user)}`,
          remark: peer.online ? 'online' : 'offline',
        })),
        { key: 'cancel', value: '', label: 'Cancel', isWayOut: true },
      ],
      initial: at,
      back: '',
    });
    if (chosen === '') return;
    if (chosen === 'done') break;
    at = chosen;
    if (!people.delete(chosen)) people.add(chosen);
  }
  await changed(context, async ({ client, signal }) => {
    const group = await client.createGroup({ name, people: [...people] }, signal);
    await openConversation(context, group.id);
  });
}

/** Groups: those that one is or was in. */
export async function groups(context: ScreenContext): Promise<void> {
  await eachGroup(context, 'Groups: which one?', false);
}

/** Rooms: what is open to everybody on the network. */
export async function rooms(context: ScreenContext): Promise<void> {
  await eachGroup(context, 'Rooms: which one?', true);
}

async function eachGroup(context: ScreenContext, message: string, open: boolean): Promise<void> {
  const { client, signal, store } = context.view;
  for (;;) {
    // What one is asked to come to waits beside the message requests.
    const all = (await client.groups(open, signal)).filter(({ invitedBy }) => invitedBy === null);
    const rows = (state: ViewState): ListRow<string>[] =>
      all.map((group) => ({
        key: group.id,
        value: group.id,
        label: groupLabel(group),
        remark: [...unreadOf(state, group.id), groupRemark(group)].join(' · '),
      }));
    const chosen = await context.ask.list<ViewState, string>({
      message,
      store,
      header,
      intro: (state) => [
        ...(state.flash === null ? [] : [theme.good(state.flash)]),
        ...(all.length === 0 ? [open ? 'There are no rooms.' : 'There are no groups.', ''] : []),
      ],
      rows: (state) => [
        ...rows(state),
        ...(open ? [{ key: 'new', value: 'new', label: 'New Room' }] : []),
        { key: 'cancel', value: '', label: 'Cancel', isWayOut: true },
      ],
      back: '',
    });
    takeFlash(context);
    if (chosen === '') return;
    const group = all.find(({ id }) => id === chosen);
    if (group === undefined) await newRoom(context);
    else if (group.open && group.state === null) await enter(context, group);
    else await seeGroup(context, group);
  }
}

function unreadOf({ conversations }: ViewState, id: string): string[] {
  const unread = conversations.find((one) => one.id === id)?.unread ?? 0;
  return unread === 0 ? [] : [`${unread} unread`];
}

async function newRoom(context: ScreenContext): Promise<void> {
  const name = await askName(context, 'New Room: what is it called?');
  if (name === null) return;
  await changed(context, async ({ client, signal }) => {
    await client.createGroup({ name, open: true }, signal);
  });
}

/** Asks what to do with an invitation, and does it. @returns whether it was decided */
export async function answerInvitation(context: ScreenContext, id: string): Promise<boolean> {
  const group = await context.view.client.group(id, context.view.signal);
  const by = group.invitedBy;
  const choice = await choose(context, `${groupLabel(group)}: ${groupRemark(group)}`, [
    ['accept', 'Accept', count(group.members.filter(({ state }) => state === 'member').length, 'member')],
    ['decline', 'Decline', ''],
    ...(by === null ? [] : [['block', `Block ${safeLine(by.user)}`, ''] as const]),
  ]);
  await changed(context, async ({ client, signal, store }) => {
    if (choice === 'accept') {
      const entered = await client.enterGroup(group.id, signal);
      store.update((state) => withEvent(state, { type: 'group', group: entered }));
      await openConversation(context, group.id);
    }
    if (choice === 'block' && by !== null) await client.block(by.peerId, signal);
    if (choice !== 'decline' && choice !== 'block') return;
    const declined = await client.declineGroup(group.id, signal);
    store.update((state) => withEvent(state, { type: 'group', group: declined }));
  });
  return choice !== '';
}

async function seeGroup(context: ScreenContext, group: GroupView): Promise<void> {
  const isIn = group.state === 'member';
  const mayRead = group.state !== null;
  const choice = await choose(context, groupLabel(group), [
    ...(mayRead ? [['open', isIn ? 'Read and write' : 'Read', ''] as const] : []),
    ...(!isIn && group.open && group.state !== 'removed' ? [['enter', 'Go in', ''] as const] : []),
    ['members', 'Members', groupRemark({ ...group, state: 'member' })],
    ...(isIn ? [['mute', 'Notifications', MUTE_LABELS[group.mute]] as const] : []),
    ...(isIn && group.role === 'admin'
      ? [
          ['rename', 'Rename', ''] as const,
          ['history', 'Newcomers get', historyLabel(group.history)] as const,
        ]
      : []),
    ...(isIn ? [['leave', 'Leave', 'what was written stays here'] as const] : []),
  ]);
  switch (choice) {
    case 'open':
      return openConversation(context, group.id);
    case 'enter':
      return enter(context, group);
    case 'members':
      return members(context, group.id);
    case 'mute':
      return muteGroup(context, group);
    case 'rename':
      return renameGroup(context, group);
    case 'history':
      return changeHistory(context, group);
    case 'leave':
      return changed(context, async ({ client, signal }) => {
        await client.leaveGroup(group.id, signal);
      });
  }
}

async function enter(context: ScreenContext, { id }: GroupView): Promise<void> {
  await changed(context, async ({ client, signal }) => {
    await client.enterGroup(id, signal);
    await openConversation(context, id);
  });
}

async function muteGroup(context: ScreenContext, group: GroupView): Promise<void> {
  const chosen = await choose(
    context,
    `${groupLabel(group)}: what notifies you?`,
    MUTE_LEVELS.map((level) => [level, MUTE_LABELS[level], level === group.mute ? 'now' : ''] as const),
  );
  const level = MUTE_LEVELS.find((one) => one === chosen);
  if (level === undefined) return;
  await changed(context, async ({ client, signal }) => {
    await client.mute(group.id, level, signal);
  });
}

async function renameGroup(context: ScreenContext, group: GroupView): Promise<void> {
  const name = await askName(context, `${groupLabel(group)}: what is it called now?`);
  if (name === null) return;
  await changed(context, async ({ client, signal }) => {
    await client.changeGroup(group.id, { name }, signal);
  });
}

/** What newcomers may get of what was written before. */
const HISTORIES: readonly HistoryPolicy[] = ['join', 1, 7, 30, 'all'];

async function changeHistory(context: ScreenContext, group: GroupView): Promise<void> {
  const chosen = await choose(
    context,
    `${groupLabel(group)}: what do newcomers get?`,
    HISTORIES.map((one) => [String(one), historyLabel(one), one === group.history ? 'now' : ''] as const),
  );
  const history = HISTORIES.find((one) => String(one) === chosen);
  if (history === undefined) return;
  await changed(context, async ({ client, signal }) => {
    await client.changeGroup(group.id, { history }, signal);
  });
}

/** Members: who is in, who is admin, who is online; an admin adds and removes. */
async function members(context: ScreenContext, id: string): Promise<void> {
  const { client, signal, store } = context.view;
  let at: string | undefined;
  for (;;) {
    const group = await client.group(id, signal);
    const isAdmin = group.role === 'admin' && group.state === 'member';
    const chosen = await context.ask.list<ViewState, string>({
      message: `Members of ${groupLabel(group)}`,
      store,
      header,
      intro: (state) => [...(state.flash === null ? [] : [theme.good(state.flash)])],
      rows: ({ peers }) => [
        ...group.members.map((member) => ({
          key: member.peerId,
          value: member.peerId,
          label: `${(peers.get(member.peerId) ?? member).online ? '●' : '○'} ${memberLabel(member)}`,
          remark: memberRemark(member),
        })),
        ...(isAdmin ? [{ key: 'add', value: 'add', label: 'Add somebody' }] : []),
        { key: 'cancel', value: '', label: 'Cancel', isWayOut: true },
      ],
      ...(at === undefined ? {} : { initial: at }),
      back: '',
    });
    takeFlash(context);
    if (chosen === '') return;
    at = chosen;
    const member = group.members.find(({ peerId }) => peerId === chosen);
    if (chosen === 'add') await addSomebody(context, group);
    else if (member !== undefined && isAdmin && !member.self) await changeMember(context, group, member);
  }
}

async function addSomebody(context: ScreenContext, group: GroupView): Promise<void> {
  const isIn = new Set(
    group.members.filter(({ state }) => state === 'member' || state === 'invited').map((one) => one.peerId),
  );
  const peerId = await choosePerson(context, {
    message: `Add whom to ${groupLabel(group)}? They get ${historyLabel(group.history)}.`,
    people: (state) => knownPeers(state).filter((peer) => !isIn.has(peer.peerId)),
    remark: (peer) => (peer.online ? 'online' : undefined),
    empty: () => ['Everybody who is known is in.'],
  });
  if (peerId === null) return;
  await changed(context, async ({ client, signal }) => {
    await client.setMember(group.id, peerId, true, signal);
  });
}

async function changeMember(
  context: ScreenContext,
  group: GroupView,
  member: GroupMemberView,
): Promise<void> {
  const isIn = member.state === 'member';
  const isAdmin = member.role === 'admin';
  const choice = await choose(context, memberLabel(member), [
    ...(isIn && !isAdmin ? [['promote', 'Make an admin', ''] as const] : []),
    ...(isIn && isAdmin ? [['demote', 'Make a member like any other', ''] as const] : []),
    ...(isIn || member.state === 'invited'
      ? [['remove', 'Remove', 'nothing written from now on is sent to them'] as const]
      : [['add', 'Add again', ''] as const]),
  ]);
  await changed(context, async ({ client, signal }) => {
    if (choice === 'add' || choice === 'remove')
      await client.setMember(group.id, member.peerId, choice === 'add', signal);
    if (choice === 'promote' || choice === 'demote')
      await client.setAdmin(group.id, member.peerId, choice === 'promote', signal);
  });
}

/** Asks for one of some choices. @returns its key; '' for none */
function choose(
  context: ScreenContext,
  message: string,
  choices: readonly (readonly [key: string, label: string, remark: string])[],
): Promise<string> {
  return context.ask.list<ViewState, string>({
    message,
    store: context.view.store,
    header,
    rows: () => [
      ...choices.map(([key, label, remark]) => ({ key, value: key, label, remark })),
      { key: 'cancel', value: '', label: 'Cancel', isWayOut: true },
    ],
    back: '',
  });
}

function askName(context: ScreenContext, message: string): Promise<string | null> {
  return context.ask.text({
    message,
    store: context.view.store,
    header,
    intro: ['A group is seen under this name by everybody who is in it.'],
    initial: '',
    check: (text) => {
      try {
        parseUserName(text);
        return null;
      } catch (error) {
        return errorMessage(error);
      }
    },
  });
}

/** Does something, and says what is in the way of it. */
async function changed(
  context: ScreenContext,
  act: (view: ScreenContext['view']) => Promise<void>,
): Promise<void> {
  try {
    await act(context.view);
  } catch (error) {
    flash(context, safeLine(`Nothing was changed. ${errorMessage(error)}`));
  }
}
